"""95 % intervals: over episodes, over classes, and of paired differences.

An interval over episodes tells how well these pictures were measured: more episodes make it
narrower, and do not tell more of new pictures or other classes. One over classes tells how other
classes might fare, and depends on how many classes there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Difference", "bootstrap_interval", "normal_interval"]

_RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One head minus another, on the same episodes.

    Parameters
    ----------
    mean : float
        Mean difference of accuracies, in [-1, 1].
    ci95 : tuple of float
        95 % interval over episodes of these pictures, paired, in [-1, 1].
    class_ci95 : tuple of float
        95 % interval over classes, paired, in [-1, 1]: how other classes might fare.

    Examples
    --------
    >>> Difference(0.02, (0.01, 0.03), (-0.01, 0.05)).mean
    0.02
    """

    mean: float
    ci95: tuple[float, float]
    class_ci95: tuple[float, float]


def normal_interval(
    values: Tensor, limits: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float]:
    """Interval of a mean by the normal approximation: 1.96 standard errors on both sides.

    Parameters
    ----------
    values : Tensor of shape (n,)
        Independent values, such as accuracies of episodes.
    limits : (float, float), default=(0, 1)
        The smallest and largest mean there can be: the interval ends there.

    Returns
    -------
    tuple of float
        NaN for fewer than two values.

    Notes
    -----
    Over episodes it is for these pictures: more episodes make it narrower, and not what is known
    about new pictures.

    Examples
    --------
    >>> import torch
    >>> normal_interval(torch.tensor([0.5, 0.5, 0.5]))
    (0.5, 0.5)
    >>> normal_interval(torch.tensor([1.0, 0.6, 1.0]))[1]
    1.0
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    mean = float(values.mean())
    half = 1.959964 * float(values.std()) / len(values) ** 0.5
    return max(limits[0], mean - half), min(limits[1], mean + half)


def bootstrap_interval(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Interval of a mean by the percentile bootstrap, 10,000 resamples, the same every time.

    Parameters
    ----------
    values : array of shape (n,)
        Independent values, such as accuracies of classes.

    Returns
    -------
    tuple of float

    Examples
    --------
    >>> low, high = bootstrap_interval(np.array([0.0, 1.0]))
    >>> low, high
    (0.0, 1.0)
    """
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(values), size=(_RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(1), (0.025, 0.975))
    return float(low), float(high)
