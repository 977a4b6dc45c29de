"""How a bird of the field guide is drawn: shapes on a canvas, no assets.

The bird is drawn in its own coordinates (the body is about two units long, y points
up), turned, scaled and placed by one affine map, and painted with Pillow at twice
the wanted size. What every part covers is known exactly, hence its box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from fgmm.fieldguide._scenery import draw_background, light
from fgmm.fieldguide._shapes import BILL_SHAPES, COLOURS, SIZES, TAIL_SHAPES, ellipse, turned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fgmm.fieldguide._shapes import Colour, Points

    Turn = Callable[[Points], Points]
    Box = tuple[float, float, float, float]

__all__ = ["PARTS", "draw_bird"]

PARTS = ("bill", "crown", "eye", "throat", "breast", "wing", "tail", "legs")
"""The parts whose boxes are known, in every picture."""

_OVERSAMPLE = 2


class _Canvas:
    """A picture, the map from bird to picture, and the parts drawn so far."""

    def __init__(self, image: Image.Image, linear: Points, origin: Points) -> None:
        self.image, self.linear, self.origin = image, linear, origin
        self.pen = ImageDraw.Draw(image)
        self.unit = float(np.sqrt(abs(np.linalg.det(linear))))
        self.corners: dict[str, list[Points]] = {}

    def place(self, points: Points) -> Points:
        return points @ self.linear.T + self.origin

    def polygon(self, points: Points, colour: Colour, part: str | None = None) -> None:
        placed = self.place(points)
        self.pen.polygon([tuple(p) for p in placed], fill=colour)
        self.note(part, placed)

    def line(self, points: Points, colour: Colour, width: float, part: str | None = None) -> None:
        placed = self.place(points)
        self.pen.line(
            [tuple(p) for p in placed], fill=colour, width=max(1, round(width * self.unit))
        )
        self.note(part, placed)

    def mask(self, points: Points) -> Image.Image:
        mask = Image.new("1", self.image.size)
        ImageDraw.Draw(mask).polygon([tuple(p) for p in self.place(points)], fill=1)
        return mask

    def paste(self, colour: Colour, *masks: Image.Image, part: str | None = None) -> Image.Image:
        both = masks[0]
        for mask in masks[1:]:
            both = ImageChops.logical_and(both, mask)
        self.image.paste(colour, mask=both)
        box = both.getbbox()
        if box:
            self.note(part, np.array([box[:2], box[2:]], dtype=float))
        return both

    def note(self, part: str | None, placed: Points) -> None:
        if part:
            self.corners.setdefault(part, []).append(placed)


def draw_bird(
    attributes: Mapping[str, str], rng: np.random.Generator, size: int
) -> tuple[Image.Image, dict[str, Box]]:
    """Draw one bird in a pose, light and place of its own.

    Parameters
    ----------
    attributes : mapping of str to str
        A value for every key of `fgmm.fieldguide.ATTRIBUTES`.
    rng : numpy.random.Generator
        Decides all that is not an attribute.
    size : int
        Side of the square picture, in pixels.

    Returns
    -------
    image : PIL.Image.Image
        RGB.
    boxes : dict of str to (left, top, right, bottom)
        One box in pixels for each of `PARTS`, clipped to the picture.
    """
    side = size * _OVERSAMPLE
    image = draw_background(rng, side)
    scale = 0.22 * side * SIZES[attributes["size"]] * rng.uniform(0.93, 1.07)
    mirror, roll = rng.choice([-1.0, 1.0]), np.deg2rad(rng.uniform(-12, 12))
    cos, sin = np.cos(roll), np.sin(roll)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([mirror * scale, -scale])
    origin = side * (0.5 + rng.uniform(-0.07, 0.07, size=2))
    canvas = _Canvas(image, linear, origin)
    _paint_bird(canvas, attributes, rng)
    boxes = {part: _box(corners, size) for part, corners in canvas.corners.items()}
    image = image.resize((size, size), Image.Resampling.BOX)
    return light(image, rng), boxes


def _box(corners: list[Points], size: int) -> Box:
    points = np.concatenate(corners)
    within = np.clip(np.concatenate([points.min(0), points.max(0)]) / _OVERSAMPLE, 0, size)
    left, top, right, bottom = (float(v) for v in within)
    return left, top, right, bottom


def _paint_bird(canvas: _Canvas, a: Mapping[str, str], rng: np.random.Generator) -> None:
    def shade(name: str, gain: float = 1.0) -> Colour:
        noisy = np.array(COLOURS[name]) * gain * rng.uniform(0.94, 1.06) + rng.normal(0, 5, 3)
        r, g, b = (int(v) for v in np.clip(noisy, 0, 255))
        return r, g, b

    tilt = np.deg2rad(rng.uniform(8, 50))
    plump = rng.uniform(0.52, 0.6)
    back, breast = shade(a["back colour"]), shade(a["breast colour"])

    def body(points: Points) -> Points:
        return turned(points, tilt)

    head: Points = body(np.array([[0.88, 0.1]]))[0] + np.array(
        [0.0, 0.22 + rng.uniform(-0.05, 0.08)]
    )
    gaze = np.deg2rad(rng.uniform(-16, 18))

    def face(points: Points) -> Points:
        return turned(points, gaze) + head

    _legs(canvas, body, shade(a["legs"]), rng)
    canvas.polygon(body(TAIL_SHAPES[a["tail shape"]]), _darker(back, 0.78), "tail")
    trunk = body(ellipse(0, 0, 1.0, plump))
    neck = np.concatenate(
        [body(np.array([[0.2, 0.55], [0.4, -0.5]])), head + np.array([[0.3, -0.22], [-0.3, 0.2]])]
    )
    neck = neck[[1, 2, 3, 0]]
    skull = head + ellipse(0, 0, 0.43, 0.41)
    for outline in (trunk, neck, skull):
        canvas.polygon(outline, back)

    under = canvas.mask(np.concatenate([body(ellipse(0.22, -0.42, 1.1, 0.62))]))
    belly = canvas.paste(breast, canvas.mask(trunk), under, part="breast")
    _breast_pattern(canvas, belly, a["breast pattern"], body, rng)

    skull_mask = canvas.mask(skull)
    throat = canvas.mask(face(np.array([[0.6, -0.07], [-0.1, -0.12], [-0.25, -0.6], [0.6, -0.6]])))
    canvas.paste(
        shade(a["throat"]) if a["throat"] != "plain" else breast, skull_mask, throat, part="throat"
    )
    crown = canvas.mask(
        face(np.array([[0.6, 0.16], [0.1, 0.13], [-0.6, 0.1], [-0.6, 0.7], [0.6, 0.7]]))
    )
    cap = shade(a["crown"]) if a["crown"] != "plain" else back
    canvas.paste(cap, skull_mask, crown, part="crown")
    if a["crest"] == "pointed":
        canvas.polygon(face(np.array([[0.18, 0.34], [-0.62, 0.78], [-0.34, 0.2]])), cap, "crown")
    if a["eyebrow"] == "white":
        canvas.line(
            face(np.array([[0.36, 0.13], [0.08, 0.2], [-0.3, 0.12]])), COLOURS["white"], 0.085
        )

    if a["eye ring"] != "no":
        canvas.polygon(face(ellipse(0.13, 0.03, 0.15, 0.15)), shade(a["eye ring"]), "eye")
    canvas.polygon(face(ellipse(0.13, 0.03, 0.075, 0.075)), (16, 14, 14), "eye")
    canvas.polygon(face(BILL_SHAPES[a["bill shape"]]), shade(a["bill colour"]), "bill")

    droop = rng.uniform(-0.08, 0.06)
    wing = np.array(
        [[0.45, 0.3], [0.4, 0.0], [0.1, -0.17], [-0.6, -0.14 + droop], [-1.2, 0.04 + droop]]
    )
    wing = body(np.concatenate([wing, [[-0.6, 0.28], [0.1, 0.45]]]))
    canvas.polygon(wing, _darker(back, 0.7), "wing")
    wing_mask = canvas.mask(wing)
    for x in {"no": (), "one": (0.05,), "two": (0.2, -0.16)}[a["wing bars"]]:
        bar = body(np.array([[x + 0.05, 0.5], [x - 0.06, 0.5], [x - 0.2, -0.4], [x - 0.09, -0.4]]))
        canvas.paste(COLOURS["white"], wing_mask, canvas.mask(bar))


def _breast_pattern(
    canvas: _Canvas, belly: Image.Image, pattern: str, body: Turn, rng: np.random.Generator
) -> None:
    ink = COLOURS["black"] if rng.random() < 0.5 else (58, 44, 38)
    if pattern == "plain":
        return
    layer = Image.new("1", canvas.image.size)
    pen = ImageDraw.Draw(layer)

    def mark(points: Points) -> None:
        pen.polygon([tuple(p) for p in canvas.place(body(points))], fill=1)

    phase = rng.uniform(0, 0.2, size=2)
    if pattern == "banded":
        mark(np.array([[0.42, 0.6], [0.6, 0.6], [0.66, -0.9], [0.46, -0.9]]))
    elif pattern == "barred":
        for x in np.arange(-0.9, 1.1, 0.2) + phase[0]:
            mark(np.array([[x, 0.3], [x + 0.075, 0.3], [x + 0.12, -0.9], [x + 0.045, -0.9]]))
    else:
        for i, x in enumerate(np.arange(-0.8, 1.1, 0.21) + phase[0]):
            for y in np.arange(-0.75, 0.35, 0.19) + phase[1] + 0.095 * (i % 2):
                long, thin = (0.13, 0.026) if pattern == "streaked" else (0.06, 0.06)
                mark(ellipse(x, y, long, thin))
    canvas.paste(ink, belly, layer)


def _legs(canvas: _Canvas, body: Turn, colour: Colour, rng: np.random.Generator) -> None:
    for hip in (-0.12, 0.16):
        start = body(np.array([[hip, -0.42]]))[0]
        knee = start + np.array([rng.uniform(-0.1, 0.02), -0.3])
        foot = knee + np.array([rng.uniform(0.02, 0.12), -0.32])
        canvas.line(np.array([start, knee, foot]), colour, 0.075, "legs")
        toes = foot + np.array([[-0.12, 0], [0, 0], [0.2, 0]])
        canvas.line(toes, colour, 0.07, "legs")
    branch = np.array(
        [
            [-3.2, foot[1] - 0.1 + rng.uniform(-0.25, 0.25)],
            [3.2, foot[1] - 0.1 + rng.uniform(-0.25, 0.25)],
        ]
    )
    r, g, b = (int(v) for v in rng.uniform([60, 40, 25], [125, 100, 80]))
    canvas.line(branch, (r, g, b), rng.uniform(0.12, 0.2))


def _darker(colour: Colour, gain: float) -> Colour:
    r, g, b = (int(v * gain) for v in colour)
    return r, g, b
