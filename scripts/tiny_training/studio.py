"""Studio pictures of groceries, cut from their white ground and laid on other pictures.

A studio picture shows what a product looks like and nothing of a shop. Laid at any size
on any ground, one picture makes many, and the tower cannot lean on the shelf behind it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

__all__ = ["paste_studio"]

WHITE = 244


def paste_studio(
    files: list[Path], grounds: np.ndarray, side: int, copies: int, seed: int = 0
) -> np.ndarray:
    """Lay each studio picture on ``copies`` grounds.

    Parameters
    ----------
    files : list of Path
        Pictures of one product each on white.
    grounds : ndarray of shape (n, h, w, 3), uint8
        Pictures to lie behind; drawn at random.
    side : int
        Side of the pictures returned, in pixels.
    copies : int
        Pictures made of each file.
    seed : int, default=0
        Source of all randomness.

    Returns
    -------
    ndarray of shape (len(files) * copies, side, side, 3), uint8
        The copies of a file lie together, files in their order.
    """
    rng = np.random.default_rng(seed)
    out = []
    for path in files:
        with Image.open(path) as opened:
            product = opened.convert("RGB")
        white = np.asarray(product).min(-1) > WHITE
        box = Image.fromarray(~white).getbbox() or (0, 0, *product.size)
        product, mask = product.crop(box), Image.fromarray(~white).convert("L").crop(box)
        # white inside a product (milk cartons) stays: only white reached from the edge is ground
        mask = _filled(mask)
        for _ in range(copies):
            ground = Image.fromarray(grounds[rng.integers(len(grounds))]).resize((side, side))
            wide = max(8, round(side * rng.uniform(0.45, 1.0)))
            scale = wide / max(product.size)
            size = (max(1, round(product.width * scale)), max(1, round(product.height * scale)))
            where = tuple(int(rng.integers(0, side - s + 1)) for s in size)
            soft = mask.resize(size).filter(ImageFilter.GaussianBlur(0.7))
            ground.paste(product.resize(size, Image.Resampling.BICUBIC), where, soft)
            out.append(np.asarray(ground))
    return np.stack(out)


def _filled(mask: Image.Image) -> Image.Image:
    from PIL import ImageDraw

    framed = Image.new("L", (mask.width + 2, mask.height + 2), 0)
    framed.paste(mask, (1, 1))
    ImageDraw.floodfill(framed, (0, 0), 128)
    inside = np.asarray(framed)[1:-1, 1:-1] != 128
    return Image.fromarray(inside).convert("L")
