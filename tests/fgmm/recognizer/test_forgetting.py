"""What a library's file holds of photos that were removed, and of additions that failed."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from fgmm import Recognizer
from fgmm.errors import ImageError, TextTooLong
from fgmm.library import verify


def traces(recognizer: Recognizer, name: str) -> list[bytes]:
    """What might be found of a species' photos: vectors, paths, digests, thumbnails."""
    photos = recognizer.collection.find(name).photos
    small = recognizer.library.thumbnails.some(photos.digests)
    return [
        *(row.tobytes() for row in photos.vectors),
        *(origin.encode() for origin in photos.origins),
        *(digest.encode() for digest in photos.digests),
        *small.values(),
    ]


def test_nothing_of_a_removed_photo_is_in_the_file_once_it_is_forgotten(folder, shades, tmp_path):
    path = tmp_path / "colours.fgmm"
    recognizer = Recognizer.open(path, "fake", thumbnails=True)
    recognizer.add_species("ruby", folder / "ruby")
    recognizer.add_species("sky", folder / "sky")
    secret, kept = traces(recognizer, "sky"), traces(recognizer, "ruby")
    photo = recognizer.collection.find("ruby").photos.origins[2]
    before = recognizer.classify(shades("ruby", 9)[0]).logits
    content = path.read_bytes()
    assert all(one in content for one in secret[:15])  # a thumbnail may lie on several pages
    recognizer.remove("sky")
    recognizer.remove("ruby", photos=photo)
    recognizer.add_photos("ruby", photo)
    recognizer.library.forget()
    content = path.read_bytes()
    assert not [one for one in secret if one in content]
    assert not [one for one in secret[15:] if one[:64] in content and one[-64:] in content]
    assert all(one in content for one in kept[:15])
    assert verify(path) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["colours.fgmm", "photos"]  # no journal
    recognizer.add_species("sky", folder / "sky")
    again = recognizer.classify(shades("ruby", 9)[0]).logits
    assert float((again - before).abs().max()) < 1e-4


def test_room_that_nothing_uses_is_blank(folder, tmp_path):
    """Of a library no page is free that says anything, also before it is made smaller."""
    path = tmp_path / "colours.fgmm"
    recognizer = Recognizer.open(path, "fake", thumbnails=True)
    recognizer.add_species("ruby", folder / "ruby")
    recognizer.add_species("sky", folder / "sky")
    secret = traces(recognizer, "sky")
    recognizer.remove("sky")
    recognizer.library._access.shrink = lambda: None
    recognizer.library.forget()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    assert free  # there is such room
    content = path.read_bytes()
    assert not [one for one in secret if one in content]


@pytest.mark.parametrize("failure", ["photo", "words"])
def test_a_first_addition_that_fails_leaves_a_library_without_species(failure, tmp_path):
    path = tmp_path / "colours.fgmm"
    recognizer = Recognizer.open(path, "fake")
    with pytest.raises((ImageError, TextTooLong)):
        if failure == "photo":
            recognizer.add_species("ruby", [b"no picture"])
        else:
            recognizer.add_species("ruby", description="red " * 500)
    assert verify(path) == []
    again = Recognizer.open(path)
    assert (len(again), again.collection.encoder, again.history()) == (0, "fake", [])
    again.add_species("ruby")
    assert len(Recognizer.load(path)) == 1


def test_where_the_encoder_cannot_be_had_no_file_is_made(tmp_path):
    with pytest.raises(LookupError):
        Recognizer.open(tmp_path / "colours.fgmm", "no such encoder")
    assert list(tmp_path.iterdir()) == []
