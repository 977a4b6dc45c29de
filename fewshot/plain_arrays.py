"""Labels and scores of any kind as numpy arrays, for what is measured on them."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING

import numpy as np

from fewshot.errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    from torch import Tensor

    Values: TypeAlias = "Sequence[Any] | np.ndarray | Tensor"

__all__ = ["as_array", "as_labels", "check_columns"]


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


def as_labels(values: Values) -> np.ndarray:
    """Give labels as an array of strings, or of numbers.

    Parameters
    ----------
    values : sequence, array or tensor
        Strings that an array holds as objects, as pandas' do, are strings here.

    Returns
    -------
    ndarray

    Raises
    ------
    EvaluationError
        If a label is neither, or kinds are mixed: numpy would make 1 and "1" one label.

    Examples
    --------
    >>> as_labels(np.array(["tit", "owl"], dtype=object))
    array(['tit', 'owl'], dtype='<U3')
    """
    if hasattr(values, "detach") or getattr(values, "dtype", np.dtype("O")).kind not in "OT":
        return as_array(values)
    given = list(values)
    array = np.asarray(given)
    kinds = {_kind(y): y for y in {type(y): y for y in given}.values()}
    if len(kinds) > 1 or array.dtype == object:
        told = " and ".join(f"a {kind} (such as {y!r})" for kind, y in sorted(kinds.items()))
        raise EvaluationError(f"labels hold {told}: give all as strings, or all as numbers")
    return array


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
    whole = np.issubdtype(labels.dtype, np.integer)
    wrong = (labels < 0) | (labels >= k) if whole else np.ones(len(labels), dtype=bool)
    if wrong.any():
        first = int(wrong.argmax())
        raise EvaluationError(
            f"label {labels[first].item()!r} of picture {first} is no column of {k} classes: give "
            f"whole numbers from 0 to {k - 1}, each the column of its class"
        )
    return labels


def _kind(label: Any) -> str:
    if isinstance(label, (numbers.Real, np.bool_)):
        return "number"
    return "string" if isinstance(label, str) else type(label).__name__
