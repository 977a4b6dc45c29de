"""Labels and scores of any kind as numpy arrays, for what is measured on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fewshot.errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    from torch import Tensor

    Values: TypeAlias = "Sequence[Any] | np.ndarray | Tensor"

__all__ = ["as_array", "check_columns"]


def as_array(values: Values) -> np.ndarray:
    """Give an array, of a tensor on any device too.

    Parameters
    ----------
    values : sequence, array or tensor

    Returns
    -------
    ndarray
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values.double() if values.is_floating_point() else values  # numpy has no bfloat16
    return np.asarray(values)


def check_columns(labels: np.ndarray, k: int) -> np.ndarray:
    """Give labels back, or refuse what is no column of ``k``.

    Parameters
    ----------
    labels : ndarray of shape (n,)
    k : int

    Returns
    -------
    ndarray

    Raises
    ------
    EvaluationError
        If a label is no whole number in [0, k).
    """
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= k:
        raise EvaluationError(
            f"labels such as {labels[0].item()!r} among {k} classes: give whole numbers from 0 to "
            f"{k - 1}, each the column of its class"
        )
    return labels
