"""Several photos of one individual: how much they say together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = ["LIKENESS", "pool_weights"]

LIKENESS = 0.5
"""How much of what one photo says another photo of the same individual says again, in [0, 1]."""


def pool_weights(weights: Sequence[float] | None, n: int) -> Tensor:
    """Give what each photo's evidence is multiplied by before it is added up.

    If photos were independent given the species, their evidence would add up: a sum of n. Photos
    of one individual are not: they share its plumage, its light and its photographer. With a
    correlation rho between any two, n of them say what ``n / (1 + (n - 1) rho)`` independent ones
    would (Kish 1965, the design effect of a cluster), so the mean is multiplied by that, at
    most 1 / rho = 2. With weights, n is ``(sum w)^2 / sum w^2``.

    Parameters
    ----------
    weights : sequence of n float, optional
        What each is worth beside the others; only their ratios count.
    n : int

    Returns
    -------
    Tensor of shape (1, n)

    Raises
    ------
    ValueError
        If there is not one finite weight of 0 or more for each photo, or all are 0.

    References
    ----------
    Kish: Survey Sampling. Wiley 1965, section 5.4 and section 11.7.

    Examples
    --------
    >>> pool_weights(None, 1), pool_weights(None, 3)
    (tensor([[1.]]), tensor([[0.5000, 0.5000, 0.5000]]))
    """
    given = [1.0] * n if weights is None else [float(weight) for weight in weights]
    if len(given) != n:
        raise ValueError(f"{len(given)} weights for {n} photos: give one for each")
    if not all(math.isfinite(weight) and weight >= 0 for weight in given):
        raise ValueError(f"the weights are {given}: each is a finite number of 0 or more")
    most = max(given, default=0.0)
    if not most > 0:
        raise ValueError(f"the weights of {n} photos are all 0: leave out those that do not count")
    given = [weight / most for weight in given]  # squares of tiny or huge ones are no numbers
    total = sum(given)
    many = total**2 / sum(weight**2 for weight in given)
    worth = many / (1 + (many - 1) * LIKENESS)
    return torch.tensor([given]) * (worth / total)
