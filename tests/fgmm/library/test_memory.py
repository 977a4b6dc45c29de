"""A library in memory: changes, history, undo. What a file must do as well is tested for both."""

from __future__ import annotations

import numpy as np
import pytest

from fgmm.errors import LibraryError
from fgmm.library import (
    Collection,
    LibraryFile,
    MemoryLibrary,
    Photos,
    add_photos,
    add_species,
    merge,
    remove,
    rename,
)
from fgmm.library.history import difference, placed, places_of, restored


def photo(number: int) -> Photos:
    return Photos([[np.cos(number), np.sin(number)]], [f"{number:032x}"], [f"{number}.jpg"])


EMPTY = Collection("fake/1", 2, "fake")


@pytest.fixture(params=["memory", "file"])
def library(request, tmp_path):
    if request.param == "memory":
        return MemoryLibrary(EMPTY)
    return LibraryFile.create(tmp_path / "birds.fgmm", "fake/1", 2, "fake")


def add(library, name: str, *numbers: int, **words: object) -> None:
    photos = Photos.none(2)
    for number in numbers:
        photos = photos.joined(photo(number))
    library.apply(lambda c: add_species(c, name, photos, **words), "add_species", {"name": name})


def names(library) -> list[str]:
    return [one.name for one in library.collection]


def told(library) -> list[tuple[int, str, bool]]:
    return [(entry.number, entry.what, entry.undone) for entry in library.history()]


def test_undo_takes_back_one_change_after_the_other(library):
    states = [library.collection]
    steps = [
        ("add_species", lambda c: add_species(c, "wren", photo(1))),
        ("add_species", lambda c: add_species(c, "tit", photo(2))),
        ("add_species", lambda c: add_species(c, "dodo")),
        ("add_photos", lambda c: add_photos(c, "wren", photo(3))),
        ("rename", lambda c: rename(c, "tit", "great tit")),
        ("merge", lambda c: merge(c, "dodo", "wren")),
        ("remove", lambda c: remove(c, "great tit")),
    ]
    for what, step in steps:
        states.append(library.apply(step, what, {}))
    assert names(library) == ["dodo"]
    for before in reversed(states[:-1]):
        assert library.undo() == before
        assert library.collection == before
    with pytest.raises(LibraryError, match="no change to take back"):
        library.undo()
    assert told(library) == [
        *((i + 1, what, True) for i, (what, _) in enumerate(steps)),
        *((i, "undo", False) for i in range(8, 15)),
    ]


def test_a_change_after_an_undo_is_the_next_to_be_taken_back(library):
    add(library, "wren", 1)
    add(library, "tit", 2)
    library.undo()
    add(library, "emu")
    assert names(library) == ["wren", "emu"]
    library.undo()
    assert names(library) == ["wren"]
    library.undo()
    assert names(library) == []
    assert [entry.detail for entry in library.history()] == [
        {"name": "wren"},
        {"name": "tit"},
        {"change": 2},
        {"name": "emu"},
        {"change": 4},
        {"change": 1},
    ]


def test_what_was_removed_comes_back_to_its_place_with_all_that_was_known(library):
    words = {"names": ["Zaunkönig"], "description": "small", "parent": "bird"}
    add(library, "wren", 1, 2, attributes={"brown": 0.9}, **words)
    add(library, "tit", 3)
    before = library.collection
    library.apply(lambda c: remove(c, "wren"), "remove", {})
    add(library, "emu", 1)
    library.undo()
    assert library.undo() == before


def test_a_change_that_fails_leaves_no_trace(library):
    add(library, "wren", 1)
    before = library.collection

    def half(collection):
        add_species(collection, "tit")
        raise RuntimeError("half way")

    for change, error in [
        (half, RuntimeError),
        (lambda c: add_species(c, "wren"), LibraryError),
        (lambda c: Collection("fake/2", 2, "fake", dict(c.species)), LibraryError),
        (lambda c: Collection("fake/1", 3, "fake"), LibraryError),
    ]:
        with pytest.raises(error):
            library.apply(change, "change", {})
    for what, detail in [("", {}), ("x", {"a": object()}), ("x", {"a": float("nan")}), ("x", 3)]:
        with pytest.raises(LibraryError):
            library.apply(lambda c: remove(c, "wren"), what, detail)
    assert library.collection == before
    assert told(library) == [(1, "add_species", False)]


def test_a_change_that_changes_nothing_is_not_written_down(library):
    add(library, "wren", 1)
    library.apply(lambda c: add_photos(c, "wren", photo(1)), "add_photos", {})
    library.apply(lambda c: rename(c, "wren", "wren"), "rename", {})
    assert told(library) == [(1, "add_species", False)]


def test_forgetting_keeps_the_collection_and_ends_what_can_be_taken_back(library):
    add(library, "wren", 1)
    add(library, "tit", 2)
    library.apply(lambda c: remove(c, "wren"), "remove", {"name": "wren"})
    before = library.collection
    library.forget()
    assert library.collection == before
    with pytest.raises(LibraryError, match="no change to take back"):
        library.undo()
    entries = library.history()
    assert [(e.what, e.forgotten) for e in entries] == [
        ("add_species", True),
        ("add_species", True),
        ("remove", True),
        ("forget", False),
    ]
    assert not any(entry.detail for entry in entries)
    add(library, "emu")
    assert library.undo() == before


def test_a_whole_collection_can_be_put_in_place_of_another(library):
    add(library, "a")
    add(library, "b")
    add(library, "c")
    before = library.collection
    a, _, c = before.species.values()
    other = Collection("fake/1", 2, "fake", {c.id: c, a.id: a})
    assert library.apply(lambda _: other, "import", {}) == other
    assert names(library) == ["c", "a"]
    add(library, "d")
    assert names(library) == ["c", "a", "d"]
    library.undo()
    assert library.undo() == before


def test_only_what_differs_is_a_difference():
    one = add_species(add_species(EMPTY, "a", id="a"), "b", id="b")
    places = places_of(one)
    assert difference(places, one) == {}
    same = Collection("fake/1", 2, "fake", dict(one.species))
    assert difference(places, same) == {}
    assert list(difference(places, rename(one, "b", "x"))) == ["b"]
    assert difference(places, remove(one, "a")) == {"a": None}
    changed = difference(places, remove(one, "a"))
    assert list(restored(one, places, changed).species) == ["b"]
    assert placed(places, changed) == {"b": places["b"]}


def test_taking_back_gives_the_change(library):
    add(library, "wren", 1)
    add(library, "dodo")
    assert library.take_back() == library.history()[1]
    assert [entry.undone for entry in library.history()] == [False, True, False]


def test_only_what_can_be_undone_says_so(library):
    library.apply(lambda c: add_species(c, "wren"), "save", {}, final=True)
    assert [(one.final, one.can_be_undone) for one in library.history()] == [(True, False)]
    add(library, "emu")
    add(library, "kiwi")
    library.undo()
    assert [one.can_be_undone for one in library.history()] == [False, True, False, False]
    library.forget()
    assert not any(one.can_be_undone or one.final for one in library.history())
    add(library, "kiwi")
    assert [one.forgotten for one in library.history()] == [True] * 4 + [False] * 2
    assert [one.can_be_undone for one in library.history()] == [False] * 5 + [True]
