"""How a bird of the field guide is drawn: shapes on a canvas, no assets.

The bird is drawn in its own coordinates (the body is about two units long, y points
up), turned, scaled and placed by one affine map, and painted with Pillow at twice
the wanted size. What every part covers is known exactly, hence its box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Colour = tuple[int, int, int]

__all__ = ["PARTS", "draw_bird"]

PARTS = ("bill", "crown", "eye", "throat", "breast", "wing", "tail", "legs")
"""The parts whose boxes are known, in every picture."""

_OVERSAMPLE = 2
_COLOURS: Mapping[str, tuple[int, int, int]] = {
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
_SIZES = {"small": 0.68, "medium": 0.83, "large": 1.0}


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
) -> tuple[Image.Image, dict[str, tuple[float, float, float, float]]]:
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
    image = _background(rng, side)
    scale = 0.22 * side * _SIZES[attributes["size"]] * rng.uniform(0.93, 1.07)
    mirror, roll = rng.choice([-1.0, 1.0]), np.deg2rad(rng.uniform(-12, 12))
    cos, sin = np.cos(roll), np.sin(roll)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([mirror * scale, -scale])
    origin = side * (0.5 + rng.uniform(-0.07, 0.07, size=2))
    canvas = _Canvas(image, linear, origin)
    _bird(canvas, attributes, rng)
    boxes = {
        part: tuple(
            float(v)
            for v in np.clip(
                np.concatenate([np.concatenate(corners).min(0), np.concatenate(corners).max(0)])
                / _OVERSAMPLE,
                0,
                size,
            )
        )
        for part, corners in canvas.corners.items()
    }
    image = image.resize((size, size), Image.Resampling.BOX)
    return _light(image, rng), boxes  # type: ignore[return-value]


def _bird(canvas: _Canvas, a: Mapping[str, str], rng: np.random.Generator) -> None:
    def shade(name: str, gain: float = 1.0) -> Colour:
        noisy = np.array(_COLOURS[name]) * gain * rng.uniform(0.94, 1.06) + rng.normal(0, 5, 3)
        r, g, b = (int(v) for v in np.clip(noisy, 0, 255))
        return r, g, b

    tilt = np.deg2rad(rng.uniform(8, 50))
    plump = rng.uniform(0.52, 0.6)
    back, breast = shade(a["back colour"]), shade(a["breast colour"])

    def body(points: Points) -> Points:
        return points @ np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])

    head = body(np.array([[0.88, 0.1]]))[0] + np.array([0.0, 0.22 + rng.uniform(-0.05, 0.08)])
    gaze = np.deg2rad(rng.uniform(-16, 18))

    def face(points: Points) -> Points:
        return (
            points @ np.array([[np.cos(gaze), np.sin(gaze)], [-np.sin(gaze), np.cos(gaze)]]) + head
        )

    _legs(canvas, body, shade(a["legs"]), rng)
    canvas.polygon(body(_TAIL_SHAPES[a["tail shape"]]), _darker(back, 0.78), "tail")
    trunk = body(_ellipse(0, 0, 1.0, plump))
    neck = np.concatenate(
        [body(np.array([[0.2, 0.55], [0.4, -0.5]])), head + [[0.3, -0.22], [-0.3, 0.2]]]
    )
    neck = neck[[1, 2, 3, 0]]
    skull = head + _ellipse(0, 0, 0.43, 0.41)
    for outline in (trunk, neck, skull):
        canvas.polygon(outline, back)

    under = canvas.mask(np.concatenate([body(_ellipse(0.22, -0.42, 1.1, 0.62))]))
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
            face(np.array([[0.36, 0.13], [0.08, 0.2], [-0.3, 0.12]])), _COLOURS["white"], 0.085
        )

    if a["eye ring"] != "no":
        canvas.polygon(face(_ellipse(0.13, 0.03, 0.15, 0.15)), shade(a["eye ring"]), "eye")
    canvas.polygon(face(_ellipse(0.13, 0.03, 0.075, 0.075)), (16, 14, 14), "eye")
    canvas.polygon(face(_BILL_SHAPES[a["bill shape"]]), shade(a["bill colour"]), "bill")

    droop = rng.uniform(-0.08, 0.06)
    wing = np.array(
        [[0.45, 0.3], [0.4, 0.0], [0.1, -0.17], [-0.6, -0.14 + droop], [-1.2, 0.04 + droop]]
    )
    wing = body(np.concatenate([wing, [[-0.6, 0.28], [0.1, 0.45]]]))
    canvas.polygon(wing, _darker(back, 0.7), "wing")
    wing_mask = canvas.mask(wing)
    for x in {"no": (), "one": (0.05,), "two": (0.2, -0.16)}[a["wing bars"]]:
        bar = body(np.array([[x + 0.05, 0.5], [x - 0.06, 0.5], [x - 0.2, -0.4], [x - 0.09, -0.4]]))
        canvas.paste(_COLOURS["white"], wing_mask, canvas.mask(bar))


def _breast_pattern(canvas: _Canvas, belly: Image.Image, pattern: str, body, rng) -> None:  # type: ignore[no-untyped-def]
    ink = _COLOURS["black"] if rng.random() < 0.5 else (58, 44, 38)
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
                mark(_ellipse(x, y, long, thin))
    canvas.paste(ink, belly, layer)


def _legs(canvas: _Canvas, body, colour: Colour, rng: np.random.Generator) -> None:  # type: ignore[no-untyped-def]
    for hip in (-0.12, 0.16):
        start = body(np.array([[hip, -0.42]]))[0]
        knee = start + [rng.uniform(-0.1, 0.02), -0.3]
        foot = knee + [rng.uniform(0.02, 0.12), -0.32]
        canvas.line(np.array([start, knee, foot]), colour, 0.075, "legs")
        canvas.line(np.array([foot + [-0.12, 0], foot, foot + [0.2, 0]]), colour, 0.07, "legs")
    branch = np.array(
        [
            [-3.2, foot[1] - 0.1 + rng.uniform(-0.25, 0.25)],
            [3.2, foot[1] - 0.1 + rng.uniform(-0.25, 0.25)],
        ]
    )
    bark = tuple(int(v) for v in rng.uniform([60, 40, 25], [125, 100, 80]))
    canvas.line(branch, bark, rng.uniform(0.12, 0.2))  # type: ignore[arg-type]


def _background(rng: np.random.Generator, side: int) -> Image.Image:
    """Sky, leaves and earth out of focus, in the birds' own colours too."""
    palette = rng.permutation(
        np.array([*_COLOURS.values(), (92, 132, 60), (60, 96, 44), (150, 190, 222)])
    )
    corners = np.clip(palette[:4] * rng.uniform(0.5, 1.15) + rng.normal(0, 14, (4, 3)), 0, 255)
    image = Image.fromarray(corners.reshape(2, 2, 3).astype(np.uint8)).resize(
        (side, side), Image.Resampling.BILINEAR
    )
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(8, 30))):
        colour = tuple(
            int(v)
            for v in np.clip(palette[rng.integers(len(palette))] * rng.uniform(0.6, 1.1), 0, 255)
        )
        x, y = rng.uniform(0, side, size=2)
        wide, turn = rng.uniform(0.03, 0.22) * side, rng.uniform(0, np.pi)
        leaf = _ellipse(0, 0, wide, wide * rng.uniform(0.25, 1.0), 12)
        leaf = leaf @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + [
            x,
            y,
        ]
        pen.polygon([tuple(p) for p in leaf], fill=colour)
    small = image.resize((side // 8, side // 8), Image.Resampling.BOX)
    small = small.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 2.0)))
    return small.resize((side, side), Image.Resampling.BICUBIC)


