"""One picture, or several: by what it is, and for paths by what is there."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from fgmm.images.several import is_many

ONE = {
    "a path": "wren.jpg",
    "a picture": Image.new("RGB", (2, 2)),
    "bytes": b"GIF",
    "a byte array": bytearray(b"GIF"),
    "a view": memoryview(b"GIF"),
    "an open file": io.BytesIO(b"GIF"),
    "a grey array": np.zeros((4, 4)),
    "a coloured array": np.zeros((4, 4, 3)),
    "a tensor": torch.zeros(3, 4, 4),
    "no picture": 7,
    "nothing": None,
}
SEVERAL = {
    "a list": ["wren.jpg"],
    "an empty tuple": (),
    "a generator": (path for path in ["wren.jpg"]),
    "an array with a dimension more": np.zeros((1, 4, 4, 3)),
    "a tensor with a dimension more": torch.zeros(1, 3, 4, 4),
    "a glob": "birds/*.jpg",
}


@pytest.mark.parametrize("kind", ONE)
def test_one(kind):
    assert not is_many(ONE[kind])


@pytest.mark.parametrize("kind", SEVERAL)
def test_several(kind):
    assert is_many(SEVERAL[kind])


def test_a_folder_is_several_and_a_file_with_brackets_is_one(tmp_path):
    file = tmp_path / "wren [1].jpg"
    assert is_many(str(file))  # no such file: a glob
    file.touch()
    assert not is_many(file)
    assert not is_many(str(file))
    assert is_many(tmp_path)
