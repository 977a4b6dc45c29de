"""Where likelihood ratios of words and of photos begin, so that species of both kinds compare."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from fewshot.photo_evidence import GENERAL

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot import Background

__all__ = ["draw_pictures", "log_mean", "mean_ratio"]


def draw_pictures(background: Background, n: int, generator: torch.Generator) -> Tensor:
    """Draw vectors of pictures in general.

    Parameters
    ----------
    background : Background
        Of their space.
    n : int
    generator : torch.Generator

    Returns
    -------
    Tensor of shape (n, d)
        Unit rows.
    """
    mean = background.mean.double()
    draws = torch.randn(n, len(mean), generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(mean + draws @ _root(background), dim=1).float()


@lru_cache(maxsize=8)
def _root(background: Background) -> Tensor:
    """Turn normal draws into ones with the background's covariance, (d, d)."""
    sizes, axes = torch.linalg.eigh(background.total.double())
    root: Tensor = sizes.clamp(min=0).sqrt().unsqueeze(1) * axes.mT
    return root


def log_mean(nats: Tensor) -> float:
    """Give the logarithm of a mean of likelihood ratios.

    Parameters
    ----------
    nats : Tensor
        Their logarithms; ``-inf`` stands for what does not count.

    Returns
    -------
    float
        0 of nothing.

    Examples
    --------
    >>> round(log_mean(torch.tensor([0.0, 0.0, -torch.inf])), 3)
    0.0
    """
    real = nats[nats > -torch.inf]
    return float(real.logsumexp(0) - math.log(len(real))) if len(real) else 0.0


def mean_ratio(general: Tensor, others: Tensor) -> float:
    """Give the logarithm of species' mean ratio over pictures that do not show them.

    Pictures in general count like `fewshot.photo_evidence.GENERAL` species, and photos of other
    species like as many as there are: the species of a library are of one corner of the world, and
    it is asked about pictures from there.

    Parameters
    ----------
    general : Tensor of shape (n, m)
        Logarithms of the ratios of m species for pictures in general; n may be 0.
    others : Tensor of shape (s, m)
        And for photos, ``-inf`` where a photo is of the species itself.

    Returns
    -------
    float
        In nats; 0 where no picture tells.

    Examples
    --------
    Five times one and three times nine make a mean of four:

    >>> nine = torch.full((3, 3), 9.0).log().fill_diagonal_(-torch.inf)
    >>> round(mean_ratio(torch.zeros(7, 3), nine), 3) == round(math.log(4), 3)
    True
    """
    told = [
        (count, log_mean(nats))
        for count, nats in ((GENERAL, general), (others.shape[1], others))
        if bool((nats > -torch.inf).any())
    ]
    if not told:
        return 0.0
    counts, means = (
        torch.tensor(column, dtype=torch.float64) for column in zip(*told, strict=True)
    )
    return float((counts.log() + means).logsumexp(0) - counts.sum().log())
