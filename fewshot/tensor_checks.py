"""What is refused of tensors before anything is computed: other types, rows of other lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fewshot.errors import SupportError

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.errors import FewshotError

__all__ = ["check_tensor", "check_unit_rows"]

_UNIT_TOLERANCE = 1e-2  # unit rows rounded to bfloat16 are off by 4e-3 at most


def check_tensor(value: Any, what: str, error: type[FewshotError]) -> None:
    """Refuse what is no tensor.

    Parameters
    ----------
    value : object
        What was given.
    what : str
        Its name, in the plural.
    error : type of FewshotError
        What is raised then.

    Examples
    --------
    >>> check_tensor(torch.ones(2), "features", SupportError)
    """
    if isinstance(value, torch.Tensor):
        return
    kind = type(value).__name__
    cure = f", torch.from_numpy({what.split()[-1]})" if kind == "ndarray" else ""
    raise error(f"{what} are a {kind}: give a torch tensor{cure}")


def check_unit_rows(rows: Tensor) -> None:
    """Refuse words' embeddings that are not finite, or not of length 1 within 0.01.

    Parameters
    ----------
    rows : Tensor of shape (..., k, d)
        Of any floating type.

    Raises
    ------
    SupportError
        With the place and the length of the first row that is wrong.

    Examples
    --------
    >>> check_unit_rows(torch.eye(2))
    """
    dtype = torch.promote_types(rows.dtype, torch.float32)
    lengths = torch.linalg.vector_norm(rows, dim=-1, dtype=dtype)
    unit = (lengths - 1).abs() <= _UNIT_TOLERANCE  # and NaN is not
    if unit.all():
        return
    if not torch.isfinite(rows).all():
        raise SupportError("words hold NaN or infinity: embed the texts again")
    first = (~unit).nonzero()[0].tolist()
    raise SupportError(
        f"words' row {first} has length {float(lengths[tuple(first)]):.3g}: rows must have "
        "length 1: give torch.nn.functional.normalize(embeddings, dim=-1)"
    )
