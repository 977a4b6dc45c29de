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

__all__ = ["balance", "draw_pictures", "log_mean", "mean_ratio", "stranger_level"]


def balance(known: Tensor, strangers: Tensor) -> float:
    """Give the bar by which as many known pictures are doubted as strangers are believed.

    Parameters
    ----------
    known, strangers : Tensor of shape (n,) and (m,)
        Scores in nats, the larger the more known a picture looks; at least one of each.

    Returns
    -------
    float
        The ``b`` at which ``sigmoid(b - score)``, the probability of a stranger, is in the mean as
        far from 0 over known pictures as it is from 1 over strangers: the intercept of a logistic
        regression of slope one in which both kinds count alike.

    Examples
    --------
    >>> round(balance(torch.tensor([3.0, 5.0]), torch.tensor([-1.0, 1.0])), 3)
    2.0
    """
    both = torch.cat([known, strangers]).double()
    low, high = float(both.min()), float(both.max())
    bar = (low + high) / 2
    for _ in range(60):
        doubted = (bar - known.double()).sigmoid().mean()
        believed = (strangers.double() - bar).sigmoid().mean()
        low, high = (low, bar) if doubted > believed else (bar, high)
        bar = (low + high) / 2
    return bar


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


def stranger_level(nats: Tensor, own: Tensor, several: Tensor) -> float | None:
    """Give the level of "none of these" where all species have photos; None if nothing tells it.

    Each photo is a known picture where the others of its species speak for it, and a stranger where
    its species is taken out; the bar between them is that of `balance`.

    Parameters
    ----------
    nats : Tensor of shape (m, k)
        Of photos, as if each had not been given.
    own : Tensor of shape (m,), int64
        Species of each.
    several : Tensor of shape (m,), bool
        Whether it has another photo of its species; of the others nothing is known.

    Returns
    -------
    float or None
        The level at which a species is as likely as none of them, where each is as likely as
        another beforehand, and none of them as all together.
    """
    k = nats.shape[1]
    if k < 2 or not bool(several.any()):
        return None
    without = nats.scatter(1, own.unsqueeze(1), -torch.inf)[several]
    return balance(nats[several].logsumexp(1), without.logsumexp(1)) - math.log(k)
