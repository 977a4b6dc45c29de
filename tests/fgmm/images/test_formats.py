"""Formats: lossless ones exact, lossy ones near."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from fgmm.images import read_image

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
