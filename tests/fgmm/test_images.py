"""Pictures are read right, or refused by name."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageFile, PngImagePlugin, TiffImagePlugin

from fgmm.errors import ImageError
from fgmm.images import MAX_PIXELS, SUFFIXES, find_images, read_image

if TYPE_CHECKING:
    from pathlib import Path

GRID = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3) * np.uint8(2)


def encode(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def pixels(image: Image.Image) -> np.ndarray:
    assert image.mode == "RGB"
    assert type(image) is Image.Image
    return np.asarray(image)


def grey(*values: int) -> np.ndarray:
    """One row of pixels of these grey levels."""
    return np.repeat(np.array([values], dtype=np.uint8)[:, :, None], 3, axis=2)


# sources


def test_every_source_of_one_picture_gives_the_same_pixels(tmp_path):
    data = encode(Image.fromarray(GRID), "PNG")
    path = tmp_path / "a picture.png"
    path.write_bytes(data)
    with path.open("rb") as file:
        file.read(3)  # a reader that has moved on is wound back, as Pillow does
        sources = [
            path,
            str(path),
            data,
            bytearray(data),
            memoryview(data),
            file,
            io.BytesIO(data),
            Image.open(path),
            Image.fromarray(GRID),
            GRID,
            torch.from_numpy(GRID),
            torch.from_numpy(GRID).permute(2, 0, 1),
            GRID.astype(np.float32) / 255,
            GRID.astype(np.float64) / 255,
            (torch.from_numpy(GRID) / 255).to(torch.float64),
            GRID.astype(np.uint16) * 257,
        ]
        for source in sources:
            assert np.array_equal(pixels(read_image(source)), GRID), type(source)


def test_a_stream_that_cannot_be_wound_back_is_read_as_it_comes():
    data = encode(Image.fromarray(GRID), "BMP")
    with subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.stdout.buffer.write({data!r})"],
        stdout=subprocess.PIPE,
    ) as process:
        assert np.array_equal(pixels(read_image(process.stdout)), GRID)


@pytest.mark.parametrize(
    "name",
    ["Kohlmeise größer.png", "シジュウカラ.png", "синица.png", "🐦 %20 'q\"[1].png", "a\tb.png"],
)
def test_names_in_any_script(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(encode(Image.fromarray(GRID), "PNG"))
    assert np.array_equal(pixels(read_image(path)), GRID)
    path.write_bytes(b"broken")
    with pytest.raises(ImageError, match="no picture") as caught:
        read_image(path)
    assert repr(str(path)) in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_name_that_is_no_text_can_still_be_printed(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff\xfe.png")
    path.write_bytes(b"broken")
    with pytest.raises(ImageError, match="no picture") as caught:
        read_image(path)
    assert "\\udcff" in str(caught.value).encode("utf-8").decode()


def test_long_names(tmp_path):
    path = tmp_path / ("x" * 251 + ".png")
    path.write_bytes(encode(Image.fromarray(GRID), "PNG"))
    assert np.array_equal(pixels(read_image(path)), GRID)
    with pytest.raises(ImageError, match="xxx"):
        read_image(tmp_path / ("x" * 300 + ".png"))


def test_content_decides_not_the_suffix(tmp_path):
    path = tmp_path / "really a png.jpg"
    path.write_bytes(encode(Image.fromarray(GRID), "PNG"))
    assert np.array_equal(pixels(read_image(path)), GRID)


def test_the_callers_picture_is_not_handed_back():
    mine = Image.fromarray(GRID)
    read_image(mine).putpixel((0, 0), (9, 9, 9))
    assert mine.getpixel((0, 0)) == (0, 2, 4)


# formats and colours


@pytest.mark.parametrize("format_", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_are_exact(format_):
    assert np.array_equal(pixels(read_image(encode(Image.fromarray(GRID), format_))), GRID)


def test_lossless_webp_and_avif_if_this_pillow_has_them():
    data = encode(Image.fromarray(GRID), "WEBP", lossless=True)
    assert np.array_equal(pixels(read_image(data)), GRID)


@pytest.mark.parametrize(("format_", "options"), [("JPEG", {"quality": 95}), ("AVIF", {})])
def test_lossy_formats_are_near(format_, options):
    plain = Image.new("RGB", (32, 32), (200, 40, 90))
    if format_ not in Image.SAVE:
        Image.init()
    if format_ not in Image.SAVE:
        pytest.skip(f"this Pillow writes no {format_}")
    got = pixels(read_image(encode(plain, format_, **options))).astype(int)
    assert np.abs(got - (200, 40, 90)).max() <= 6


def test_gif_and_palette():
    image = Image.fromarray(GRID).quantize(16)
    expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(pixels(read_image(encode(image, "GIF"))), expected)
    assert np.array_equal(pixels(read_image(encode(image, "PNG"))), expected)


def test_one_bit():
    image = Image.fromarray(np.array([[True, False]]))
    for source in (encode(image, "PNG"), encode(image, "PPM"), image):
        assert np.array_equal(pixels(read_image(source)), grey(255, 0))


# 16 bits: the upper byte. 0x1234 -> 0x12 = 18, 0x80ff -> 128, 300 -> 1. Pillow's own convert
# clips all but the first and second to 255.
DEEP = np.array([[0, 255, 300, 0x1234, 0x80FF, 65535]], dtype=np.uint16)
DEEP_AS_GREY = grey(0, 0, 1, 18, 128, 255)


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "PPM"])
def test_16_bit_grey_is_scaled_not_clipped(format_):
    image = Image.fromarray(DEEP)
    assert np.array_equal(pixels(read_image(encode(image, format_))), DEEP_AS_GREY)
    assert np.array_equal(pixels(read_image(image)), DEEP_AS_GREY)


def test_16_bit_big_endian():
    image = Image.fromarray(DEEP.astype(">u2"))
    assert image.mode == "I;16B"
    assert np.array_equal(pixels(read_image(encode(image, "TIFF"))), DEEP_AS_GREY)


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


def test_16_bit_colour_agrees_with_16_bit_grey():
    colour = DEEP.repeat(3).astype(">u2").tobytes()
    assert np.array_equal(pixels(read_image(png(16, 2, 6, colour))), DEEP_AS_GREY)


def test_16_bit_grey_with_a_transparent_value():
    value = struct.pack(">H", 0x80FF)
    chunk = struct.pack(">I", 2) + b"tRNS" + value + struct.pack(">I", zlib.crc32(b"tRNS" + value))
    data = png(16, 0, 6, DEEP.astype(">u2").tobytes(), chunk)
    assert np.array_equal(pixels(read_image(data)), grey(0, 0, 1, 18, 255, 255))
    assert np.array_equal(pixels(read_image(data, on_alpha="black")), grey(0, 0, 1, 18, 0, 255))


def tiff(values: np.ndarray, *, bits: int, photometric: int, packed: bytes | None = None) -> bytes:
    """One little-endian TIFF by hand."""
    body = values.astype("<u2").tobytes() if packed is None else packed
    tags = [(256, values.shape[1]), (257, 1), (258, bits), (259, 1), (262, photometric)]
    tags += [(273, 8), (277, 1), (278, 1), (279, len(body))]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    start = 8 + len(body)
    return (
        struct.pack("<2sHI", b"II", 42, start)
        + body
        + struct.pack("<H", len(tags))
        + directory
        + bytes(4)
    )


def test_16_bit_tiff_whose_white_is_zero():
    data = tiff(DEEP, bits=16, photometric=0)
    assert np.array_equal(pixels(read_image(data)), grey(255, 255, 254, 237, 127, 0))


def test_12_bit_tiff():
    # two samples in three bytes: 0xFFF and 0x808, of 4095, are 255 and 128
    values = np.zeros((1, 2), dtype=np.uint16)
    data = tiff(values, bits=12, photometric=1, packed=b"\xff\xf8\x08")
    assert np.array_equal(pixels(read_image(data)), grey(255, 128))


def test_wide_integers_have_no_white():
    image = Image.fromarray(np.array([[0, 70000]], dtype=np.int32))
    for source in (image, encode(image, "TIFF")):
        with pytest.raises(ImageError, match="32 bits have no agreed white"):
            read_image(source)


def test_floats_in_a_file_are_held_to_the_rule_for_floats():
    fine = Image.fromarray(np.array([[0.0, 0.5, 1.0]], dtype=np.float32))
    assert np.array_equal(pixels(read_image(encode(fine, "TIFF"))), grey(0, 128, 255))
    loud = Image.fromarray(np.array([[0.0, 200.0]], dtype=np.float32))
    with pytest.raises(ImageError, match=r"floats are in \[0, 1\], these are in \[0, 200\]"):
        read_image(encode(loud, "TIFF"), name="loud")


def test_cmyk():
    # Pillow's rule: r = 255 - min(255, c + k). c=255 takes all red, k=255 takes all.
    image = Image.merge(
        "CMYK",
        [
            Image.fromarray(np.array([b], dtype=np.uint8))
            for b in ([255, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 255, 100])
        ],
    )
    expected = np.array([[[0, 255, 255], [255, 255, 255], [0, 0, 0], [155, 155, 155]]])
    assert np.array_equal(pixels(read_image(encode(image, "TIFF"))), expected)


def test_cmyk_jpeg_inverted_as_adobe_does():
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    data = encode(cyan, "JPEG", quality=95)
    assert b"Adobe" in data
    got = pixels(read_image(data)).astype(int)
    assert np.abs(got - (0, 255, 255)).max() <= 8


ALPHA = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 51]]], dtype=np.uint8)


@pytest.mark.parametrize("form", ["array", "png", "webp", "tiff", "tensor"])
def test_transparency_shows_white(form):
    image = Image.fromarray(ALPHA)
    source = {
        "array": lambda: ALPHA,
        "png": lambda: encode(image, "PNG"),
        "webp": lambda: encode(image, "WEBP", lossless=True, exact=True),
        "tiff": lambda: encode(image, "TIFF"),
        "tensor": lambda: torch.from_numpy(ALPHA).permute(2, 0, 1).repeat(1, 5, 2)[:, :, :5],
    }[form]()
    # black at 51 of 255 over white: 255 * (1 - 0.2) = 204
    for ground, clear, dim in (
        ("white", (255, 255, 255), (204, 204, 204)),
        ((255, 0, 0), (255, 0, 0), (204, 0, 0)),
    ):
        got = pixels(read_image(source, on_alpha=ground))[:1, :3]
        assert np.array_equal(got, [[[10, 20, 30], clear, dim]])


def test_grey_with_alpha():
    image = Image.merge("LA", [Image.new("L", (1, 1), 40), Image.new("L", (1, 1), 0)])
    assert np.array_equal(pixels(read_image(encode(image, "PNG"))), grey(255))


@pytest.mark.parametrize("transparency", [1, b"\xff\x00"])
def test_palette_with_transparency(transparency):
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8)).convert("P")
    image.putpalette([9, 8, 7, 1, 2, 3])
    data = encode(image, "PNG", transparency=transparency)
    assert np.array_equal(pixels(read_image(data)), [[[9, 8, 7], [255, 255, 255]]])


def test_transparent_colour_of_an_rgb_png():
    data = encode(Image.fromarray(GRID), "PNG", transparency=tuple(GRID[2, 3].tolist()))
    expected = GRID.copy()
    expected[2, 3] = 255
    assert np.array_equal(pixels(read_image(data)), expected)


def test_a_bad_ground_is_said_to_be_one():
    with pytest.raises(ValueError, match="unknown color"):
        read_image(GRID, on_alpha="whit")
    with pytest.raises(ValueError, match="three numbers of 0 to 255"):
        read_image(GRID, on_alpha=(0, 0, 256))


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation(format_):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((250, 0, 0), (0, 250, 0))]
    options = {"lossless": True} if format_ == "WEBP" else {}
    data = encode(frames[0], format_, save_all=True, append_images=frames[1:], **options)
    assert np.array_equal(pixels(read_image(data)), np.asarray(frames[0]))


# orientation and metadata

CORNERS = np.array([[[10] * 3, [20] * 3, [30] * 3], [[40] * 3, [50] * 3, [60] * 3]], np.uint8)
# EXIF: where the picture's row 0 and column 0 are to be seen, of rows 10 20 30 / 40 50 60
UPRIGHT = {
    1: [[10, 20, 30], [40, 50, 60]],
    2: [[30, 20, 10], [60, 50, 40]],  # top, right
    3: [[60, 50, 40], [30, 20, 10]],  # bottom, right
    4: [[40, 50, 60], [10, 20, 30]],  # bottom, left
    5: [[10, 40], [20, 50], [30, 60]],  # left, top
    6: [[40, 10], [50, 20], [60, 30]],  # right, top
    7: [[60, 30], [50, 20], [40, 10]],  # right, bottom
    8: [[30, 60], [20, 50], [10, 40]],  # left, bottom
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_orientation(orientation, format_):
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = np.array(UPRIGHT[orientation], dtype=np.uint8)
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}
    data = encode(Image.fromarray(CORNERS), format_, exif=exif, **options.get(format_, {}))
    got = pixels(read_image(data))[:, :, 0]
    assert got.shape == expected.shape
    assert np.abs(got.astype(int) - expected).max() <= (3 if format_ == "JPEG" else 0)
    opened = Image.open(io.BytesIO(data))
    assert np.array_equal(pixels(read_image(opened))[:, :, 0], got)


def test_an_orientation_that_does_not_exist_is_none():
    exif = Image.Exif()
    exif[0x0112] = 77
    data = encode(Image.fromarray(CORNERS), "PNG", exif=exif)
    assert np.array_equal(pixels(read_image(data)), CORNERS)


def test_positions_never_leave():
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (48.0, 12.0, 30.0)  # GPS latitude
    text = PngImagePlugin.PngInfo()
    text.add_text("where", "48N 12E")
    image = Image.fromarray(GRID)
    files = [
        encode(image, "JPEG", exif=exif, comment=b"48N 12E"),
        encode(image, "PNG", exif=exif, pnginfo=text),
        encode(image, "TIFF", exif=exif),
        encode(image, "WEBP", exif=exif),
    ]
    for data in files:
        for source in (data, Image.open(io.BytesIO(data))):
            got = read_image(source)
            assert got.info == {}
            assert len(got.getexif()) == 0
            assert not hasattr(got, "applist")
            assert not hasattr(got, "text")
            assert b"48N" not in encode(got, "PNG")


# arrays


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6)))
def test_grey_arrays(values):
    assert np.array_equal(pixels(read_image(values)), values[:, :, None].repeat(3, axis=2))


@given(st.integers(0, 255))
def test_the_scales_of_one_value_agree(value):
    one = np.full((2, 2), value, dtype=np.uint8)
    for source in (one, one.astype(np.uint16) << 8, one / 255, one.astype(np.float32) / 255):
        assert read_image(source).getpixel((0, 0)) == (value,) * 3


def test_views_and_bools_and_channel_axes():
    assert np.array_equal(pixels(read_image(GRID[::-1, ::2])), GRID[::-1, ::2])
    assert np.array_equal(pixels(read_image(GRID.transpose(2, 0, 1))), GRID)
    assert np.array_equal(pixels(read_image(GRID[:, :, :1])), GRID[:, :, :1].repeat(3, axis=2))
    assert np.array_equal(pixels(read_image(np.array([[True, False]]))), grey(255, 0))
    half = torch.tensor([[0.0, 0.5, 1.0]])
    assert np.array_equal(pixels(read_image(half.bfloat16())), grey(0, 128, 255))
    assert np.array_equal(pixels(read_image(half.requires_grad_())), grey(0, 128, 255))


def test_an_array_open_to_both_readings_is_h_w_c():
    both = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    assert np.array_equal(pixels(read_image(both)), both)
    four = np.full((4, 5, 3), 7, dtype=np.uint8)
    assert read_image(four).size == (5, 4)


def test_a_tensor_open_to_both_readings_is_refused():
    for shape in ((3, 5, 3), (1, 5, 4), (3, 4, 4), (4, 5, 3)):
        with pytest.raises(ImageError, match=r"may be \(c, h, w\) or \(h, w, c\)"):
            read_image(torch.zeros(shape))
    assert read_image(torch.zeros(3, 4, 5)).size == (5, 4)
    assert read_image(torch.zeros(5, 4, 3)).size == (4, 5)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (np.zeros((2, 4, 4, 3)), r"\(h, w, c\) or \(c, h, w\).*list\(batch\)"),
        (np.zeros(5), "its shape is"),
        (np.zeros((7, 6, 5)), "neither the first nor the last axis"),
        (np.zeros((0, 4, 3)), "no pixels"),
        (np.zeros((4, 4, 3), dtype=np.int64), "int64 have no agreed white"),
        (np.zeros((4, 4), dtype=complex), "complex128 have no agreed white"),
        (np.full((4, 4, 3), 255.0), r"these are in \[255, 255\]"),
        (np.full((4, 4, 3), -0.5), r"these are in \[-0.5, -0.5\]"),
        (np.full((4, 4, 3), np.nan), r"these are in \[nan, nan\]"),
        (torch.zeros(5, 5, 3, dtype=torch.int32), "int32 have no agreed white"),
    ],
)
def test_arrays_that_do_not_say_what_they_show(source, why):
    with pytest.raises(ImageError, match=f"'row 7'.*{why}"):
        read_image(source, name="row 7")


# refusals


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


# folders


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
