"""Photos that are given: which are taken, what each is known by, and how they are named again."""

from __future__ import annotations

import pytest

from fgmm import Recognizer
from fgmm.errors import ImageError


def test_two_copies_of_a_broken_file_cannot_be_read(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ImageError, match=r"none of 2 photos can be read: .*a\.png"):
        Recognizer("fake").add_species("moss", tmp_path)


def test_photos_to_be_forgotten_are_named_by_a_path_or_several(folder):
    made = Recognizer("fake")
    made.add_species("ruby", folder / "ruby")
    made.remove("ruby", photos=folder / "ruby" / "0.png")
    made.remove("ruby", photos=[folder / "ruby" / "1.png", str(folder / "ruby" / "3.png")])
    kept = [str(folder / "ruby" / f"{number}.png") for number in (2, 4)]
    assert list(made.collection.find("ruby").photos.origins) == kept
