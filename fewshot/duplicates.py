"""Rows that two pools of features share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["find_duplicates"]


def find_duplicates(features: Tensor, query_features: Tensor) -> list[tuple[int, int]]:
    """Find queries that are rows of the support's pool too, bit by bit.

    Parameters
    ----------
    features : Tensor of shape (n, d)
        The support's pool; of any floating type.
    query_features : Tensor of shape (m, d)
        The queries' pool.

    Returns
    -------
    list of (int, int)
        A query's row and the first row of ``features`` that is the same, by query. The work
        is that of hashing every row once.

    Examples
    --------
    >>> find_duplicates(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [2.0]]))
    [(1, 1)]
    """
    # a picture in single precision is the same in double: both are written in the wider type
    wide = torch.promote_types(features.dtype, query_features.dtype)
    first: dict[bytes, int] = {}
    for row, content in enumerate(_contents(features, wide)):
        first.setdefault(content, row)
    asked = enumerate(_contents(query_features, wide))
    return [(row, first[content]) for row, content in asked if content in first]


def _contents(x: Tensor, wide: torch.dtype) -> list[bytes]:
    data = x.detach().to("cpu", wide).contiguous().view(torch.uint8).numpy()
    return [row.tobytes() for row in data]
