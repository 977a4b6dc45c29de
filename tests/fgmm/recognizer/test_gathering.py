"""Photos that are given: which are taken, what each is known by, and how they are named again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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


def test_after_a_broken_file_each_photo_keeps_its_own_path_and_content(folder):
    """The first cannot be read and the second is known: vectors, digests, paths stay together."""
    made = Recognizer("fake")
    made.add_species("ruby", [folder / "ruby" / "1.png"])
    (folder / "ruby" / "0.png").write_bytes(b"no picture")
    made.add_photos("ruby", folder / "ruby")
    photos = made.collection.find("ruby").photos
    assert photos.origins == tuple(str(folder / "ruby" / f"{n}.png") for n in (1, 2, 3, 4))
    for origin, digest, vector in zip(photos.origins, photos.digests, photos.vectors, strict=True):
        assert digest == hashlib.sha256(Path(origin).read_bytes()).hexdigest()
        np.testing.assert_allclose(
            vector, made._layers.encode_one(origin).vectors[0].numpy(), atol=1e-6
        )


def test_pictures_of_the_same_numbers_and_other_sides_are_other_pictures():
    wide = Image.new("RGB", (24, 12), "red")
    receipt = Recognizer("fake").add_species(
        "ruby", [wide, wide.transpose(Image.Transpose.ROTATE_90)]
    )
    assert receipt.used == ("#0", "#1")


def test_a_broken_file_behind_a_known_one_is_told_by_its_own_name(folder):
    made = Recognizer("fake", thumbnails=True)
    paths = [folder / "ruby" / f"{n}.png" for n in range(4)]
    made.add_species("ruby", [paths[0]])
    paths[1].write_bytes(b"no picture")
    again = folder / "ruby" / "2 again.png"
    again.write_bytes(paths[2].read_bytes())
    receipt = made.add_photos("ruby", [paths[0], paths[1], paths[2], again, paths[3]])
    assert [(one.name, one.why) for one in receipt.refused] == [
        (str(paths[0]), "known"),
        (str(paths[1]), "unreadable"),
        (str(again), "twice"),
    ]
    assert receipt.used == (str(paths[2]), str(paths[3]))
    photos = made.collection.find("ruby").photos
    assert photos.origins == tuple(str(paths[n]) for n in (0, 2, 3))
    for origin, digest in zip(photos.origins, photos.digests, strict=True):
        assert digest == hashlib.sha256(Path(origin).read_bytes()).hexdigest()
        small = np.asarray(made.thumbnail(digest), float)
        off = {
            n: np.abs(small - np.asarray(Image.open(paths[n]).convert("RGB"), float)).mean()
            for n in (0, 2, 3)
        }
        assert str(paths[min(off, key=off.get)]) == origin


def test_of_many_species_each_photo_keeps_its_thumbnail(shades):
    made = Recognizer("fake", thumbnails=True)
    made.add_all({"ruby": shades("ruby", 0), "sky": shades("sky", 0)})
    for name, channel in (("ruby", 0), ("sky", 2)):
        (digest,) = made.collection.find(name).photos.digests
        assert np.asarray(made.thumbnail(digest)).mean((0, 1)).argmax() == channel
