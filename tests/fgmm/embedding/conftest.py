"""An encoder that is easy to check, and a folder of pictures of which some are broken."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from fgmm import Embeddings
from fgmm.embeddings import unit_rows
from fgmm.errors import ImageError, TextTooLong

if TYPE_CHECKING:
    from fgmm.embedding import ImageEmbeddings

N = 23


class Eye:
    """Encodes a picture as its 4 x 4 thumbnail, and notes what it was asked."""

    dim = 49
    logit_scale, logit_bias, scoring, context_length = 10.0, 0.0, "softmax", 8

    def __init__(self, space: str = "eye") -> None:
        self.space = space
        self.batches: list[int] = []
        self.texts: list[str] = []

    def encode_images(self, images, *, layer="joint"):
        if len(images):
            self.batches.append(len(images))
        rows = torch.empty(len(images), 49)
        for row, image in zip(rows, images, strict=True):
            assert image.mode == "RGB"
            assert image.info == {}
            values = np.asarray(image.resize((4, 4), Image.Resampling.BOX), dtype=np.float32)
            row[:48], row[48] = torch.from_numpy(values.ravel() / 255), 1.0
        if layer == "features":
            return Embeddings(unit_rows(rows[:, 8:]), f"{self.space}+features")
        return Embeddings(unit_rows(rows), self.space)

    def encode_texts(self, texts):
        self.texts += texts
        for text in texts:
            if len(text.split()) > self.context_length:
                raise TextTooLong(f"{text!r} is too long")
        rows = torch.tensor([[1.0 + len(text), float(sum(map(ord, text)) % 99), *[1.0] * 47]
                             for text in texts]).reshape(len(texts), 49)  # fmt: skip
        return Embeddings(unit_rows(rows), self.space)


class PreparingEye(Eye):
    """The same, in two steps: workers do the first."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[str] = set()

    def prepare(self, image):
        self.threads.add(threading.current_thread().name)
        return {"picture": Eye.encode_images(Eye(), [image]).vectors[0]}

    def encode_prepared(self, prepared, *, layer="joint"):
        self.batches.append(len(prepared))
        return Embeddings(torch.stack([each["picture"] for each in prepared]), self.space)


class ComputingEye(PreparingEye):
    """The same, on the processor: batches may be computed at once, so it looks who does."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        super().__init__()
        self.cores: set[int] = set()
        self.encoders: set[str] = set()

    def prepare(self, image):
        self.cores.add(torch.get_num_threads())
        return super().prepare(image)

    def encode_prepared(self, prepared, *, layer="joint"):
        self.encoders.add(threading.current_thread().name)
        self.cores.add(torch.get_num_threads())
        time.sleep(0.01)
        return super().encode_prepared(prepared, layer=layer)


def picture(number: int, side: int = 12) -> Image.Image:
    rng = np.random.default_rng(number)
    return Image.fromarray(rng.integers(0, 256, (side, side + 3, 3), dtype=np.uint8))


@pytest.fixture
def folder(tmp_path):
    """N pictures that sort as they are numbered, three of them broken: 4, 5 and 17."""
    place = tmp_path / "pictures"
    for number in range(N):
        path = place / ("a" if number < 9 else "b") / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(path)
    (place / "a" / "004.png").write_bytes(b"no picture")
    (place / "a" / "005.png").write_bytes(b"")
    data = (place / "b" / "017.png").read_bytes()
    (place / "b" / "017.png").write_bytes(data[:-100])
    return place


BROKEN = (4, 5, 17)


GOOD = tuple(n for n in range(N) if n not in BROKEN)


def expected() -> torch.Tensor:
    return torch.cat([Eye().encode_images([picture(n)]).vectors for n in GOOD])


def assert_right(got: ImageEmbeddings) -> None:
    assert got.positions == GOOD
    assert [Path(name).stem for name in got.names] == [f"{n:03}" for n in GOOD]
    assert torch.allclose(got.vectors, expected(), atol=1e-6)
    assert got.vectors.dtype == torch.float32
    assert [failure.position for failure in got.failures] == list(BROKEN)
    for failure in got.failures:
        assert isinstance(failure.error, ImageError)
        assert repr(failure.name) in str(failure.error)
