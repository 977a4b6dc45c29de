"""One Gram matrix of support and queries, and what centring does to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from fewshot.errors import QueryError

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.inner_products import InnerProducts

__all__ = ["between_queries", "clear_padding", "gram_of_both", "real_queries"]


def between_queries(inner: InnerProducts) -> Tensor:
    """Give the products between queries.

    Parameters
    ----------
    inner : InnerProducts
        Of the episodes.

    Returns
    -------
    Tensor of shape (..., q, q)

    Raises
    ------
    QueryError
        If they were not computed.
    """
    if inner.queries is None:
        raise QueryError(
            "this head learns from the queries together and has no products between them: "
            "compute InnerProducts.of(support, queries, transductive=True)"
        )
    return inner.queries


def real_queries(inner: InnerProducts, query_mask: Tensor | None) -> Tensor:
    """Tell queries from padding, as numbers.

    Parameters
    ----------
    inner : InnerProducts
        Of the episodes.
    query_mask : Tensor of shape (..., q), bool, optional
        False marks padding.

    Returns
    -------
    Tensor of shape (..., q)
        1 for a query, 0 for padding.
    """
    norms = inner.query_norms
    return torch.ones_like(norms) if query_mask is None else query_mask.to(norms.dtype)


def clear_padding(inner: InnerProducts, labels: Tensor, query_mask: Tensor | None) -> InnerProducts:
    """Put zeros where a product is with a row of padding, which may hold anything, even NaN.

    Parameters
    ----------
    inner : InnerProducts
        With ``queries``.
    labels : Tensor of shape (..., s), int64
        -1 for padding.
    query_mask : Tensor of shape (..., q), bool, optional
        False marks padding.

    Returns
    -------
    InnerProducts
        The same object if there is no padding.
    """
    idle = labels < 0
    if idle.any():
        rows, columns = idle.unsqueeze(-1), idle.unsqueeze(-2)
        inner = replace(
            inner,
            support=inner.support.masked_fill(rows | columns, 0),
            cross=inner.cross.masked_fill(columns, 0),
        )
    if query_mask is not None:
        rows, columns = ~query_mask.unsqueeze(-1), ~query_mask.unsqueeze(-2)
        inner = replace(
            inner,
            cross=inner.cross.masked_fill(rows, 0),
            query_norms=inner.query_norms.masked_fill(~query_mask, 0),
            queries=between_queries(inner).masked_fill(rows | columns, 0),
        )
    return inner


def gram_of_both(inner: InnerProducts, labels: Tensor, query_mask: Tensor | None) -> Tensor:
    """Join the blocks: inner products among support and queries, in this order.

    Parameters
    ----------
    inner : InnerProducts
        With ``queries``.
    labels : Tensor of shape (..., s), int64
        -1 for padding.
    query_mask : Tensor of shape (..., q), bool, optional
        False marks padding.

    Returns
    -------
    Tensor of shape (..., s + q, s + q)
        A new tensor; zeros where a row is padding.
    """
    inner = clear_padding(inner, labels, query_mask)
    q, s = inner.cross.shape[-2:]
    gram = inner.cross.new_empty(*inner.cross.shape[:-2], s + q, s + q)
    gram[..., :s, :s] = inner.support
    gram[..., s:, :s] = inner.cross
    gram[..., :s, s:] = inner.cross.mT
    gram[..., s:, s:] = between_queries(inner)
    return gram
