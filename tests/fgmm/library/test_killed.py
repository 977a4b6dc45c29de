"""Killed at any moment, a library opens, with every change that was acknowledged and none half."""

from __future__ import annotations

import functools
import itertools
import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fgmm.errors import FgmmError, StoreError
from fgmm.library import (
    LibraryFile,
    Photos,
    add_photos,
    add_species,
    merge,
    remove,
    rename,
    verify,
)

ADDS, CHILDREN = 300, 12
# Adds species of five photos without pause, and says of each that it is kept.
CHILD = """
import os, sys
import numpy as np
from fgmm.library import LibraryFile, Photos, add_species

path, child = sys.argv[1], int(sys.argv[2])
rows = np.eye(512, dtype=np.float32)[:5]
library = LibraryFile.open(path)
for i in range(10_000):
    photos = Photos(rows, [f"{child:08x}{i:08x}{j:016x}" for j in range(5)])
    name = f"{child} {i}"
    library.apply(lambda c: add_species(c, name, photos), "add_species", {"name": name})
    os.write(1, f"{name}\\n".encode())
"""


def test_killed_at_random_moments_it_keeps_every_add_and_none_half(tmp_path):
    path = tmp_path / "birds.fgmm"
    LibraryFile.create(path, "fake/1", 512, "fake")
    generator = random.Random(5)
    root = str(Path(__file__).resolve().parents[3])
    kept: list[str] = []
    child = 0
    while len(kept) < ADDS or child < CHILDREN:
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path), str(child)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
        )
        acknowledged = [
            process.stdout.readline().decode().strip()
            for _ in range(generator.randint(10, 2 * ADDS // CHILDREN))
        ]
        time.sleep(generator.uniform(0, 0.02))
        process.kill()
        rest, _ = process.communicate(timeout=60)
        acknowledged += rest.decode().splitlines()
        assert all(acknowledged), "the child died by itself"
        with LibraryFile.open(path) as library:
            names = [one.name for one in library.collection]
            assert all(len(one.photos) == 5 for one in library.collection)
            assert [e.detail["name"] for e in library.history()] == names
        # All that was acknowledged, and perhaps the one it was killed over.
        expected = kept + acknowledged
        assert names[: len(expected)] == expected
        assert len(names) - len(expected) <= 1
        assert verify(path) == []
        kept, child = names, child + 1
    with LibraryFile.open(path) as library:  # the next change takes away what the last kill left
        library.apply(lambda c: remove(c, names[0]), "remove", {})
    assert [p.name for p in tmp_path.iterdir()] == ["birds.fgmm"]


@pytest.fixture
def half_written(birds, tmp_path):
    """A file as a writer leaves it that was killed while its pages were on their way."""
    folder = tmp_path / "half"
    folder.mkdir()
    whole = birds.read_bytes()
    connection = sqlite3.connect(birds, isolation_level=None)
    try:
        connection.execute("PRAGMA cache_size = 1")  # pages go to the file before the commit
        connection.execute("BEGIN")
        connection.execute("DELETE FROM photos")
        connection.execute("DELETE FROM history")
        for i in range(200):
            connection.execute("INSERT INTO thumbnails VALUES (?, zeroblob(9000), 0)", (str(i),))
        for path in (birds, birds.with_name("birds.fgmm-journal")):
            (folder / path.name).write_bytes(path.read_bytes())
    finally:
        connection.close()
    assert (folder / "birds.fgmm").read_bytes() != whole
    return folder / "birds.fgmm"


def test_what_a_killed_writer_left_half_done_is_taken_back(half_written, birds):
    with pytest.raises(StoreError, match="has to be opened for writing once"):
        LibraryFile.open(half_written, readonly=True)
    assert verify(half_written) == []
    with LibraryFile.open(half_written) as library, LibraryFile.open(birds) as original:
        assert library.collection == original.collection
        assert library.history() == original.history()
    assert LibraryFile.open(half_written, readonly=True).collection.n_photos == 3


def make(*numbers: int) -> Photos:
    rows = np.array([(np.cos(n), np.sin(n)) for n in numbers])
    return Photos(rows, [f"{n:032x}" for n in numbers])


CHANGES = {
    "add_species": lambda f: f.apply(lambda c: add_species(c, "emu", make(7, 8)), "add", {}),
    "add_photos": lambda f: f.apply(lambda c: add_photos(c, "wren", make(7)), "add", {}),
    "remove": lambda f: f.apply(lambda c: remove(c, "wren"), "remove", {}),
    "rename": lambda f: f.apply(lambda c: rename(c, "wren", "Wren!"), "rename", {}),
    "merge": lambda f: f.apply(lambda c: merge(c, "wren", "dodo"), "merge", {}),
    "undo": lambda f: f.undo(),
    "forget": lambda f: f.forget(),
    "thumbnail": lambda f: f.thumbnails.put(
        {f"{1:032x}": b"\xff\xd8\xff\xe0\x00\x06JFIF\xff\xda\x00\x02\xff\xd9"}
    ),
}


def failing_at(fatal: int) -> type[sqlite3.Connection]:
    """A kind of connection that fails at the statement of that number, counted over all."""
    counted = itertools.count(1)

    def check(statement: str) -> None:
        if statement not in ("ROLLBACK", "VACUUM") and next(counted) == fatal:
            raise sqlite3.OperationalError("disk I/O error")

    class Failing(sqlite3.Connection):
        def execute(self, statement, *arguments):
            check(statement)
            return super().execute(statement, *arguments)

        def executemany(self, statement, rows):
            check(statement)
            return super().executemany(statement, rows)

    return Failing


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_fails_at_any_statement_changes_nothing(birds, change, monkeypatch):
    """The disk fails at the first statement, at the second, and so on to the last."""
    connect = sqlite3.connect
    with LibraryFile.open(birds) as library:
        library.apply(lambda c: remove(c, "great tit"), "remove", {})
        before, history = library.collection, library.history()
        failed = 0
        for fatal in range(1, 200):
            failing = failing_at(fatal)
            monkeypatch.setattr(sqlite3, "connect", functools.partial(connect, factory=failing))
            try:
                CHANGES[change](library)
                break
            except StoreError as error:
                assert "disk I/O error" in str(error)
                failed += 1
            finally:
                monkeypatch.setattr(sqlite3, "connect", connect)
            assert library.collection == before
            assert library.reload() == before
            assert library.history() == history
        assert failed > 8
        with LibraryFile.open(birds) as other:
            assert other.collection == library.collection
    assert verify(birds) == []


def test_an_interrupted_change_changes_nothing(birds):
    with LibraryFile.open(birds) as library:
        before = library.collection

        def stopped(collection):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            library.apply(stopped, "add", {})
        assert library.reload() == before
        with pytest.raises(FgmmError):
            library.apply(lambda c: add_species(c, "wren"), "add", {})
        assert "emu" in library.apply(lambda c: add_species(c, "emu"), "add", {})


def test_texts_that_fail_at_any_statement_are_there_as_a_whole_or_not_at_all(birds, monkeypatch):
    connect = sqlite3.connect
    vectors = {bytes([n]): np.eye(3, dtype=np.float32)[n] for n in range(3)}
    with LibraryFile.open(birds) as library:
        before, history = library.collection, library.history()
        for fatal in itertools.count(1):
            failing = failing_at(fatal)
            monkeypatch.setattr(sqlite3, "connect", functools.partial(connect, factory=failing))
            library.texts.put(vectors)
            monkeypatch.setattr(sqlite3, "connect", connect)
            found = library.texts.get()
            if found:
                break
            assert library.reload() is before
        assert fatal > 8
        assert found.keys() == vectors.keys()
        assert library.history() == history
    assert verify(birds) == []
