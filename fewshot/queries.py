"""What every head refuses of queries, and what it says of classes that do not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fewshot.errors import QueryError
from fewshot.tensor_checks import check_tensor

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.head import Head
    from fewshot.support import Support

__all__ = ["check_queries", "mask_absent"]


def check_queries(
    queries: Tensor, support: Support, head: Head, query_mask: Tensor | None = None
) -> None:
    """Refuse queries that a head cannot answer.

    Parameters
    ----------
    queries : Tensor of shape (..., q, d)
        Raw features.
    support : Support
        What the head was fitted to.
    head : Head
        Who asks; transductive heads need two queries or more an episode.
    query_mask : Tensor of shape (..., q), bool, optional
        False marks padding.

    Raises
    ------
    QueryError
        If a shape or type is wrong, a number is not finite, or a query alone is too few.
    """
    check_tensor(queries, "queries", QueryError)
    name, x = type(head).__name__, support.features
    if queries.ndim < 2 or queries.shape[-1] != x.shape[-1]:
        raise QueryError(
            f"queries have shape {tuple(queries.shape)} and the support features "
            f"{tuple(x.shape)}: give (..., q, {x.shape[-1]}) from the same encoder"
        )
    if queries.shape[:-2] != x.shape[:-2]:
        raise QueryError(
            f"queries have shape {tuple(queries.shape)} and the support features "
            f"{tuple(x.shape)}: their leading (episode) dimensions must agree"
        )
    if queries.shape[-2] == 0:
        raise QueryError("there is no query: give at least one")
    if not queries.is_floating_point():
        raise QueryError(f"queries are {queries.dtype}: give floating numbers")
    if query_mask is not None and (
        query_mask.dtype != torch.bool or query_mask.shape != queries.shape[:-1]
    ):
        raise QueryError(
            f"query_mask is {query_mask.dtype} of shape {tuple(query_mask.shape)} for queries of "
            f"shape {tuple(queries.shape)}: give a bool a query"
        )
    seen = queries if query_mask is None else queries[query_mask]
    if not torch.isfinite(seen).all():
        raise QueryError("queries hold NaN or infinity: embed those pictures again")
    if head.transductive:
        fewest = queries.shape[-2] if query_mask is None else int(query_mask.sum(-1).min())
        if fewest < 2:
            raise QueryError(
                f"{name} learns from the queries together and got a single one: give the whole "
                "batch, or take an inductive head (PrototypeHead, FusedHead)"
            )


def mask_absent(logits: Tensor, class_mask: Tensor) -> Tensor:
    """Give classes that do not exist the logit ``-inf``.

    Parameters
    ----------
    logits : Tensor of shape (..., q, k)
        Scores.
    class_mask : Tensor of shape (..., k), bool
        Which classes exist.

    Returns
    -------
    Tensor of shape (..., q, k)
    """
    return logits.masked_fill(~class_mask.unsqueeze(-2), float("-inf"))
