"""Photos and species: what they hold, and what they refuse."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from fgmm.errors import LibraryError
from fgmm.library import Photos, Species, utc_now

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


def test_photos_are_a_copy_in_float32_that_nobody_changes():
    given = np.array([[0.6, 0.8]], np.float32)
    made = Photos(given, [digest(1)])
    given[:] = 7
    assert made.vectors.dtype == np.float32
    assert made.vectors.tolist() == [[np.float32(0.6), np.float32(0.8)]]
    with pytest.raises(ValueError, match="read-only"):
        made.vectors[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        made.select([0]).vectors[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        made.joined(photos(2)).vectors[0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.digests = ()


def test_selecting_and_joining_keep_what_belongs_together():
    three = photos(5, 6, 7)
    assert three.select([2, 0]) == photos(7, 5)
    assert three.select([]) == photos()
    assert photos(5).joined(photos(6, 7)) == three
    assert photos().joined(three) == three
    assert len(three) == 3
    assert three.dim == 2


def test_photos_are_equal_if_all_about_them_is():
    assert photos(1) == photos(1)
    assert photos(1) != photos(2)
    assert photos(1) != Photos([[np.cos(1), np.sin(1)]], [digest(1)], ["other.jpg"], [WHEN])
    assert photos(1) != Photos([[np.sin(1), np.cos(1)]], [digest(1)], ["1.jpg"], [WHEN])
    assert photos(1) != "1.jpg"


def test_without_a_time_it_is_now_and_without_an_origin_it_is_empty():
    before = utc_now()
    made = Photos([[1.0, 0.0]], [digest(1)])
    assert before <= made.added[0] <= utc_now()
    assert made.origins == ("",)


UNIT = [[1.0, 0.0]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((UNIT, []), "1 vectors, 0 digests, 0 origins, 0 added: each photo has one of each"),
        ((UNIT, [digest(1)], ["a", "b"]), "2 origins"),
        (([1.0, 0.0], [digest(1)]), r"of shape (2,): they are (n, d)"),
        ((np.empty((1, 0)), [digest(1)]), "of shape (1, 0)"),
        (([["red"]], [digest(1)]), "no table of numbers"),
        (([[1.0, 0.0], [3.0, 4.0]], [digest(1)] * 2), "the first is row 1, of length 5"),
        (([[np.nan, 0.0]], [digest(1)]), "row 0, of length nan"),
        (([[np.inf, 0.0]], [digest(1)]), "row 0, of length inf"),
        ((UNIT, ["no hash"]), "the digest of photo 0 is 'no hash': it is 8 to 64 bytes"),
        ((UNIT, ["AB" * 16]), "lower-case"),
        ((UNIT, [digest(1)], [None]), "the origin of photo 0 is None"),
        ((UNIT, [digest(1)], ["a"], ["yesterday"]), "the time of photo 0 is 'yesterday'"),
    ],
)
def test_what_is_no_photo_is_refused(arguments, message):
    with pytest.raises(LibraryError, match=re.escape(message)):
        Photos(*arguments)


def test_rows_of_two_lengths_are_not_joined():
    with pytest.raises(LibraryError, match="of 2 dimensions and of 3"):
        photos(1).joined(Photos.none(3))


def test_a_species_tidies_its_names_and_drops_those_it_has_already():
    one = Species(
        "a", " great  tit ", ("Kohlmeise", "Great Tit", "kohlmeise "), photos=Photos.none(2)
    )
    assert one.name == "great tit"
    assert one.names == ("kohlmeise",)
    assert one.all_names == ("great tit", "kohlmeise")
    assert (one.description, one.parent, dict(one.attributes)) == (None, None, {})


def test_a_species_attributes_are_numbers_that_nobody_changes():
    given = {"red bill": 1}
    one = Species("a", "wren", attributes=given, photos=Photos.none(2))
    given["red bill"] = 2
    assert dict(one.attributes) == {"red bill": 1.0}
    with pytest.raises(TypeError):
        one.attributes["red bill"] = 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "  "}, "a species' name is '  ', an empty text"),
        ({"name": 3}, "a species' name is 3, a int: names are strings"),
        ({"name": "x" * 301}, "has 301 characters"),
        ({"name": "a\x1b[31mb"}, r"'\x1b' is no character of a text"),
        ({"name": "a\ud800"}, "is no character of a text"),
        ({"id": "../../etc"}, "a species' id is '../../etc'"),
        ({"id": ""}, "a species' id is ''"),
        ({"names": "wren"}, "are one text, 'wren': pass ['wren']"),
        ({"names": ("",)}, "another name is ''"),
        ({"description": 3}, "the description of 'wren' is 3"),
        ({"parent": ""}, "the parent of 'wren' is ''"),
        ({"attributes": ["red"]}, "they are a mapping"),
        ({"attributes": {"red": float("nan")}}, "'red' of 'wren' is nan: it is a finite number"),
        ({"attributes": {"red": "very"}}, "is 'very': it is a finite number"),
        ({"photos": photos(1, 2, 1)}, f"the photo {digest(1)} of 'wren' is there twice"),
    ],
)
def test_what_is_no_species_is_refused(fields, message):
    whole = {"id": "a", "name": "wren", "photos": Photos.none(2)} | fields
    with pytest.raises(LibraryError, match=re.escape(message)):
        Species(**whole)
