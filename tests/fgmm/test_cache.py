"""The embedding cache: many processes, sudden deaths, damaged files, and no wrong vector."""

from __future__ import annotations

import contextlib
import hashlib
import logging
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

from fgmm.cache import EmbeddingCache, default_cache_path
from fgmm.cache.database import _check_ours, _connect
from fgmm.errors import StoreError

DIM = 96
ROOT = Path(__file__).parents[2]


def key(number: int) -> bytes:
    return hashlib.blake2b(b"%d" % number, digest_size=16).digest()


def truth(space: str, key: bytes) -> np.ndarray:
    """The vector of a key: the test knows what must be read, whoever wrote it."""
    seed = int.from_bytes(hashlib.blake2b(key, digest_size=8, salt=space.encode()).digest(), "big")
    return np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)


def truths(space: str, keys: list[bytes]) -> np.ndarray:
    return np.stack([truth(space, key) for key in keys])


def assert_true(space: str, found: dict[bytes, np.ndarray]) -> None:
    for each, vector in found.items():
        assert np.array_equal(vector, truth(space, each))


@pytest.fixture
def cache(tmp_path):
    with EmbeddingCache(tmp_path / "cache.sqlite") as cache:
        yield cache


def test_what_is_put_is_got(cache):
    keys = [key(n) for n in range(700)]
    cache.put_many("a", keys[:600], truths("a", keys[:600]))
    found = cache.get_many("a", keys)
    assert set(found) == set(keys[:600])
    assert_true("a", found)
    assert all(
        vector.dtype == np.float32 and not vector.flags.writeable for vector in found.values()
    )
    stats = cache.stats()
    assert (stats.vectors, stats.hits, stats.misses, stats.dropped) == (600, 600, 100, 0)
    assert stats.path == cache.path


def test_spaces_are_apart(cache):
    cache.put_many("a", [key(1)], truths("a", [key(1)]))
    cache.put_many("b", [key(1)], truths("b", [key(1)]))
    assert_true("a", cache.get_many("a", [key(1)]))
    assert_true("b", cache.get_many("b", [key(1)]))
    assert cache.get_many("c", [key(1)]) == {}


def test_it_outlives_its_object_and_replaces(tmp_path):
    path = tmp_path / "deep" / "er" / "ß.sqlite"
    with EmbeddingCache(path) as cache:
        cache.put_many("a", [key(1)], np.zeros((1, 3)))
        cache.put_many("a", [key(1)], truths("a", [key(1)]))
    assert [file.name for file in path.parent.iterdir()] == ["ß.sqlite"]
    again = EmbeddingCache(path)
    assert_true("a", again.get_many("a", [key(1)]))
    assert again.stats().vectors == 1
    again.close()


def test_nothing_and_wrong_shapes(cache):
    cache.put_many("a", [], np.zeros((0, 4)))
    assert cache.get_many("a", []) == {}
    with pytest.raises(ValueError, match=r"2 keys and vectors of shape \(3, 4\)"):
        cache.put_many("a", [key(1), key(2)], np.zeros((3, 4)))
    with pytest.raises(ValueError, match="at least 1,000,000"):
        EmbeddingCache("x", max_bytes=10)


def test_clear(cache):
    keys = [key(n) for n in range(3000)]
    cache.put_many("a", keys, truths("a", keys))
    full = cache.stats().bytes
    cache.clear()
    assert cache.get_many("a", keys) == {}
    assert cache.stats().vectors == 0
    assert cache.stats().bytes < full / 5
    cache.close()
    assert cache.path.stat().st_size < full / 5


def test_the_longest_unused_go_first(tmp_path):
    limit = 1_000_000
    cache = EmbeddingCache(tmp_path / "cache.sqlite", max_bytes=limit)
    dear = [key(n) for n in range(100)]
    cache.put_many("a", dear, truths("a", dear))
    for start in range(1000, 6000, 250):
        others = [key(n) for n in range(start, start + 250)]
        cache.put_many("a", others, truths("a", others))
        assert set(cache.get_many("a", dear)) == set(dear)
        assert cache.stats().bytes <= limit
        assert cache.path.stat().st_size <= limit * 1.2
    early, late = [key(n) for n in range(1000, 1100)], [key(n) for n in range(5900, 6000)]
    assert cache.get_many("a", early) == {}
    assert set(cache.get_many("a", late)) == set(late)
    assert cache.stats().vectors > 1000  # it does not throw away more than it must
    cache.close()


