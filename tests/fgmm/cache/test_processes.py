"""A cache that many threads and processes share, some of which are killed."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fgmm.cache import EmbeddingCache
from fgmm.cache.database import _check_ours, _connect
from tests.fgmm.cache.conftest import assert_true, key, truths

ROOT = Path(__file__).parents[3]


def use(cache: EmbeddingCache) -> dict[bytes, np.ndarray]:
    cache.put_many("a", [key(1)], truths("a", [key(1)]))
    return cache.get_many("a", [key(1)])


def test_many_threads(cache):
    def work(number: int) -> None:
        rng = np.random.default_rng(number)
        for _ in range(20):
            keys = [key(int(n)) for n in rng.integers(0, 500, 20)]
            assert_true("a", cache.get_many("a", keys))
            cache.put_many("a", keys, truths("a", keys))
            assert set(cache.get_many("a", keys)) == set(keys)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert cache.stats().hits >= 8 * 20 * 10


def test_it_can_be_sent_to_another_process(tmp_path):
    cache = EmbeddingCache(tmp_path / "cache.sqlite", max_bytes=2_000_000, strict=True)
    use(cache)
    twin = pickle.loads(pickle.dumps(cache))  # noqa: S301
    assert (twin.path, twin.max_bytes, twin.strict) == (cache.path, 2_000_000, True)
    assert_true("a", twin.get_many("a", [key(1)]))
    twin.close()
    cache.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_its_own_connection(tmp_path):
    # in a fresh interpreter: forking this one, with its threads, is nobody's promise
    script = f"""
        import os, signal, sys, threading, time
        sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(ROOT)!r}]
        from conftest import key, truths, assert_true
        from fgmm import EmbeddingCache
        cache = EmbeddingCache({str(tmp_path / "cache.sqlite")!r}, strict=True)
        keys = [key(n) for n in range(400)]
        cache.put_many("a", keys[:200], truths("a", keys[:200]))
        def hold():
            with cache._database.reading():
                time.sleep(1)
        thread = threading.Thread(target=hold)  # at the fork another thread holds the lock
        thread.start()
        time.sleep(0.2)
        child = os.fork()
        if child == 0:
            signal.alarm(40)  # a child that waits for ever must not stay behind
            cache.put_many("a", keys[200:300], truths("a", keys[200:300]))
            assert_true("a", cache.get_many("a", keys))
            sys.exit(0)
        thread.join()
        assert os.waitpid(child, 0)[1] == 0
        cache.put_many("a", keys[300:], truths("a", keys[300:]))
        found = cache.get_many("a", keys)
        assert set(found) == set(keys)
        assert_true("a", found)
        cache.close()
    """
    run = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(script)]
    subprocess.run(run, check=True, timeout=60)


FILLER = f"""
import sys
sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(ROOT)!r}]
from conftest import key, truths, assert_true
from fgmm import EmbeddingCache
import numpy as np
path, seed, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(seed)
cache = EmbeddingCache(path, max_bytes=limit or None, strict=True)
print("ready", flush=True)
while True:
    keys = list(dict.fromkeys(key(int(n)) for n in rng.integers(0, 4000, 32)))
    assert_true("a", cache.get_many("a", keys))
    cache.put_many("a", keys, truths("a", keys))
    print("+", end="", flush=True)
"""


def start_filler(path: Path, seed: int, limit: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", FILLER, str(path), str(seed), str(limit)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("after", [1, 2])
def test_a_file_that_another_process_begins_between_two_looks_is_ours(tmp_path, after):
    path = tmp_path / "new.sqlite"
    looks = []

    class Meeting:
        """A connection; after so many of its statements another process makes the file."""

        def __init__(self) -> None:
            self.own = sqlite3.connect(path, isolation_level=None)

        def execute(self, statement):
            found = self.own.execute(statement).fetchone()
            looks.append(statement)
            if len(looks) == after:
                _connect(path).close()
            return _Row(found)

    meeting = Meeting()
    _check_ours(meeting, path)
    assert len(looks) == 3
    meeting.own.close()


class _Row:
    def __init__(self, row) -> None:
        self.row = row

    def fetchone(self):
        return self.row


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no sudden death here")
@pytest.mark.parametrize("limit", [0, 1_000_000], ids=["no limit", "evicting"])
def test_two_processes_and_one_is_killed(tmp_path, limit):
    path = tmp_path / "shared.sqlite"
    rng = np.random.default_rng(11)
    every = [key(n) for n in range(4000)]
    # the first pair meets at a file that does not exist yet, and one dies in the midst of it
    survivor = start_filler(path, 0, limit)
    reader = EmbeddingCache(path, max_bytes=limit or None, strict=True)
    most = 0
    for turn in range(5):
        victim = start_filler(path, turn + 1, limit)
        if turn:  # once it fills; the first is killed wherever it is
            assert victim.stdout.readline() == b"ready\n"
        time.sleep(float(rng.uniform(0.02, 0.4)) + (0 if turn else 0.3))
        victim.kill()
        assert_true("a", reader.get_many("a", every[:1000]))
        _, errors = victim.communicate(timeout=60)
        assert victim.returncode == -signal.SIGKILL, errors.decode()
        found = reader.get_many("a", every)
        assert_true("a", found)
        most = max(most, len(found))
        assert survivor.poll() is None, survivor.stderr.read().decode()
    survivor.kill()
    survivor.communicate(timeout=60)
    assert most > 500
    found = reader.get_many("a", every)
    assert_true("a", found)
    assert reader.stats().dropped == 0  # whole transactions or nothing: not even a bad row
    with contextlib.closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    if limit:
        assert reader.stats().bytes <= limit
    reader.close()


def test_many_processes_may_begin_at_once(tmp_path):
    script = f"""
        import sys
        sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(ROOT)!r}]
        from conftest import key, truths
        from fgmm import EmbeddingCache
        cache = EmbeddingCache({str(tmp_path / "new.sqlite")!r}, strict=True)
        number = int(sys.argv[1])
        sys.stdin.read(1)
        cache.put_many("a", [key(number)], truths("a", [key(number)]))
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), str(n)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for n in range(4)
    ]
    for process in processes:
        process.stdin.write(b".")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    with EmbeddingCache(tmp_path / "new.sqlite") as cache:
        found = cache.get_many("a", [key(n) for n in range(4)])
        assert len(found) == 4
        assert_true("a", found)
