"""Colours, sizes and outlines of the field guide's birds, in the bird's own units.

The body is about two units long, x points to the bill and y up. Outlines of a tail are
given in the body's coordinates, those of a bill in the head's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Colour = tuple[int, int, int]

__all__ = ["BILL_SHAPES", "COLOURS", "SIZES", "TAIL_SHAPES", "ellipse", "turned"]

COLOURS: Mapping[str, Colour] = {
    "black": (32, 30, 34),
    "white": (240, 238, 230),
    "grey": (138, 142, 150),
    "brown": (122, 88, 58),
    "olive": (112, 118, 52),
    "blue": (58, 98, 168),
    "rufous": (172, 78, 34),
    "buff": (214, 180, 128),
    "yellow": (236, 204, 44),
    "orange": (236, 134, 32),
    "red": (202, 36, 40),
    "pink": (236, 150, 160),
}
SIZES: Mapping[str, float] = {"small": 0.68, "medium": 0.83, "large": 1.0}


def ellipse(x: float, y: float, wide: float, high: float, n: int = 28) -> Points:
    """Corners of an ellipse around (x, y) with the two half axes given, as (n, 2)."""
    turn = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([x + wide * np.cos(turn), y + high * np.sin(turn)], axis=1)


def turned(points: Points, angle: float) -> Points:
    """Points (n, 2) turned around the origin, from the x axis towards the y axis."""
    cos, sin = np.cos(angle), np.sin(angle)
    result: Points = points @ np.array([[cos, sin], [-sin, cos]])
    return result


TAIL_SHAPES: Mapping[str, Points] = {
    "short": np.array([[-0.75, 0.2], [-1.4, 0.2], [-1.42, -0.12], [-0.75, -0.2]]),
    "long": np.array([[-0.75, 0.2], [-2.05, 0.14], [-2.07, -0.08], [-0.75, -0.2]]),
    "forked": np.array([[-0.75, 0.2], [-1.9, 0.42], [-1.4, 0.02], [-1.85, -0.36], [-0.75, -0.2]]),
    "rounded": np.concatenate(
        [[[-0.75, -0.15], [-0.75, 0.15]], np.array([-1.5, 0]) + ellipse(0, 0, 0.42, 0.5)[4:25]]
    ),
}
BILL_SHAPES: Mapping[str, Points] = {
    "conical": np.array([[0.36, 0.17], [0.82, -0.02], [0.36, -0.2]]),
    "hooked": np.array(
        [[0.36, 0.14], [0.7, 0.12], [0.86, -0.04], [0.8, -0.22], [0.7, -0.07], [0.36, -0.13]]
    ),
    "needle": np.array([[0.38, 0.06], [1.12, 0.015], [1.12, -0.015], [0.38, -0.06]]),
    "curved": np.array(
        [
            [0.38, 0.1],
            [0.74, 0.06],
            [1.02, -0.1],
            [1.16, -0.34],
            [0.94, -0.16],
            [0.7, -0.05],
            [0.38, -0.08],
        ]
    ),
    "dagger": np.array([[0.37, 0.13], [1.2, -0.02], [0.37, -0.13]]),
}
