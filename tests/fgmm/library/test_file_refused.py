"""Files that are no library, or another one, or an older one."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from fgmm.errors import LibraryError, SpaceMismatch, StoreError
from fgmm.library import (
    Collection,
    LibraryFile,
    Photos,
    add_species,
    schema,
    verify,
)
from fgmm.library.connection import reading

if TYPE_CHECKING:
    from pathlib import Path


def tables(path: Path, statement: str) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(statement).fetchall()
        connection.commit()
        return rows


def add(library: LibraryFile, name: str, photos: Photos | None = None) -> Collection:
    return library.apply(lambda c: add_species(c, name, photos), "add_species", {"name": name})


def test_making_one_where_there_is_something_leaves_it_alone(birds, tmp_path):
    content = birds.read_bytes()
    (tmp_path / "notes.txt").write_text("wren")
    for path in (birds, tmp_path / "notes.txt", tmp_path):
        with pytest.raises(StoreError, match="there is something at"):
            LibraryFile.create(path, "fake/1", 2, "fake")
    assert birds.read_bytes() == content
    with pytest.raises(StoreError, match="name a place in a folder that is there"):
        LibraryFile.create(tmp_path / "no" / "birds.fgmm", "fake/1", 2, "fake")
    with pytest.raises(LibraryError, match="0 dimensions"):
        LibraryFile.create(tmp_path / "none.fgmm", "fake/1", 0, "fake")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["birds.fgmm", "notes.txt"]


def test_an_empty_file_is_no_library_and_can_become_one(tmp_path):
    path = tmp_path / "empty.fgmm"
    path.touch()
    with pytest.raises(StoreError, match="is an empty file, no library: delete it, and"):
        LibraryFile.open(path)
    assert path.read_bytes() == b""
    LibraryFile.create(path, "fake/1", 2, "fake")
    assert len(LibraryFile.open(path).collection) == 0


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nothing", "there is no library"),
        ("folder", "is a folder; a library is one file"),
        ("text", "is no library of species, or a damaged one"),
        ("other", "is a database of another program"),
        ("newer", "is a library of version 3 and this fgmm reads version 2"),
        ("extra table", "does not have the tables of a library"),
        ("trigger", "does not have the tables of a library"),
        ("older", "which this fgmm cannot bring up to version 2"),
    ],
)
def test_what_is_no_library_is_told_and_left_alone(birds, kind, message):
    path = birds.with_name("other.fgmm")
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_bytes(b"not a database at all, and long enough to be one. " * 400)
    elif kind == "other":
        tables(path, "CREATE TABLE species (id TEXT)")
    elif kind != "nothing":
        shutil.copy(birds, path)
        statement = {
            "newer": "PRAGMA user_version = 3",
            "older": "PRAGMA user_version = 0",
            "extra table": "CREATE TABLE more (x)",
            "trigger": "CREATE TRIGGER t AFTER INSERT ON species BEGIN DELETE FROM photos; END",
        }[kind]
        tables(path, statement)
    content = path.read_bytes() if path.is_file() else None
    for readonly in (False, True):
        if (kind, readonly) == ("older", True):
            message = "open it once for writing"
        with pytest.raises(StoreError, match=message):
            LibraryFile.open(path, readonly=readonly)
    if kind != "older":
        with pytest.raises(StoreError, match=message):
            verify(path)
    assert (path.read_bytes() if path.is_file() else None) == content


def test_a_file_of_an_earlier_version_is_brought_up_to_date(birds, monkeypatch):
    # A made-up version 0 had no thumbnails and called the encoder otherwise.
    tables(birds, "DROP TABLE thumbnails")
    tables(birds, "DROP TABLE phrasing")
    tables(birds, "PRAGMA user_version = 0")
    (statement,) = (s for s in schema._TABLES if "thumbnails" in s)
    monkeypatch.setitem(schema.MIGRATIONS, 0, lambda connection: connection.execute(statement))
    with pytest.raises(StoreError, match="open it once for writing"):
        LibraryFile.open(birds, readonly=True)
    with LibraryFile.open(birds) as library:
        assert [one.name for one in library.collection] == ["wren", "great tit", "dodo"]
        library.undo()
    assert tables(birds, "PRAGMA user_version") == [(2,)]
    assert verify(birds) == []


def test_a_migration_that_fails_leaves_the_file_as_it_was(birds, monkeypatch):
    tables(birds, "PRAGMA user_version = 0")
    content = birds.read_bytes()

    def fail(connection):
        connection.execute("DROP TABLE thumbnails")
        raise StoreError("half way")

    monkeypatch.setitem(schema.MIGRATIONS, 0, fail)
    with pytest.raises(StoreError, match="half way"):
        LibraryFile.open(birds)
    assert tables(birds, "SELECT count(*) FROM thumbnails") == [(0,)]
    assert birds.read_bytes()[100:] == content[100:]


def test_another_encoders_space_is_refused_with_both_names(birds):
    LibraryFile.open(birds, space="fake/1")
    with pytest.raises(SpaceMismatch, match=r"is of 'fake/1' .* to be of 'tiny/2'"):
        LibraryFile.open(birds, space="tiny/2")


def test_a_file_that_was_replaced_by_another_library_is_noticed(birds, tmp_path):
    with LibraryFile.open(birds) as library:
        LibraryFile.create(tmp_path / "other.fgmm", "fake/1", 2, "fake")
        (tmp_path / "other.fgmm").replace(birds)
        for use in (library.reload, library.undo, lambda: add(library, "emu")):
            with pytest.raises(StoreError, match="another library than the one that was opened"):
                use()
        birds.unlink()
        with pytest.raises(StoreError, match="cannot be opened"):
            library.reload()


def test_a_closed_library_is_used_no_more(birds):
    with LibraryFile.open(birds) as library:
        pass
    for use in (library.reload, library.undo, library.history, lambda: add(library, "emu")):
        with pytest.raises(LibraryError, match="was closed"):
            use()


def test_text_that_is_no_text_any_more_is_damage(birds):
    with (
        pytest.raises(StoreError, match=r"is damaged: .*go back to a copy"),
        reading(birds, 1.0, readonly=True),
    ):
        b"\x87".decode()
