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
from scipy.special import ndtr, stdtrit

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Difference", "class_interval", "normal_interval"]

_RESAMPLES = 10_000
_FEWEST = 8  # values of which a bootstrap's means are many enough to have tails


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


def class_interval(
    values: npt.NDArray[Any], limits: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float]:
    """Interval of a mean over few or many classes; as wide as their small number asks for.

    Of 8 values or more, the expanded percentile bootstrap: 10,000 resamples, the same every time.
    Of 2 to 7, Student's interval. Of one, ``limits``: nothing is known of another class.

    Parameters
    ----------
    values : array of shape (n,)
        Independent values, such as accuracies of classes.
    limits : (float, float), default=(0, 1)
        The smallest and largest mean there can be: the interval ends there.

    Returns
    -------
    tuple of float

    Notes
    -----
    A plain percentile bootstrap is too narrow for few values, by ``sqrt((n - 1) / n)`` and by the
    normal quantile where Student's is due: of 2 values it covers the mean half of the time.
    Expanded, its quantiles are ``Phi(-sqrt(n / (n - 1)) t)`` and 1 minus that, where t is
    Student's 97.5 % quantile of n - 1 degrees of freedom. Values that are all equal give an
    interval of no width, in either way.

    References
    ----------
    Hesterberg 2015, "What Teachers Should Know About the Bootstrap", The American Statistician
    69(4), on narrowness bias.

    Examples
    --------
    >>> low, high = class_interval(np.array([0.50, 0.52]))
    >>> round(low, 2), round(high, 2)
    (0.38, 0.64)
    """
    n = len(values)
    if n < 2:
        return limits
    quantile = float(stdtrit(n - 1, 0.975))
    if n < _FEWEST:
        half = quantile * float(values.std(ddof=1)) / n**0.5
        mean = float(values.mean())
        return max(limits[0], mean - half), min(limits[1], mean + half)
    rng = np.random.default_rng(0)
    drawn = rng.integers(n, size=(_RESAMPLES, n))
    tail = float(ndtr(-((n / (n - 1)) ** 0.5) * quantile))
    low, high = np.quantile(values[drawn].mean(1), (tail, 1 - tail))
    return float(low), float(high)
