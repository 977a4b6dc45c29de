"""More than 8 bits a channel, and CMYK: scaled, not clipped."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from fgmm.errors import ImageError
from fgmm.images import read_image


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