def _light(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Time of day, a shadow across, and the camera's noise."""
    pixels = np.asarray(image, dtype=np.float32)
    size = pixels.shape[0]
    turn = rng.uniform(0, 2 * np.pi)
    ramp = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    shadow = 1 + rng.uniform(0, 0.35) * (np.cos(turn) * ramp[:, None] + np.sin(turn) * ramp[None])
    warmth = rng.uniform(0.78, 1.18) * (1 + rng.normal(0, 0.05, 3).astype(np.float32))
    noise = rng.normal(0, rng.uniform(1, 5), (size, size, 1)).astype(np.float32)
    lit = pixels * shadow[..., None] * warmth.astype(np.float32) + noise
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))


def _ellipse(x: float, y: float, wide: float, high: float, n: int = 28) -> Points:
    turn = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([x + wide * np.cos(turn), y + high * np.sin(turn)], axis=1)


def _darker(colour: Colour, gain: float) -> Colour:
    r, g, b = (int(v * gain) for v in colour)
    return r, g, b


_TAIL_SHAPES = {
    "short": np.array([[-0.75, 0.2], [-1.4, 0.2], [-1.42, -0.12], [-0.75, -0.2]]),
    "long": np.array([[-0.75, 0.2], [-2.05, 0.14], [-2.07, -0.08], [-0.75, -0.2]]),
    "forked": np.array([[-0.75, 0.2], [-1.9, 0.42], [-1.4, 0.02], [-1.85, -0.36], [-0.75, -0.2]]),
    "rounded": np.concatenate(
        [[[-0.75, -0.15], [-0.75, 0.15]], np.array([-1.5, 0]) + _ellipse(0, 0, 0.42, 0.5)[4:25]]
    ),
}
_BILL_SHAPES = {
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
