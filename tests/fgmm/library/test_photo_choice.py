"""A photo of a species by path, file name, number and digest; what is ambiguous is listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from fgmm.errors import LibraryError
from fgmm.library import Photos, Species
from fgmm.library.photo_choice import choose_photos

A, B, C, D = "ab" * 32, "abab12" + "cd" * 29, "ef" * 32, "12" * 32


@pytest.fixture
def wren() -> Species:
    """Photos a/1.jpg, b/1.jpg, one without a path, and a file that is called 2."""
    rows = [[0.6, 0.8], [0.8, 0.6], [1.0, 0.0], [0.0, 1.0]]
    photos = Photos(rows, [A, B, C, D], ["a/1.jpg", "b/1.jpg", "", "c/2"])
    return Species("w", "wren", photos=photos)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a/1.jpg", {A}),
        (Path("b/1.jpg"), {B}),
        (C, {C}),
        (3, {C}),
        ("3", {C}),
        ("./b/1.jpg", {B}),
        ("2", {D}),  # a file's name comes before a number
        (2, {B}),
        ("efefef", {C}),
        ("abab12", {B}),
        (["a/1.jpg", 1, "2", A], {A, D}),
        ((), set()),
    ],
)
def test_the_right_photo_is_found(wren, given, expected):
    assert choose_photos(wren, given) == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("1.jpg", "may be any of 2 photos of 'wren': 1, a/1.jpg; 2, b/1.jpg; give the number"),
        ("x/1.jpg", "'wren' has no photo 'x/1.jpg': give the path .* its photos are 1 to 4"),
        (0, "'wren' has no photo 0: its photos are 1 to 4"),
        (5, "'wren' has no photo 5"),
        ("5", "'wren' has no photo '5'"),
        ("efefe", "'wren' has no photo 'efefe'"),  # too short for a digest
        ("", "'wren' has no photo"),
        (".", "'wren' has no photo"),  # a path of no parts, as of a photo without one
        ("0", "'wren' has no photo '0'"),  # nor is it the last
        (True, "'wren' has no photo"),
        (["a/1.jpg", None], "'wren' has no photo None"),
    ],
)
def test_what_is_none_or_several_is_told(wren, given, words):
    with pytest.raises(LibraryError, match=words):
        choose_photos(wren, given)


def test_many_that_fit_are_listed_in_part():
    digests = [f"{n:064x}" for n in range(8)]
    photos = Photos([[1.0, 0.0]] * 8, digests, [f"{n}/x.jpg" for n in range(8)])
    with pytest.raises(LibraryError, match=r"any of 8 .*5, 4/x\.jpg; and 3 more"):
        choose_photos(Species("w", "wren", photos=photos), "x.jpg")
    with pytest.raises(LibraryError, match="its photos are none"):
        choose_photos(Species("w", "wren", photos=Photos.none(2)), "x.jpg")
