"""What is put around names stays with a library; files of version 1 say nothing of it."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from fgmm.errors import LibraryError, StoreError
from fgmm.library import (
    Collection,
    LibraryFile,
    MemoryLibrary,
    acts,
    add_species,
    export_folder,
    import_folder,
    verify,
)
from fgmm.library.phrasing import Phrasing
from fgmm.library.records import history_checksum

BIRD = Phrasing(True, "bird", ("a photo of a {}.", "the {}"))
FISH = Phrasing(True, "fish")


@pytest.fixture
def path(tmp_path):
    """A library of birds with a wren."""
    path = tmp_path / "birds.fgmm"
    with LibraryFile.create(path, "fake/1", 2, "fake", phrasing=BIRD) as file:
        file.apply(lambda now: add_species(now, "wren", id="w"), "add_species", {})
    return path


def run_sql(path, *statements):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def of_version_1(path):
    run_sql(path, "DROP TABLE phrasing", "PRAGMA user_version = 1")


def test_a_file_keeps_it(path):
    assert LibraryFile.open(path, readonly=True).collection.phrasing == BIRD
    assert (
        LibraryFile.create(path.with_name("x.fgmm"), "f", 2, "f").collection.phrasing == Phrasing()
    )
    assert verify(path) == []


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_a_change_of_it_is_one_like_any_other(path, kind):
    file = LibraryFile.open(path)
    library = file if kind == "file" else MemoryLibrary(file.collection)
    library.apply(*acts.phrasing(FISH))
    assert library.collection.phrasing == FISH
    library.apply(lambda now: add_species(now, "cod", id="c"), "add_species", {})
    library.apply(*acts.phrasing(FISH))  # nothing new
    assert [one.what for one in library.history()][-2:] == ["set_words", "add_species"]
    if kind == "file":
        assert LibraryFile.open(path).collection == library.collection
        assert verify(path) == []
    library.undo()
    assert (len(library.collection), library.collection.phrasing) == (1, FISH)
    library.undo()
    assert (len(library.collection), library.collection.phrasing) == (1, BIRD)
    if kind == "file":
        assert LibraryFile.open(path).collection == library.collection
        assert verify(path) == []
        library.forget()
        assert library.collection.phrasing == BIRD


def test_species_and_words_may_change_together(path):
    library = LibraryFile.open(path)
    before = library.collection
    library.apply(lambda now: add_species(now.with_phrasing(FISH), "cod"), "both", {})
    assert (len(library.collection), library.collection.phrasing) == (2, FISH)
    assert library.undo() == before


def test_others_see_a_change_of_it(path):
    one, other = LibraryFile.open(path), LibraryFile.open(path)
    one.apply(*acts.phrasing(FISH))
    assert other.collection.phrasing == BIRD
    assert other.reload().phrasing == FISH


def test_a_file_of_version_1_is_read_as_it_is_and_brought_up_to_date_for_writing(path):
    expected = LibraryFile.open(path).collection.with_phrasing(Phrasing())
    of_version_1(path)
    content = path.read_bytes()
    assert LibraryFile.open(path, readonly=True).collection == expected
    assert verify(path) == []
    assert path.read_bytes() == content
    with LibraryFile.open(path) as library:
        assert library.collection == expected
        library.apply(*acts.phrasing(FISH))
    assert LibraryFile.open(path, readonly=True).collection.phrasing == FISH
    assert verify(path) == []


def test_a_file_of_version_1_with_a_table_of_version_2_is_damaged(path):
    run_sql(path, "PRAGMA user_version = 1")
    with pytest.raises(StoreError, match="does not have the tables of a library of version 1"):
        LibraryFile.open(path, readonly=True)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE phrasing SET about = replace(about, 'bird', 'fish')",
        "DELETE FROM phrasing",
        "INSERT INTO phrasing SELECT * FROM phrasing",
    ],
)
def test_damage_is_found(path, statement):
    run_sql(path, statement)
    with pytest.raises(StoreError, match="what it says of words is not what was written"):
        LibraryFile.open(path)
    assert verify(path)


def test_a_folder_keeps_it_too(path, tmp_path):
    here = LibraryFile.open(path).collection
    export_folder(here, tmp_path / "out")
    assert import_folder(tmp_path / "out") == here
    words = tmp_path / "out" / "library.json"
    told = words.read_text().splitlines()
    start = next(at for at, line in enumerate(told) if '"phrasing"' in line)
    end = next(at for at in range(start, len(told)) if told[at] == " },")
    words.write_text("\n".join(told[:start] + told[end + 1 :]))  # as it was written before
    assert import_folder(tmp_path / "out") == here.with_phrasing(Phrasing())


@pytest.mark.parametrize(
    "given",
    [
        {"reads_words": 2},
        {"concept": ""},
        {"concept": 3},
        {"templates": ()},
        {"templates": ("no gap",)},
        {"templates": "a {}"},
        {"templates": (str.upper,)},
    ],
)
def test_what_is_no_phrasing_is_refused(given):
    with pytest.raises(LibraryError):
        Phrasing(**given)


def test_collections_that_differ_in_it_are_not_equal():
    plain = Collection("fake/1", 2, "fake")
    assert plain.with_phrasing(FISH) != plain
    assert plain.with_phrasing(Phrasing()) is plain
    assert add_species(plain.with_phrasing(FISH), "cod").phrasing == FISH


def test_a_folder_keeps_it_also_of_a_library_without_species(tmp_path):
    empty = Collection("fake/1", 2, "fake").with_phrasing(BIRD)
    export_folder(empty, tmp_path / "out")
    assert import_folder(tmp_path / "out").phrasing == BIRD


def test_one_that_a_change_would_go_back_to_is_verified_too(path):
    """With checksums that are right: whoever wrote it wrote what is no phrasing."""
    with LibraryFile.open(path) as file:
        file.apply(*acts.phrasing(FISH))
    assert verify(path) == []
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        *row, _ = connection.execute("SELECT * FROM history WHERE number = 2").fetchone()
        (last,) = connection.execute("SELECT checksum FROM history WHERE number = 1").fetchone()
        row[-1] = row[-1].replace("the {}", "the gap")
        connection.execute(
            "UPDATE history SET before = ?, checksum = ? WHERE number = 2",
            (row[-1], history_checksum(last, tuple(row))),
        )
    assert [(one.part, one.where) for one in verify(path)] == [("history", "change 2")]
