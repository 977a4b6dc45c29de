"""Thumbnails: small, upright, without a word of metadata, and with their photo wherever it goes."""

from __future__ import annotations

import contextlib
import io
import sqlite3

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from fgmm import Recognizer
from fgmm.errors import ImageError, LibraryError
from fgmm.images import read_image
from fgmm.library import LibraryFile, verify
from fgmm.library.thumbnails import make_thumbnail

GPS, ORIENTATION = 0x8825, 0x0112
SECRETS = [b"SECRET", b"GPS", b"Exif", b"xmp", b"XMP", b"ICC_PROFILE", b"http://ns.adobe.com"]


def two_halves() -> Image.Image:
    """Red on the left, blue on the right; twice as wide as high."""
    picture = Image.new("RGB", (400, 200), "red")
    picture.paste("blue", (200, 0, 400, 200))
    return picture


def hidden_exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010E] = "SECRET description"
    exif.get_ifd(GPS).update({1: "N", 2: (48.0, 8.0, 12.5), 3: "E", 4: (11.0, 34.0, 1.0)})
    return exif


def rows(path) -> list[tuple]:
    """What the file's table of thumbnails holds."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM thumbnails").fetchall()


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><SECRET place="48.1"/></x:xmpmeta>'
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def as_jpeg(orientation: int = 1) -> bytes:
    file = io.BytesIO()
    two_halves().save(
        file,
        "JPEG",
        exif=hidden_exif(orientation),
        comment=b"SECRET comment",
        icc_profile=PROFILE,
        xmp=XMP,
    )
    return file.getvalue()


def as_png() -> bytes:
    file, told = io.BytesIO(), PngInfo()
    told.add_text("Comment", "SECRET text")
    told.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
    told.add_text("zipped", "SECRET " * 50, zip=True)
    two_halves().save(file, "PNG", pnginfo=told, exif=hidden_exif(), icc_profile=PROFILE)
    return file.getvalue()


def as_webp() -> bytes:
    file = io.BytesIO()
    two_halves().save(file, "WEBP", exif=hidden_exif(), xmp=XMP, icc_profile=PROFILE)
    return file.getvalue()


def kept(recognizer: Recognizer) -> list[bytes]:
    here = recognizer.library
    return [here.thumbnails.get(digest) for digest in here.collection.digests]


@pytest.mark.parametrize("make", [as_jpeg, as_png, as_webp])
def test_a_thumbnail_holds_pixels_and_no_metadata(make, tmp_path):
    content = make()
    path = tmp_path / "place.bin"
    path.write_bytes(content)
    with Image.open(path) as given:  # the test's own eyes: it is there to begin with
        assert given.getexif().get_ifd(GPS)
    library = tmp_path / "birds.fgmm"
    recognizer = Recognizer.open(library, "fake", thumbnails=True)
    recognizer.add_species("wren", [path])
    (jpeg,) = kept(recognizer)
    assert not [secret for secret in SECRETS if secret in jpeg]
    with Image.open(io.BytesIO(jpeg)) as small:
        assert set(small.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert not small.getexif()
        assert small.size == (128, 64)
    assert b"SECRET" not in library.read_bytes()
    assert verify(library) == []


def test_pictures_that_were_opened_by_the_caller_say_nothing_either():
    opened = Image.open(io.BytesIO(as_jpeg()))
    recognizer = Recognizer("fake", thumbnails=True)
    recognizer.add_species("wren", [opened])
    assert not [secret for secret in SECRETS if secret in kept(recognizer)[0]]
    # and a picture that carries its secrets in what Pillow writes by itself
    given = two_halves()
    given.info = {"comment": b"SECRET", "xmp": XMP, "exif": hidden_exif().tobytes()}
    assert not [secret for secret in SECRETS if secret in make_thumbnail(given)]


def test_a_thumbnail_is_upright():
    # 6: the camera was held so that the picture is turned by 90 degrees clockwise to be seen
    recognizer = Recognizer("fake", thumbnails=True)
    recognizer.add_species("wren", [as_jpeg(6)])
    small = recognizer.thumbnail(recognizer.collection.digests[0])
    assert small.size == (64, 128)
    top, bottom = np.asarray(small)[10, 32], np.asarray(small)[117, 32]
    assert top[0] > 200 > 60 > top[2]  # what was left is above
    assert bottom[2] > 200 > 60 > bottom[0]


@pytest.mark.parametrize("size", [(40, 30), (3000, 1), (129, 4)])
def test_any_shape_has_one_and_small_ones_are_not_made_larger(size):
    small = read_image(make_thumbnail(Image.new("RGB", size, "green")))
    longest = min(max(size), 128)
    assert max(small.size) == longest
    assert small.size[0] / longest == pytest.approx(size[0] / max(size), abs=0.02)


def test_none_is_kept_unless_it_is_wanted_and_a_library_goes_on_as_it_was(shades, tmp_path):
    path = tmp_path / "colours.fgmm"
    recognizer = Recognizer.open(path, "fake")
    recognizer.add_species("ruby", shades("ruby", 0))
    assert kept(recognizer) == [None]
    found = recognizer.classify(shades("ruby", 1)[0])
    assert recognizer.thumbnail(found.nearest_photo()) is None
    Recognizer.open(path, thumbnails=True).add_photos("ruby", shades("ruby", 1))
    again = Recognizer.open(path)  # nothing said: as it is with the library
    again.add_photos("ruby", shades("ruby", 2))
    Recognizer.open(path, thumbnails=False).add_photos("ruby", shades("ruby", 3))
    again.library.reload()
    assert [one is None for one in kept(again)] == [True, False, False, True]


def test_the_nearest_photo_can_be_looked_at(shades):
    recognizer = Recognizer("fake", thumbnails=True)
    first, second = shades("ruby", 0, 1)
    recognizer.add_species("ruby", [first, second])
    recognizer.add_species("sky", shades("sky", 0))
    small = recognizer.thumbnail(recognizer.classify(second).nearest_photo())
    assert small.size == second.size
    difference = np.abs(np.asarray(small, float) - np.asarray(second, float))
    assert difference.mean() < 6  # as JPEG has it; the other photo is further away
    assert np.abs(np.asarray(small, float) - np.asarray(first, float)).mean() > 6


@pytest.mark.parametrize("what", ["save and load", "save and open", "folder"])
def test_copies_have_them_too(what, shades, tmp_path):
    recognizer = Recognizer("fake", thumbnails=True)
    recognizer.add_species("ruby", shades("ruby", 0, 1))
    recognizer.add_species("sky", shades("sky", 0))
    recognizer.save(tmp_path / "copy.fgmm")
    if what == "folder":
        from typer.testing import CliRunner

        from fgmm.command import application

        for words in (["export", "folder", "copy.fgmm"], ["import", "folder", "back.fgmm"]):
            arguments = [words[0], str(tmp_path / words[1]), "--library", str(tmp_path / words[2])]
            result = CliRunner().invoke(application.app, ["species", *arguments])
            assert result.exit_code == 0, result.output
        copy = Recognizer.load(tmp_path / "back.fgmm")
        names = sorted(path.stem for path in (tmp_path / "folder" / "thumbnails").iterdir())
        assert names == sorted(recognizer.collection.digests)
    else:
        copy = getattr(Recognizer, what[-4:])(tmp_path / "copy.fgmm")
    for mine, theirs in zip(kept(copy), kept(recognizer), strict=True):
        if what == "folder":  # its pixels are written anew
            mine, theirs = (np.asarray(read_image(one), float) for one in (mine, theirs))
            assert np.abs(mine - theirs).mean() < 2
        else:
            assert mine == theirs is not None
    copy.add_photos("sky", shades("sky", 1))
    assert None not in kept(copy)


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_they_stay_for_undo_and_go_when_forgotten(kind, shades, tmp_path):
    recognizer = (
        Recognizer("fake", thumbnails=True)
        if kind == "memory"
        else Recognizer.open(tmp_path / "colours.fgmm", "fake", thumbnails=True)
    )
    recognizer.add_species("ruby", shades("ruby", 0))
    recognizer.add_species("sky", shades("sky", 0))
    digest = recognizer.collection.find("sky").photos.digests[0]
    jpeg = recognizer.library.thumbnails.get(digest)
    recognizer.remove("sky")
    recognizer.undo()
    assert recognizer.library.thumbnails.get(digest) == jpeg is not None
    recognizer.remove("sky")
    recognizer.library.forget()
    assert recognizer.library.thumbnails.get(digest) is None
    assert None not in kept(recognizer)
    if kind == "file":
        assert jpeg[-200:] not in (tmp_path / "colours.fgmm").read_bytes()
        assert verify(tmp_path / "colours.fgmm") == []


def test_photos_and_thumbnails_are_written_together_or_not_at_all(shades, tmp_path, monkeypatch):
    path = tmp_path / "colours.fgmm"
    recognizer = Recognizer.open(path, "fake", thumbnails=True)
    recognizer.add_species("ruby", shades("ruby", 0))
    before = recognizer.collection, recognizer.history(), rows(path)
    with pytest.raises(ImageError):
        recognizer.add_species("sky", [b"no picture"])
    import fgmm.recognition.gathering as gathering

    monkeypatch.setattr(gathering, "make_thumbnail", lambda picture: b"GIF89a")
    with pytest.raises(LibraryError, match="no JPEG file"):
        recognizer.add_species("sky", shades("sky", 0))
    again = Recognizer.open(path)
    assert (again.collection, again.history(), rows(path)) == before


def test_memory_refuses_what_a_file_refuses(shades):
    recognizer = Recognizer("fake")
    recognizer.add_species("ruby", shades("ruby", 0))
    here = recognizer.library
    with pytest.raises(LibraryError, match="no species has the photo"):
        here.thumbnails.put({"ab" * 16: make_thumbnail(shades("sky", 0)[0])})
    history = here.history()
    with pytest.raises(LibraryError, match="no JPEG file"):
        here.apply(
            lambda c: c.with_species({next(iter(c.species)): None}), "remove", {}, {"ab": b""}
        )
    assert here.history() == history
    assert len(here.collection) == 1


def test_a_damaged_thumbnail_is_found(shades, tmp_path):
    path = tmp_path / "colours.fgmm"
    recognizer = Recognizer.open(path, "fake", thumbnails=True)
    recognizer.add_species("ruby", shades("ruby", 0))
    with sqlite3.connect(path) as connection:
        ((jpeg,),) = connection.execute("SELECT jpeg FROM thumbnails")
        connection.execute("UPDATE thumbnails SET jpeg = ?", (jpeg[:-3] + b"!" + jpeg[-2:],))
    connection.close()
    assert [one.part for one in verify(path)] == ["thumbnails"]
    with pytest.raises(OSError, match="is not what was written"):
        recognizer.thumbnail(recognizer.collection.digests[0])
    with LibraryFile.open(path) as library:  # the rest is as it was
        assert library.collection == recognizer.collection


def test_what_is_no_photo_of_the_library_is_refused(shades):
    made = Recognizer("fake", thumbnails=True)
    made.add_species("ruby", shades("ruby", 0))
    digest = made.collection.find("ruby").photos.digests[0]
    assert made.thumbnail(digest) is not None
    for wrong in ("ruby", "00" * 32, 3, None, made.collection.find("ruby")):
        with pytest.raises(LibraryError, match=r"is no photo of the library: pass .*nearest_photo"):
            made.thumbnail(wrong)
    without = Recognizer("fake")
    without.add_species("ruby", shades("ruby", 0))
    assert without.thumbnail(digest) is None
    assert without.thumbnail(without.classify(shades("ruby", 1)[0]).nearest_photo()) is None
