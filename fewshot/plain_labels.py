"""Labels of pictures as one array, all of one kind."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from fewshot.errors import EpisodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["label_array"]


def label_array(
    labels: Sequence[Any] | npt.NDArray[Any] | torch.Tensor,
) -> tuple[npt.NDArray[Any], str]:
    """Give labels as an array, and the kind they are of.

    Parameters
    ----------
    labels : sequence, ndarray or Tensor
        Texts or numbers; whole numbers, fractions, True and False are one kind.

    Returns
    -------
    array : ndarray
    kind : str
        ``"numbers"``, ``"texts"``, or the name of another type.

    Raises
    ------
    EpisodeError
        If kinds are mixed, because numpy makes 1 and "1" one class; or a label is None.

    Examples
    --------
    >>> label_array(["tit", "wren"])[1]
    'texts'
    """
    given: Any = labels.cpu().numpy() if isinstance(labels, torch.Tensor) else labels
    if isinstance(given, np.ndarray) and given.dtype != object:
        return given, "texts" if given.dtype.kind in "US" else "numbers"
    kinds = {_kind(label): label for label in {type(y): y for y in given}.values()}
    if "NoneTypes" in kinds:
        raise EpisodeError(
            "a label is None: every picture needs one: leave those pictures out, or name their "
            "class"
        )
    if len(kinds) > 1:
        told = " and ".join(f"{kind} (such as {y!r})" for kind, y in sorted(kinds.items()))
        raise EpisodeError(
            f"labels mix {told}, and classes must not be told apart by kind: give one kind, "
            "such as [str(y) for y in labels]"
        )
    return np.asarray(given), next(iter(kinds), "texts")


def _kind(label: Any) -> str:
    if isinstance(label, (numbers.Real, np.bool_)):
        return "numbers"
    return "texts" if isinstance(label, str) else f"{type(label).__name__}s"