def test_what_was_read_last_is_known_to_the_next_process(tmp_path):
    path = tmp_path / "cache.sqlite"
    first, second = [key(n) for n in range(200)], [key(n) for n in range(200, 400)]
    with EmbeddingCache(path) as cache:
        cache.put_many("a", first, truths("a", first))
        cache.put_many("a", second, truths("a", second))
        cache.get_many("a", first)
    with contextlib.closing(sqlite3.connect(path)) as raw:
        oldest = raw.execute("SELECT key FROM vectors ORDER BY used LIMIT 200").fetchall()
    assert {row[0] for row in oldest} == set(second)


# damage


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE vectors SET vector = zeroblob(length(vector)) WHERE key = ?1",
        "UPDATE vectors SET vector = substr(vector, 1, 40) WHERE key = ?1",
        "UPDATE vectors SET vector = 'text' WHERE key = ?1",
        "UPDATE vectors SET checksum = x'00' WHERE key = ?1",
        # a whole row, well kept, but another key's
        "UPDATE vectors SET (vector, checksum) = (SELECT vector, checksum FROM vectors "
        "WHERE key != ?1 LIMIT 1) WHERE key = ?1",
        # or another space's
        "UPDATE vectors SET (vector, checksum) = (SELECT vector, checksum FROM vectors v WHERE "
        "v.key = ?1 AND v.space = 2) WHERE key = ?1 AND space = 1",
    ],
)
def test_a_bad_row_is_missing_and_dropped(cache, damage, caplog):
    keys = [key(n) for n in range(10)]
    for space in ("a", "b"):
        cache.put_many(space, keys, truths(space, keys))
    with contextlib.closing(sqlite3.connect(cache.path)) as raw, raw:
        assert raw.execute(damage, (keys[3],)).rowcount >= 1
    found = cache.get_many("a", keys)
    assert set(found) == set(keys) - {keys[3]}
    assert_true("a", found)
    assert cache.stats().dropped == 1
    assert "dropped 1 damaged" in caplog.text
    with contextlib.closing(sqlite3.connect(cache.path)) as raw:
        left = raw.execute("SELECT count(*) FROM vectors WHERE space = 1").fetchone()
    assert left == (9,)
    cache.put_many("a", [keys[3]], truths("a", [keys[3]]))
    assert_true("a", cache.get_many("a", [keys[3]]))


def test_flipped_bits_never_give_a_wrong_vector(tmp_path):
    rng = np.random.default_rng(7)
    keys = [key(n) for n in range(300)]
    with EmbeddingCache(tmp_path / "whole.sqlite") as cache:
        cache.put_many("a", keys, truths("a", keys))
    whole = (tmp_path / "whole.sqlite").read_bytes()
    refused = lost = 0
    for turn in range(60):
        data = bytearray(whole)
        for at in rng.integers(0, len(data) if turn % 2 else 4000, rng.choice([1, 30])):
            data[at] ^= 1 << int(rng.integers(8))
        if turn % 10 == 0:
            del data[int(rng.integers(len(data))) :]
        path = tmp_path / f"{turn}.sqlite"
        path.write_bytes(data)
        try:
            with EmbeddingCache(path) as cache:
                found = cache.get_many("a", keys)
                assert_true("a", found)
                lost += len(found) < len(keys)
                cache.put_many("a", keys[:50], truths("a", keys[:50]))
                assert_true("a", cache.get_many("a", keys))
        except StoreError as error:
            assert repr(str(path)) in str(error)
            refused += 1
        assert path.exists()
    assert refused > 5
    assert lost > 5


@pytest.mark.parametrize(
    "content", [b"precious words", b"SQLite format 3\0" + bytes(200), b"\x89PNG" * 999]
)
def test_a_file_that_is_no_cache_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "thesis.doc"
    path.write_bytes(content)
    cache = EmbeddingCache(path)
    for use in (
        lambda: cache.get_many("a", [key(1)]),
        lambda: cache.put_many("a", [key(1)], np.ones((1, 2))),
        cache.clear,
        cache.stats,
    ):
        with pytest.raises(StoreError, match=r"thesis.doc.*left as it is"):
            use()
    cache.close()
    assert path.read_bytes() == content


