"""Each change by hand, and that one which fails changes nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest

from fgmm.errors import FgmmError, LibraryError, SpeciesNotFound
from fgmm.library import (
    Collection,
    Photos,
    Species,
    add_photos,
    add_species,
    merge,
    new_photos,
    remove,
    rename,
)

WHEN = "2026-05-01T06:00:00Z"


def digest(number: int) -> str:
    return f"{number:032x}"


def photos(*numbers: int) -> Photos:
    rows = [(np.cos(n), np.sin(n)) for n in numbers]
    return Photos(
        np.reshape(rows, (-1, 2)),
        [digest(n) for n in numbers],
        [f"{n}.jpg" for n in numbers],
        [WHEN] * len(numbers),
    )


@pytest.fixture
def birds() -> Collection:
    """Wren with photos 1 and 2, great tit (or Kohlmeise) with photo 3, dodo without any."""
    made = Collection("fake/1", 2, "fake")
    made = add_species(made, "wren", photos(1, 2), id="w", description="small", parent="bird")
    made = add_species(
        made, "great tit", photos(3), names=["Kohlmeise"], attributes={"yellow": 1.0}, id="t"
    )
    return add_species(made, "dodo", id="d", attributes={"yellow": 0.2, "flies": 0.0})


def told(collection: Collection) -> list[tuple[str, list[str]]]:
    return [(one.name, [o.removesuffix(".jpg") for o in one.photos.origins]) for one in collection]


def test_species_come_in_the_order_they_were_added(birds):
    assert told(birds) == [("wren", ["1", "2"]), ("great tit", ["3"]), ("dodo", [])]
    assert (len(birds), birds.n_photos) == (3, 3)


def test_a_name_is_found_whatever_its_case_and_spaces(birds):
    assert birds.find(" WREN ").id == "w"
    assert birds.find("kohlmeise").id == "t"
    assert "Great  tit" in birds
    assert "emu" not in birds
    assert 3 not in birds


def test_a_name_that_is_not_there_gives_the_nearest(birds):
    with pytest.raises(SpeciesNotFound, match="'Kohlmaise' among 3; did you mean 'Kohlmeise'"):
        birds.find("Kohlmaise")
    with pytest.raises(SpeciesNotFound, match=r"no species is called 'xyzzy' among 3$"):
        birds.find("xyzzy")
    with pytest.raises(SpeciesNotFound, match="called 3"):
        birds.find(3)
    assert issubclass(SpeciesNotFound, LookupError)


def test_a_photo_is_found_by_its_digest(birds):
    assert birds.holder(digest(3)).name == "great tit"
    assert birds.holder(digest(9)) is None


def test_photos_are_added_behind_those_that_are_there(birds):
    changed = add_photos(birds, "Wren", photos(5, 4))
    assert told(changed)[0] == ("wren", ["1", "2", "5", "4"])
    assert changed.holder(digest(5)).id == "w"
    assert birds.holder(digest(5)) is None


def test_photos_that_are_there_are_left_out(birds):
    new, known = new_photos(birds, "wren", photos(4, 2, 4, 5))
    assert new == photos(4, 5)
    assert known == photos(2, 4)
    assert told(add_photos(birds, "wren", photos(4, 2, 4, 5)))[0] == ("wren", ["1", "2", "4", "5"])
    assert add_photos(birds, "wren", photos(2, 1)) is birds
    assert told(add_species(birds, "emu", photos(8, 8)))[-1] == ("emu", ["8"])


def test_removing_takes_names_and_photos_with_it(birds):
    changed = remove(birds, "Kohlmeise")
    assert told(changed) == [("wren", ["1", "2"]), ("dodo", [])]
    again = add_species(changed, "kohlmeise", photos(3))
    assert told(again)[-1] == ("kohlmeise", ["3"])
    assert again.find("kohlmeise").id != "t"


def test_some_photos_can_be_removed_and_the_last_leaves_the_words(birds):
    assert told(remove(birds, "wren", [digest(1)]))[0] == ("wren", ["2"])
    assert told(remove(birds, "wren", digest(2)))[0] == ("wren", ["1"])
    assert told(remove(birds, "great tit", [digest(3)]))[1] == ("great tit", [])


def test_renaming_keeps_all_but_the_name(birds):
    changed = rename(birds, "wren", "winter wren")
    assert changed.find("winter wren").photos == photos(1, 2)
    assert changed.find("winter wren").id == "w"
    assert "wren" not in changed
    assert list(changed.species) == ["w", "t", "d"]
    assert rename(birds, "wren", "Wren").find("wren").name == "Wren"


def test_a_species_can_be_renamed_to_one_of_its_other_names(birds):
    assert rename(birds, "great tit", "Kohlmeise").find("kohlmeise").names == ()


def test_merging_keeps_what_the_first_says_and_adds_the_rest(birds):
    both = merge(birds, "wren", "Kohlmeise")
    assert told(both) == [("wren", ["1", "2", "3"]), ("dodo", [])]
    wren = both.find("great tit")
    assert wren.names == ("great tit", "Kohlmeise")
    assert (wren.description, wren.parent) == ("small", "bird")
    assert wren.attributes == {"yellow": 1.0}
    assert both.holder(digest(3)).id == "w"
    other = merge(birds, "dodo", "great tit").find("dodo")
    assert other.attributes == {"yellow": 0.2, "flies": 0.0}
    assert merge(birds, "dodo", "wren").find("dodo").description == "small"


def test_add_then_remove_is_as_before(birds):
    assert remove(add_species(birds, "emu", photos(7, 8)), "emu") == birds
    assert remove(add_photos(birds, "wren", photos(7)), "wren", [digest(7)]) == birds


FAILURES = {
    "a name that is taken": (
        lambda c: add_species(c, "WREN"),
        "'WREN' is there already: add_photos('wren', ...) adds photos",
    ),
    "a name that is another's other name": (
        lambda c: add_species(c, "kohlmeise"),
        "'kohlmeise' is there already, a name of 'great tit': add_photos('great tit', ",
    ),
    "another name that is taken": (
        lambda c: add_species(c, "emu", names=["kohlmeise"]),
        "'kohlmeise' is taken: it is a name of 'great tit'",
    ),
    "an empty name": (lambda c: add_species(c, " "), "an empty text"),
    "an id that is taken": (
        lambda c: add_species(c, "emu", id="w"),
        "the id 'w' belongs to 'wren'",
    ),
    "another species' photo, new species": (
        lambda c: add_species(c, "emu", photos(9, 3)),
        "the photo '3.jpg' is already one of 'great tit'",
    ),
    "another species' photo": (
        lambda c: add_photos(c, "wren", photos(9, 3)),
        "the photo '3.jpg' is already one of 'great tit'",
    ),
    "another species' photo without origin": (
        lambda c: add_photos(c, "wren", Photos(photos(3).vectors, [digest(3)])),
        f"the photo '{digest(3)}' is already",
    ),
    "vectors of another length": (
        lambda c: add_photos(c, "wren", Photos([[0.0, 0.0, 1.0]], [digest(9)])),
        "have 3 numbers and this library's have 2: encode the photos with 'fake'",
    ),
    "photos for nobody": (lambda c: add_photos(c, "emu", photos(9)), "called 'emu'"),
    "removing nobody": (lambda c: remove(c, "emu"), "called 'emu'"),
    "removing no photo": (lambda c: remove(c, "wren", []), "no photo of 'wren' is named"),
    "removing another's photo": (
        lambda c: remove(c, "wren", [digest(1), digest(3)]),
        f"'wren' has no photo '{digest(3)}'; it is one of 'great tit'",
    ),
    "removing an unknown photo": (
        lambda c: remove(c, "wren", [digest(77)]),
        f"'wren' has no photo '{digest(77)}': give",
    ),
    "renaming nobody": (lambda c: rename(c, "emu", "rhea"), "called 'emu'"),
    "renaming to a name that is taken": (
        lambda c: rename(c, "wren", "Great Tit"),
        "'Great Tit' is taken",
    ),
    "merging with itself": (
        lambda c: merge(c, "great tit", "Kohlmeise"),
        "'great tit' and 'Kohlmeise' are one species, 'great tit': name two",
    ),
    "merging with nobody": (lambda c: merge(c, "wren", "emu"), "called 'emu'"),
}


@pytest.mark.parametrize("change", FAILURES)
def test_a_change_that_fails_says_why_and_changes_nothing(birds, change):
    call, message = FAILURES[change]
    copy = Collection(birds.space, birds.dim, birds.encoder, dict(birds.species))
    with pytest.raises(FgmmError, match=re.escape(message)):
        call(birds)
    assert birds == copy
    assert [birds.holder(digest(n)).id for n in (1, 2, 3)] == ["w", "w", "t"]
    assert birds.holder(digest(9)) is None
    assert "emu" not in birds


def test_a_collection_made_at_once_is_checked_like_one_that_grew(birds):
    wren, tit = birds.find("wren"), birds.find("great tit")
    with pytest.raises(LibraryError, match="'wren' is taken"):
        Collection("s", 2, "fake", {"w": wren, "x": Species("x", "wren", photos=photos(9))})
    with pytest.raises(LibraryError, match=f"the photo {digest(3)} is of 'great tit' and of 'x'"):
        Collection("s", 2, "fake", {"t": tit, "x": Species("x", "x", photos=photos(8, 3))})
    with pytest.raises(LibraryError, match="have 2 numbers and this collection's have 3"):
        Collection("s", 3, "fake", {"w": wren})
    with pytest.raises(LibraryError, match="has the id 'w' and stands under 'q'"):
        Collection("s", 2, "fake", {"q": wren})
    for arguments in [("", 2, "fake"), ("s", 0, "fake"), ("s", 2, " "), ("s", True, "fake")]:
        with pytest.raises(LibraryError):
            Collection(*arguments)


def test_collections_are_equal_if_they_hold_the_same_in_the_same_order(birds):
    assert Collection("fake/1", 2, "fake", dict(birds.species)) == birds
    assert Collection("other", 2, "fake", dict(birds.species)) != birds
    assert Collection("fake/1", 2, "fake", dict(reversed(birds.species.items()))) != birds
    assert birds != "birds"
    with pytest.raises(TypeError):
        birds.species["w"] = None
