"""What is no picture, cut short or too large is refused by name."""

from __future__ import annotations

import io
import os
import struct
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageFile, TiffImagePlugin

from fgmm.errors import ImageError
from fgmm.images import MAX_PIXELS, read_image

GRID = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3) * np.uint8(2)


def encode(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def pixels(image: Image.Image) -> np.ndarray:
    assert image.mode == "RGB"
    assert type(image) is Image.Image
    return np.asarray(image)


def png(bits: int, colour: int, width: int, rows: bytes, extra: bytes = b"") -> bytes:
    """One PNG by hand: what Pillow cannot write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, 1, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + extra
        + chunk(b"IDAT", zlib.compress(b"\0" + rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b"8BPS\0\1", "Photoshop"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<?xml version='1.0'?>\n<!-- a -->\n<svg/>", "SVG"),
        (b"<!DOCTYPE html><html>404", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X", "macOS metadata"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Thumbs.db"),
        (b"\x00\x00\x00\x20ftypisom\0\0\0\0", "video"),
        (b"PK\x03\x04", "archive"),
        (b"just some words", "no picture that is read here"),
        (encode(Image.new("RGB", (4, 4)), "TGA"), "no picture that is read here"),
        (encode(Image.new("RGB", (4, 4)), "JPEG2000"), "JPEG 2000"),
        (encode(Image.new("RGB", (4, 4)), "ICO"), "icon"),
    ],
)
def test_what_is_no_picture_is_named(data, why):
    with pytest.raises(ImageError, match=f"'<bytes> x.jpg'.*{why}"):
        read_image(data, name="x.jpg")


def test_no_ghostscript(monkeypatch):
    Image.init()
    eps = encode(Image.new("RGB", (4, 4)), "EPS")
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *a, **k: pytest.fail("it ran"))
    with pytest.raises(ImageError, match="PostScript"):
        read_image(eps)
    with pytest.raises(ImageError, match="EPS is not decoded here"):
        read_image(Image.open(io.BytesIO(eps)))


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_a_file_cut_short_is_refused_even_if_pillow_was_told_to_load_it(format_, tmp_path):
    rng = np.random.default_rng(0)
    data = encode(Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)), format_)
    path = tmp_path / f"cut.{format_.lower()}"
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(ImageError, match=r"cannot read '.*cut.*damaged or cut short"):
        read_image(path)


def test_things_that_are_no_files(tmp_path):
    with pytest.raises(ImageError, match=r"it is a folder.*find_images"):
        read_image(tmp_path)
    with pytest.raises(ImageError, match="no such file"):
        read_image(tmp_path / "absent.jpg")
    with pytest.raises(ImageError, match="address: download it first"):
        read_image("https://example.org/a.jpg")
    with pytest.raises(ImageError, match="null"):
        read_image("a\0b.jpg")
    with pytest.raises(ImageError, match="'<NoneType>': NoneType is no picture"):
        read_image(None)
    with pytest.raises(ImageError, match="binary mode"):
        read_image(io.StringIO("text"))
    with pytest.raises(ImageError, match="device"):
        read_image(os.devnull)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.timeout(10)
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageError, match="a pipe"):
        read_image(tmp_path / "pipe.jpg")


def test_too_many_pixels_are_refused_before_memory_is_taken():
    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head
    bomb += struct.pack(">I", zlib.crc32(b"IHDR" + head)) + struct.pack(">I", 0) + b"IDAT"
    bomb += struct.pack(">I", zlib.crc32(b"IDAT"))
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageError, match=r"1,600,000,000 pixels.*pass max_pixels=1600000000"):
            read_image(bomb)
    assert before == Image.MAX_IMAGE_PIXELS


def test_the_limit_is_the_calls_own(monkeypatch):
    image = Image.fromarray(GRID)
    for source in (encode(image, "PNG"), image, GRID):
        with pytest.raises(ImageError, match="35 pixels, more than the 34 allowed"):
            read_image(source, max_pixels=34)
        assert read_image(source, max_pixels=35).size == (7, 5)
    # Pillow's own limit, which it applies to the whole process, is not ours
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_image(encode(image, "PNG")).size == (7, 5)
    assert MAX_PIXELS == 100_000_000


def test_a_huge_file_is_not_swallowed(tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.truncate(1 << 33)  # sparse: takes no room on the disk
    with pytest.raises(ImageError, match="more bytes than the 67,116,864 that one picture"):
        read_image(path, max_pixels=1000)


def test_pillows_warnings_stay_inside_and_others_do_not():
    # an animation that says it has no frames makes Pillow warn, and has its first picture
    bad = struct.pack(">II", 0, 0)
    chunk = struct.pack(">I", 8) + b"acTL" + bad + struct.pack(">I", zlib.crc32(b"acTL" + bad))
    data = png(8, 2, 35, GRID.tobytes(), chunk)
    with warnings.catch_warnings(record=True) as plain:
        warnings.simplefilter("always")
        Image.open(io.BytesIO(data)).load()
    assert plain, "this file was meant to make Pillow warn"
    with warnings.catch_warnings(record=True) as ours:
        warnings.simplefilter("always")
        filters = list(warnings.filters)
        assert np.array_equal(pixels(read_image(data)), GRID.reshape(1, 35, 3))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(read_image, [data] * 200))
        warnings.warn("mine", stacklevel=1)
        assert warnings.filters == filters
    assert [str(warning.message) for warning in ours] == ["mine"]


def test_a_lazy_picture_in_many_threads():
    data = encode(Image.fromarray(np.tile(GRID, (60, 60, 1))), "PNG")
    for _ in range(20):
        lazy = Image.open(io.BytesIO(data))
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(read_image, [lazy] * 8))
        assert all(np.array_equal(np.asarray(r), np.tile(GRID, (60, 60, 1))) for r in results)


def test_heic_without_its_plugin_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    data = b"\x00\x00\x00\x1cftypheic\x00\x00\x00\x00mif1heicmiaf" + bytes(100)
    with pytest.raises(ImageError, match=r"'<bytes> a.heic'.*HEIC.*pip install fgmm\[heic\]"):
        read_image(data, name="a.heic")
    brands = b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1heicmiaf" + bytes(100)
    with pytest.raises(ImageError, match="HEIC"):
        read_image(brands)


def test_heic_with_its_plugin():
    heif = pytest.importorskip("pillow_heif", reason="fgmm[heic] is not installed")
    buffer = io.BytesIO()
    plain = Image.new("RGB", (64, 48), (200, 40, 90))
    heif.from_pillow(plain).save(buffer, quality=95)
    got = pixels(read_image(buffer.getvalue())).astype(int)
    assert got.shape == (48, 64, 3)
    assert np.abs(got - (200, 40, 90)).max() <= 8
    with pytest.raises(ImageError, match="cannot read"):
        read_image(buffer.getvalue()[:-50])
    assert "HEIF" not in Image.OPEN  # nothing was registered behind the caller's back


def test_no_setting_of_pillow_was_touched():
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    assert TiffImagePlugin.READ_LIBTIFF is False
    assert Image.MAX_IMAGE_PIXELS == 1024 * 1024 * 1024 // 4 // 3
