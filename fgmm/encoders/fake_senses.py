"""What the fake encoder sees and reads: colours, simple shapes, and the words for them."""

from __future__ import annotations

import hashlib
from typing import cast

import numpy as np

__all__ = [
    "COLOURS",
    "FEATURE_DIM",
    "JOINT_DIM",
    "SHAPES",
    "SIDE",
    "add_word",
    "feature_row",
    "joint_row",
]

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
JOINT_DIM = len(COLOURS) + len(SHAPES) + _N_WORDS + _GRID * _GRID + 1
_COLOUR, _SHAPE = 0, len(COLOURS)
_WORD = _SHAPE + len(SHAPES)
_LIGHT = _WORD + _N_WORDS
SIDE = 64
FEATURE_DIM = 3 * _GRID * _GRID + 1


def add_word(row: np.ndarray, word: str) -> None:
    """Add what a word means to a text's row."""
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


def joint_row(pixels: np.ndarray) -> np.ndarray:
    """See colour and shape in (SIDE, SIDE, 3) pixels of 0 to 255."""
    row = np.zeros(JOINT_DIM, dtype=np.float32)
    third = SIDE // 3
    middle = pixels[third:-third, third:-third].mean(axis=(0, 1))
    row[_COLOUR:_SHAPE] = _nearness(middle, np.array(list(COLOURS.values())), width=40.0)
    row[_SHAPE:_WORD] = 0.7 * _shape(pixels, middle)
    row[_LIGHT:-1] = 0.1 * _thumbnail(pixels.mean(axis=2, keepdims=True)).ravel()
    row[-1] = 0.3
    return row


def feature_row(pixels: np.ndarray) -> np.ndarray:
    """See a 4 x 4 thumbnail in (SIDE, SIDE, 3) pixels of 0 to 255."""
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
    cell = SIDE // _GRID
    cells = pixels.reshape(_GRID, cell, _GRID, cell, -1).mean(axis=(1, 3))
    return cast("np.ndarray", cells / 127.5 - 1.0)
