"""What is suggested for a path that does not exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from fgmm.errors import ImageError
from fgmm.images import find_images, read_image
from fgmm.images.nearest import suggest_path


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "holiday" / "norway").mkdir(parents=True)
    for file in ("robin.jpg", "Wren.JPG", "IMG_1.jpg", "norway/puffin.png", ".rabin.jpg"):
        (tmp_path / "holiday" / file).touch()
    (tmp_path / "holidax.txt").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("holiday/robbin.jpg", "holiday/robin.jpg"),
        ("holiday/robin.png", "holiday/robin.jpg"),
        ("holiday/wren.jpg", "holiday/Wren.JPG"),
        ("holidey/robin.jpg", "holiday/robin.jpg"),
        ("holidey/norwey/puffin.png", "holiday"),  # no further than one wrong name at a time
        ("holiday/norwey/puffin.png", "holiday/norway/puffin.png"),
        ("holiday/norway/pufin.png", "holiday/norway/puffin.png"),
        ("holidey/", "holiday"),
        ("holidey", "holiday"),  # not the text file, which is as near, and later
        ("holidax/robin.jpg", "holiday/robin.jpg"),  # what has files in it is a folder
    ],
)
def test_near_names_are_suggested(given, meant):
    assert suggest_path(given) == f"; did you mean {str(Path(meant))!r}?"


@pytest.mark.parametrize(
    "given",
    [
        "eagle.jpg",
        "holiday/eagle.jpg",
        "holiday/IMG_2.jpg",  # another number is another picture
        "nowhere/robin.jpg",
        "robin.jpg/robin.jpg",
        "a\0b.jpg",
        "/",
        "",
    ],
)
def test_others_are_not(given):
    assert suggest_path(given) == ""


def test_messages_carry_the_suggestion():
    with pytest.raises(ImageError, match=r"no such file or folder; did you mean 'holiday'\?"):
        find_images("holidey")
    with pytest.raises(ImageError, match=r"no such file or folder; did you mean '.*robin.jpg'\?"):
        read_image("holiday/robn.jpg")
