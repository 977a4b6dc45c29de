"""First frames, upright, and without positions."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

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


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation(format_):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((250, 0, 0), (0, 250, 0))]
    options = {"lossless": True} if format_ == "WEBP" else {}
    data = encode(frames[0], format_, save_all=True, append_images=frames[1:], **options)
    assert np.array_equal(pixels(read_image(data)), np.asarray(frames[0]))


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
