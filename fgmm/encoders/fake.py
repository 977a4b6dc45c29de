"""An encoder without weights: it sees colours and simple shapes, and reads their words.

For examples, documentation and tests: deterministic *and meaningful*, so an example gives a
true answer with nothing to download.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from fgmm.embeddings import Embeddings, unit_rows
from fgmm.encoders.inputs import check_images, check_layer, check_lengths, check_texts
from fgmm.errors import EncoderNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

    from fgmm.encoders.base import Layer, Scoring
    from fgmm.encoders.registry import OnLong

__all__ = ["FakeEncoder"]

COLOURS = {
    "black": (0, 0, 0),
    "blue": (0, 0, 255),
    "brown": (139, 69, 19),
    "cyan": (0, 255, 255),
    "green": (0, 128, 0),
    "grey": (128, 128, 128),
    "orange": (255, 140, 0),
    "pink": (255, 130, 190),
    "purple": (128, 0, 128),
    "red": (255, 0, 0),
    "white": (255, 255, 255),
    "yellow": (255, 255, 0),
}
# How much of its bounding box a shape fills: pi / 4, all of it, half of it.
SHAPES = {"circle": 0.785, "square": 1.0, "triangle": 0.5}
SYNONYMS = {
    "ball": "circle",
    "box": "square",
    "crimson": "red",
    "disc": "circle",
    "disk": "circle",
    "gray": "grey",
    "lime": "green",
    "magenta": "pink",
    "rectangle": "square",
    "round": "circle",
    "scarlet": "red",
    "turquoise": "cyan",
    "violet": "purple",
}
_N_WORDS = 16
_GRID = 4
_DIM = len(COLOURS) + len(SHAPES) + _N_WORDS + _GRID * _GRID + 1
_COLOUR, _SHAPE = 0, len(COLOURS)
_WORD = _SHAPE + len(SHAPES)
_LIGHT = _WORD + _N_WORDS
_SIDE = 64


class FakeEncoder:
    """Encode pictures by colour and shape, texts by the words for them.

    The first components of a vector are colours, then shapes; a picture's colour is that of
    its middle, its shape how much of its bounding box the figure fills. A word that is
    neither colour nor shape gets a small direction of its own, the same on every machine.

    Parameters
    ----------
    scoring : {"softmax", "sigmoid"}, default="softmax"
        How logits are to be read. The name ``fake:sigmoid`` gives the second.
    device, dtype
        Taken and not used: there is nothing to move.
    on_long : {"error", "truncate"}, default="error"
        What becomes of a text of more than ``context_length`` words.

    Attributes
    ----------
    space : str
        Name of the joint space.
    dim : int
        48.
    logit_scale, logit_bias : float
        20 and 0; for sigmoid 20 and -12, so that a cosine of 0.6 is an even bet.
    context_length : int
        32 words.

    Examples
    --------
    >>> from PIL import Image
    >>> encoder = FakeEncoder()
    >>> picture = encoder.encode_images([Image.new("RGB", (20, 20), "red")])
    >>> texts = encoder.encode_texts(["a red circle", "a blue square"])
    >>> picture.cosine(texts).argmax(dim=1)
    tensor([0])
    """

    dim = _DIM
    logit_scale = 20.0
    context_length = 32

    def __init__(
        self,
        scoring: str = "softmax",
        *,
        device: object = "auto",
        dtype: object = None,
        on_long: OnLong = "error",
    ) -> None:
        if scoring not in ("", "softmax", "sigmoid"):
            raise EncoderNotFound(
                f"no encoder 'fake:{scoring}'. There are 'fake' and 'fake:sigmoid'"
            )
        self.scoring = cast("Scoring", scoring or "softmax")
        self.logit_bias = -12.0 if scoring == "sigmoid" else 0.0
        self.space = "fake/1"
        self._on_long = on_long

    def __repr__(self) -> str:
        return f"FakeEncoder(scoring={self.scoring!r})"

    def encode_images(self, images: Sequence[Image], *, layer: Layer = "joint") -> Embeddings:
        """Encode pictures.

        Parameters
        ----------
        images : sequence of PIL images
        layer : {"joint", "features"}, default="joint"
            "features" is a 4 x 4 thumbnail in colour: 49 components, a space of its own.

        Returns
        -------
        Embeddings of n rows

        Raises
        ------
        ValueError
            If there is no such layer.
        """
        check_layer(layer)
        check_images(images)
        look = _joint_row if layer == "joint" else _feature_row
        width = _DIM if layer == "joint" else 3 * _GRID * _GRID + 1
        rows = np.zeros((len(images), width), dtype=np.float32)
        for row, image in zip(rows, images, strict=True):
            small = image.convert("RGB").resize((_SIDE, _SIDE))
            row[:] = look(np.asarray(small, dtype=np.float32))
        space = self.space if layer == "joint" else f"{self.space}+features"
        return Embeddings(unit_rows(torch.from_numpy(rows)), space)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Encode texts.

        Parameters
        ----------
        texts : sequence of str

        Returns
        -------
        Embeddings of n rows

        Raises
        ------
        TextTooLong
            If a text has more than 32 words, unless ``on_long="truncate"``.
        TypeError
            If ``texts`` is one string, or something in it is none.
        """
        check_texts(texts)
        split = [re.findall(r"\w+", text.lower()) for text in texts]
        lengths = [len(words) for words in split]
        check_lengths(texts, lengths, self.context_length, name="fake", on_long=self._on_long)
        rows = np.zeros((len(split), _DIM), dtype=np.float32)
        rows[:, -1] = 0.3
        for row, words in zip(rows, split, strict=True):
            for word in words[: self.context_length]:
                _add_word(row, word)
        return Embeddings(unit_rows(torch.from_numpy(rows)), self.space)


