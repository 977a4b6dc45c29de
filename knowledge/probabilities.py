"""What is accepted as probabilities of classes that exclude each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from knowledge.errors import GraphError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["SLACK", "check_probabilities"]

SLACK = 1e-3  # what a softmax in half precision may be away from one


def check_probabilities(values: ArrayLike, n: int) -> NDArray[np.float64]:
    """Take probabilities in, one or many rows of them.

    Parameters
    ----------
    values : array_like, shape (n,) or (rows, n)
        Probabilities. Each row sums to one, give or take 0.001; it is then divided by its sum.
    n : int
        How many classes there are.

    Returns
    -------
    ndarray, shape (n,) or (rows, n), float64
        Rows that sum to one.

    Raises
    ------
    GraphError
        If the shape is another, a value is NaN or lies outside 0 to 1, or a row does not sum to
        one.

    Examples
    --------
    >>> check_probabilities([0.5, 0.25, 0.25], 3)
    array([0.5 , 0.25, 0.25])
    """
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GraphError(f"probabilities must be numbers: {error}") from None
    if found.ndim not in (1, 2) or found.shape[-1] != n or n == 0:
        raise GraphError(
            f"probabilities have the shape {found.shape}; there are {n} candidates: give ({n},), "
            f"or one row of {n} for each picture, in the order of the candidates"
        )
    bad = ~((found >= 0) & (found <= 1 + SLACK))  # NaN is neither
    if bad.any():
        place = tuple(np.argwhere(bad)[0].tolist())
        raise GraphError(
            f"a probability at {place} is {found[place]}; it must lie between 0 and 1: "
            f"take the softmax of logits, and look for NaN in what they come from"
        )
    sums = found.sum(-1, keepdims=True)
    off = np.abs(sums - 1) > SLACK
    if off.any():
        row = int(np.argmax(off))
        raise GraphError(
            f"the probabilities of row {row} sum to {sums.flat[row]:.6g}; the candidates exclude "
            f"each other and one of them is right, so they must sum to 1: divide by the sum, or "
            f"add a candidate for none of these"
        )
    return np.asarray(found / sums, dtype=np.float64)
