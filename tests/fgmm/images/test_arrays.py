"""Arrays and tensors: read where they say what they show."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from fgmm.errors import ImageError
from fgmm.images import read_image

GRID = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3) * np.uint8(2)


def pixels(image: Image.Image) -> np.ndarray:
    assert image.mode == "RGB"
    assert type(image) is Image.Image
    return np.asarray(image)


def grey(*values: int) -> np.ndarray:
    """One row of pixels of these grey levels."""
    return np.repeat(np.array([values], dtype=np.uint8)[:, :, None], 3, axis=2)


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