def _add_word(row: np.ndarray, word: str) -> None:
    for candidate in (word, word.removesuffix("s"), word.removesuffix("ish")):
        known = SYNONYMS.get(candidate, candidate)
        if known in COLOURS:
            row[_COLOUR + list(COLOURS).index(known)] += 1.0
            return
        if known in SHAPES:
            row[_SHAPE + list(SHAPES).index(known)] += 0.7
            return
    digest = hashlib.blake2b(word.encode(), digest_size=_N_WORDS).digest()
    direction = np.frombuffer(digest, dtype=np.uint8).astype(np.float32) - 127.5
    row[_WORD:_LIGHT] += 0.1 * direction / np.linalg.norm(direction)


def _joint_row(pixels: np.ndarray) -> np.ndarray:
    row = np.zeros(_DIM, dtype=np.float32)
    third = _SIDE // 3
    middle = pixels[third:-third, third:-third].mean(axis=(0, 1))
    row[_COLOUR:_SHAPE] = _nearness(middle, np.array(list(COLOURS.values())), width=40.0)
    row[_SHAPE:_WORD] = 0.7 * _shape(pixels, middle)
    row[_LIGHT:-1] = 0.1 * _thumbnail(pixels.mean(axis=2, keepdims=True)).ravel()
    row[-1] = 0.3
    return row


def _feature_row(pixels: np.ndarray) -> np.ndarray:
    return np.append(_thumbnail(pixels).ravel(), np.float32(1.0))


def _shape(pixels: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Nearness to each of `SHAPES`; zeros where no figure stands out from the border."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ground = np.median(border, axis=0)
    to_ground = np.linalg.norm(pixels - ground, axis=2)
    figure = (np.linalg.norm(pixels - middle, axis=2) < to_ground) & (to_ground > 30)
    if np.linalg.norm(middle - ground) < 30 or not figure.any():
        return np.zeros(len(SHAPES), dtype=np.float32)
    rows, columns = np.flatnonzero(figure.any(axis=1)), np.flatnonzero(figure.any(axis=0))
    box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    filled = np.array([figure.sum() / box], dtype=np.float32)
    return _nearness(filled, np.array(list(SHAPES.values()))[:, None], width=0.08)


def _nearness(value: np.ndarray, anchors: np.ndarray, width: float) -> np.ndarray:
    distances = np.linalg.norm(anchors - value, axis=1)
    weights = np.exp(-((distances - distances.min()) / width))
    return cast("np.ndarray", (weights / weights.sum()).astype(np.float32))


def _thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Mean of each cell of a 4 x 4 grid, about -1 to 1: (4, 4, channels)."""
    cell = _SIDE // _GRID
    cells = pixels.reshape(_GRID, cell, _GRID, cell, -1).mean(axis=(1, 3))
    return cast("np.ndarray", cells / 127.5 - 1.0)
