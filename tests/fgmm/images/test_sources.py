"""Pictures from wherever they are: one picture, the same pixels."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from fgmm.errors import ImageError
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
