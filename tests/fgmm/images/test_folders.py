"""Pictures in folders and by globs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from fgmm.errors import ImageError
from fgmm.images import SUFFIXES, find_images

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path):
    names = ["b.jpg", "a.PNG", "z/1.webp", "c.txt", "._b.jpg", "Thumbs.db", ".hidden.png"]
    names += ["m/n/2.tiff", ".git/3.png", "m/.x/4.png", "no suffix", "z/notes.md", "d.jpg/5.gif"]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def relative(found, folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in found]


def test_find_images_in_a_folder(folder):
    found = list(find_images(folder))
    assert relative(found, folder) == ["a.PNG", "b.jpg", "d.jpg/5.gif", "m/n/2.tiff", "z/1.webp"]
    assert found == sorted(found)
    assert relative(find_images(str(folder), recursive=False), folder) == ["a.PNG", "b.jpg"]


def test_find_images_by_glob_list_and_name(folder):
    assert relative(find_images(f"{folder}/*.[jp]*"), folder) == ["b.jpg"]
    assert relative(find_images(f"{folder}/**/*.*"), folder) == [
        "a.PNG",
        "b.jpg",
        "d.jpg/5.gif",
        "m/n/2.tiff",
        "z/1.webp",
    ]
    places = [folder / "z", f"{folder}/m/*/*.tiff", folder / "c.txt"]
    assert relative(find_images(places), folder) == ["z/1.webp", "m/n/2.tiff", "c.txt"]


def test_a_folder_whose_name_looks_like_a_glob(tmp_path):
    odd = tmp_path / "birds [2024]"
    odd.mkdir()
    (odd / "a.jpg").touch()
    assert relative(find_images(odd), odd) == ["a.jpg"]


def test_find_images_says_at_once_what_is_not_there(folder):
    with pytest.raises(ImageError, match="no such file or folder"):
        find_images(folder / "absent")
    with pytest.raises(ImageError, match=r"no file in it ends in .jpg"):
        find_images(folder / "m", recursive=False)
    with pytest.raises(ImageError, match="nothing that it matches"):
        find_images(f"{folder}/*.bmp")
    with pytest.raises(ImageError, match="empty list"):
        find_images([])
    with pytest.raises(ImageError, match="absent"):
        find_images([folder, folder / "absent"])


def test_a_link_to_the_folder_above_does_not_go_round_for_ever(folder):
    try:
        (folder / "z" / "up").symlink_to(folder, target_is_directory=True)
    except OSError:
        pytest.skip("no links here")
    assert "z/1.webp" in relative(find_images(folder), folder)
    assert len(list(find_images(folder))) == 5


def test_suffixes_cover_what_is_read():
    Image.init()
    mine = {"JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "MPO", "AVIF"}
    theirs = {end for end, format_ in Image.registered_extensions().items() if format_ in mine}
    assert theirs - {".avifs"} <= SUFFIXES
