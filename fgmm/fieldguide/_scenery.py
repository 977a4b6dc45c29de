"""What surrounds a bird of the field guide: a background out of focus, and the light."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from fgmm.fieldguide._shapes import COLOURS, ellipse, turned

__all__ = ["draw_background", "light"]


def draw_background(rng: np.random.Generator, side: int) -> Image.Image:
    """Sky, leaves and earth out of focus, in the birds' own colours too."""
    palette = rng.permutation(
        np.array([*COLOURS.values(), (92, 132, 60), (60, 96, 44), (150, 190, 222)])
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
        leaf = ellipse(0, 0, wide, wide * rng.uniform(0.25, 1.0), 12)
        leaf = turned(leaf, turn) + np.array([x, y])
        pen.polygon([tuple(p) for p in leaf], fill=colour)
    small = image.resize((side // 8, side // 8), Image.Resampling.BOX)
    small = small.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 2.0)))
    return small.resize((side, side), Image.Resampling.BICUBIC)


def light(image: Image.Image, rng: np.random.Generator) -> Image.Image:
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
