"""A library's file where nothing, or not all, can be written."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

import pytest

from fgmm.errors import StoreError
from fgmm.library import (
    Collection,
    LibraryFile,
    Photos,
    add_species,
    verify,
)


def tables(path: Path, statement: str) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(statement).fetchall()
        connection.commit()
        return rows


def add(library: LibraryFile, name: str, photos: Photos | None = None) -> Collection:
    return library.apply(lambda c: add_species(c, name, photos), "add_species", {"name": name})


@contextlib.contextmanager
def nobody():
    """Do without the rights of an administrator, to whom every file is writable."""
    if sys.platform == "win32" or os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shelf(birds):
    """A folder that anybody may write to, with a library in it."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    shutil.copy(birds, folder / "birds.fgmm")
    (folder / "birds.fgmm").chmod(0o666)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


posix = pytest.mark.skipif(sys.platform == "win32", reason="rights of files are otherwise there")


@posix
def test_a_read_only_file_is_read_and_not_written(shelf):
    path = shelf / "birds.fgmm"
    path.chmod(0o444)
    content = path.read_bytes()
    with nobody(), LibraryFile.open(path) as library:
        assert len(library.collection) == 3
        before = library.collection
        for change in (lambda: add(library, "emu"), library.undo, library.forget):
            with pytest.raises(StoreError, match="cannot be written"):
                change()
        assert library.collection == before
        assert len(library.history()) == 3
        assert verify(path) == []
    assert path.read_bytes() == content


@posix
def test_a_file_in_a_read_only_folder_is_read_and_not_written(shelf):
    path = shelf / "birds.fgmm"
    content = path.read_bytes()
    shelf.chmod(0o555)
    with nobody():
        with LibraryFile.open(path) as library:
            before = library.collection
            with pytest.raises(StoreError, match="make the file and its folder writable"):
                add(library, "emu")
            assert library.collection == before
            assert library.reload() == before
        with pytest.raises(StoreError, match="in a folder that is there and can be written to"):
            LibraryFile.create(shelf / "new.fgmm", "fake/1", 2, "fake")
    assert path.read_bytes() == content
    assert [p.name for p in shelf.iterdir()] == ["birds.fgmm"]


@posix
def test_a_file_nobody_may_read_is_told_of(shelf):
    path = shelf / "birds.fgmm"
    path.chmod(0)
    with nobody(), pytest.raises(StoreError, match="cannot be opened"):
        LibraryFile.open(path)


def test_opened_for_reading_it_is_never_written(birds):
    content = birds.read_bytes()
    with LibraryFile.open(birds, readonly=True) as library:
        for change in (
            lambda: add(library, "emu"),
            library.undo,
            library.forget,
            lambda: library.thumbnails.put({}),
        ):
            with pytest.raises(StoreError, match="opened for reading only"):
                change()
    assert birds.read_bytes() == content


def test_a_full_disk_leaves_the_library_as_it_was(birds, photos, monkeypatch):
    with LibraryFile.open(birds) as library:
        before = library.collection
        (pages,) = tables(birds, "PRAGMA page_count")[0]
        connect = sqlite3.connect

        def on_a_full_disk(*args, **kwargs):
            connection = connect(*args, **kwargs)
            connection.execute(f"PRAGMA max_page_count = {pages + 1}")
            return connection

        with monkeypatch.context() as patch:
            patch.setattr(sqlite3, "connect", on_a_full_disk)
            many = photos(*range(100, 10_000))
            with pytest.raises(StoreError, match="no room on the disk"):
                add(library, "emu", many)
            assert library.collection == before
            assert library.reload() == before
        assert "emu" in add(library, "emu", many)
    assert verify(birds) == []


@posix
@pytest.mark.parametrize("room", [0, 1, 20_000, 100_000, 200_000])
def test_where_the_system_stops_writing_half_way_the_library_is_as_it_was(birds, photos, room):
    import resource

    many = photos(*range(100, 5_000))  # some 600 KB
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with LibraryFile.open(birds) as library:
        before, size = library.collection, birds.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, hard))
        try:
            with pytest.raises(StoreError, match="nothing was changed"):
                add(library, "emu", many)
            assert library.collection == before
            assert library.reload() == before
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert verify(birds) == []
        assert "emu" in add(library, "emu", many)
    assert verify(birds) == []


def test_a_library_that_cannot_be_made_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("fgmm.library.opening.create_schema", fail)
    with pytest.raises(StoreError, match="no room on the disk"):
        LibraryFile.create(tmp_path / "new.fgmm", "fake/1", 2, "fake")
    assert list(tmp_path.iterdir()) == []