def test_another_programs_database_is_left_alone(tmp_path):
    path = tmp_path / "contacts.db"
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("CREATE TABLE people (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="database of another program"):
        EmbeddingCache(path).get_many("a", [key(1)])
    assert path.read_bytes() == before


def test_a_cache_of_the_future_is_left_alone(cache):
    cache.put_many("a", [key(1)], np.ones((1, 2)))
    cache.close()
    with contextlib.closing(sqlite3.connect(cache.path)) as raw:
        raw.execute("PRAGMA user_version = 7")
    with pytest.raises(StoreError, match="cache of version 7"):
        cache.get_many("a", [key(1)])


def test_a_folder_is_no_cache(tmp_path):
    with pytest.raises(StoreError, match="is a folder"):
        EmbeddingCache(tmp_path).stats()


def test_an_empty_file_becomes_a_cache(tmp_path):
    path = tmp_path / "made by mkstemp"
    path.touch()
    with EmbeddingCache(path) as cache:
        cache.put_many("a", [key(1)], truths("a", [key(1)]))
        assert_true("a", cache.get_many("a", [key(1)]))


def use(cache: EmbeddingCache) -> dict[bytes, np.ndarray]:
    cache.put_many("a", [key(1)], truths("a", [key(1)]))
    return cache.get_many("a", [key(1)])


def test_where_nothing_can_be_written_work_goes_on_and_the_log_says_so(tmp_path, caplog):
    (tmp_path / "file").touch()
    cache = EmbeddingCache(tmp_path / "file" / "cache.sqlite")  # a file is in the way
    with caplog.at_level(logging.WARNING, "fgmm"):
        assert use(cache) == {}
        assert use(cache) == {}
    assert cache.stats().vectors == 0
    cache.clear()
    cache.close()
    assert caplog.text.count("no cache of embeddings") == 1
    with pytest.raises(StoreError, match="cannot use"):
        use(EmbeddingCache(tmp_path / "file" / "cache.sqlite", strict=True))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_read_only_folder(tmp_path, caplog):
    (tmp_path / "here").mkdir(mode=0o500)
    assert use(EmbeddingCache(tmp_path / "here" / "cache.sqlite")) == {}
    assert "no cache of embeddings" in caplog.text


def test_a_full_disk_or_a_lock_for_ever_ends_caching_not_work(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("fgmm.cache.database._PATIENCE", 0.05)
    cache = EmbeddingCache(tmp_path / "cache.sqlite")
    use(cache)
    with contextlib.closing(sqlite3.connect(cache.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING, "fgmm"):
            cache.put_many("a", [key(2)], np.ones((1, 2)))
        assert "locked" in caplog.text
        other.execute("ROLLBACK")
    assert cache.get_many("a", [key(1)]) == {}
    with EmbeddingCache(cache.path) as fresh:
        assert set(fresh.get_many("a", [key(1), key(2)])) == {key(1)}


def test_a_failed_put_keeps_nothing_of_it(cache):
    cache.put_many("a", [key(1)], truths("a", [key(1)]))
    with pytest.raises((TypeError, sqlite3.Error, StoreError)):
        cache.put_many("a", [key(2), object()], np.ones((2, 3)))
    assert set(cache.get_many("a", [key(1), key(2)])) == {key(1)}
    assert_true("a", use(cache))  # and it can still be written


# threads and processes


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
        from test_cache import EmbeddingCache, key, truths, assert_true
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
from test_cache import EmbeddingCache, key, truths, assert_true
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
        from test_cache import EmbeddingCache, key, truths
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


def test_the_users_own_place(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = EmbeddingCache()
    assert cache.path == default_cache_path()
    assert cache.path.name == "embeddings.sqlite"
    assert not cache.path.exists()  # nothing is made before it is used
    if sys.platform == "linux":
        assert cache.path == tmp_path / "fgmm" / "embeddings.sqlite"
