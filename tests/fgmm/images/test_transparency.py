"""What shows through where a picture is transparent."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
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
