"""Random crops and colours for whole batches at once.

A loop over pictures would cost more than the network: everything here is one
``grid_sample`` and a few broadcast operations per batch.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor

__all__ = ["centre_views", "random_views"]


def random_views(
    pictures: Tensor,
    size: int,
    generator: torch.Generator,
    *,
    smallest: float = 0.35,
    rotate: float = 15.0,
    colour: float = 0.3,
    hue: float = 0.03,
    erase: float = 0.25,
) -> Tensor:
    """Cut, turn, mirror and recolour each picture on its own.

    Parameters
    ----------
    pictures : Tensor of shape (n, 3, h, w), uint8
    size : int
        Side of the square views, in pixels.
    generator : torch.Generator
        Source of all randomness.
    smallest : float, default=0.35
        Smallest share of the picture's area a view covers.
    rotate : float, default=15.0
        Largest turn, in degrees.
    colour : float, default=0.3
        Largest relative change of brightness, contrast and saturation.
    hue : float, default=0.03
        Standard deviation of the gain of each colour channel.
    erase : float, default=0.25
        Probability that a grey rectangle hides part of the view.

    Returns
    -------
    Tensor of shape (n, 3, size, size), float32 in [0, 1]
    """
    n = pictures.shape[0]

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=generator)

    area = uniform(smallest, 1.0).sqrt()
    stretch = uniform(-0.22, 0.22).exp()
    wide, high = area * stretch, area / stretch
    shrink = torch.clamp(1.0 / torch.maximum(wide, high), max=1.0)
    wide, high = wide * shrink, high * shrink
    angle = uniform(-rotate, rotate) * math.pi / 180
    mirror = (uniform(0, 1) < 0.5).float() * 2 - 1
    cos, sin = angle.cos(), angle.sin()
    shift_x, shift_y = (1 - wide) * uniform(-1, 1), (1 - high) * uniform(-1, 1)
    matrices = torch.stack(
        [
            torch.stack([wide * cos * mirror, -wide * sin, shift_x], -1),
            torch.stack([high * sin * mirror, high * cos, shift_y], -1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(matrices, [n, 3, size, size], align_corners=False)
    views = functional.grid_sample(
        pictures.float().div_(255), grid, padding_mode="reflection", align_corners=False
    )

    brightness = uniform(1 - colour, 1 + colour, 1, 1, 1)
    gains = 1 + hue * torch.randn(n, 3, 1, 1, generator=generator)
    views = views * (brightness * gains)
    middle = views.mean((1, 2, 3), keepdim=True)
    views = middle + (views - middle) * uniform(1 - colour, 1 + colour, 1, 1, 1)
    grey = views.mean(1, keepdim=True)
    views = grey + (views - grey) * uniform(1 - colour, 1 + colour, 1, 1, 1)
    views.clamp_(0, 1)

    if erase:
        rows = torch.arange(size).view(1, size, 1) / size
        cols = torch.arange(size).view(1, 1, size) / size
        top, left = uniform(-0.1, 0.9, 1, 1), uniform(-0.1, 0.9, 1, 1)
        tall, broad = uniform(0.15, 0.45, 1, 1), uniform(0.15, 0.45, 1, 1)
        hidden = (rows > top) & (rows < top + tall) & (cols > left) & (cols < left + broad)
        hidden &= uniform(0, 1, 1, 1) < erase
        views = torch.where(hidden[:, None], torch.full_like(views[:, :1], 0.5), views)
    return views


def centre_views(pictures: Tensor, size: int) -> Tensor:
    """Whole pictures, resized and scaled: what evaluation sees.

    Parameters
    ----------
    pictures : Tensor of shape (n, 3, h, w), uint8
    size : int
        Side of the square views, in pixels.

    Returns
    -------
    Tensor of shape (n, 3, size, size), float32 in [0, 1]
    """
    views = pictures.float().div_(255)
    if views.shape[-1] == size:
        return views
    return functional.interpolate(
        views, size=(size, size), mode="bicubic", align_corners=False, antialias=True
    ).clamp_(0, 1)
