"""Pictures that the encoder "fake" tells apart: plain colours, and shades of them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fgmm import Recognizer

COLOURS = {"ruby": (220, 20, 40), "sky": (60, 140, 240), "moss": (40, 150, 50)}


def shade(name: str, number: int) -> Image.Image:
    """Picture ``number`` of a colour: a gradient of its own, each of other pixels."""
    rng = np.random.default_rng([list(COLOURS).index(name), number])
    corners = np.array(COLOURS[name]) + rng.integers(-35, 36, (2, 2, 3))
    small = Image.fromarray(corners.clip(0, 255).astype(np.uint8))
    return small.resize((24, 24), Image.Resampling.BICUBIC)


@pytest.fixture(scope="session")
def shades():
    """A factory of pictures of a colour: ``shades("ruby", 0, 1)``."""
    return lambda name, *numbers: [shade(name, number) for number in numbers]


@pytest.fixture
def colours(shades) -> Recognizer:
    """Ruby and sky with four photos each."""
    made = Recognizer("fake")
    made.add_species("ruby", shades("ruby", 0, 1, 2, 3))
    made.add_species("sky", shades("sky", 0, 1, 2, 3))
    return made


@pytest.fixture
def folder(tmp_path):
    """A folder with a folder of five pictures for each colour."""
    for name in COLOURS:
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(5):
            shade(name, number).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


class PicturesOnly:
    """The encoder "fake" without its reading of texts: vectors of pictures alone."""

    name = "pictures only"

    def __init__(self) -> None:
        from fgmm import load_encoder

        self._fake = load_encoder("fake")
        self.space, self.dim = "pictures only/1", self._fake.dim

    def encode_images(self, images, *, layer="joint"):
        from fgmm import Embeddings

        found = self._fake.encode_images(images, layer=layer)
        return Embeddings(found.vectors, f"{self.space} {layer}")


@pytest.fixture
def pictures_only():
    return PicturesOnly()
