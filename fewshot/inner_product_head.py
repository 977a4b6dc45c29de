"""Heads that see features through inner products only, so that a whole pool shares one matrix."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import torch

from fewshot.head import FittedHead, Head
from fewshot.inner_products import InnerProducts
from fewshot.queries import check_queries

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.support import Support

__all__ = ["InnerProductHead"]


class InnerProductHead(Head):
    """A head that sees features only through inner products.

    A subclass writes `logits_from_inner`; fitting and scoring from features follow.

    Attributes
    ----------
    shift_invariant : bool
        Whether adding one vector to all features changes no answer, and words are not read.
        A mean is then subtracted before inner products are taken: distances of features far
        from zero, told by inner products, are lost to rounding in float32.
    """

    shift_invariant: bool = False

    def transform_key(self) -> object:
        """Tell which transform this is: heads with equal keys change features alike.

        Returns
        -------
        object
            Hashable. By default the function itself, so it is right as long as `transform`
            depends on no parameter of the head; give those too where it does.
        """
        return type(self).transform

    @abstractmethod
    def logits_from_inner(
        self,
        inner: InnerProducts,
        labels: Tensor,
        class_mask: Tensor,
        *,
        query_mask: Tensor | None = None,
    ) -> Tensor:
        """Score queries from inner products of transformed features.

        Parameters
        ----------
        inner : InnerProducts
            With ``queries`` where the head is transductive, with words where there are any.
        labels : Tensor of shape (..., s), int64
            In [0, k), -1 for padding.
        class_mask : Tensor of shape (..., k), bool
            Which classes exist.
        query_mask : Tensor of shape (..., q), bool, optional
            False marks padding.

        Returns
        -------
        Tensor of shape (..., q, k)
            Logits; absent classes ``-inf``.
        """

    def fit(self, support: Support) -> FittedHead:
        """Keep the transformed support.

        Parameters
        ----------
        support : Support
            One episode or a batch of them.

        Returns
        -------
        FittedHead
        """
        self.check_support(support)
        features = self.transform(support.features, support.background)
        return _FittedInner(self, support.with_features(features))


class _FittedInner:
    def __init__(self, head: InnerProductHead, support: Support) -> None:
        self.head, self.support = head, support

    def logits(self, queries: Tensor, *, query_mask: Tensor | None = None) -> Tensor:
        head, support = self.head, self.support
        check_queries(queries, support, head, query_mask)
        if query_mask is not None:  # padding may hold anything, even NaN
            queries = queries.masked_fill(~query_mask.unsqueeze(-1), 0)
        z = head.transform(queries, support.background)
        if head.shift_invariant:
            middle = _middle(support)
            z = z.to(middle) - middle
            support = support.with_features(support.features.to(middle) - middle)
        inner = InnerProducts.of(support, z, transductive=head.transductive)
        return head.logits_from_inner(
            inner, support.labels, support.class_mask, query_mask=query_mask
        )


def _middle(support: Support) -> Tensor:
    """Mean of the photos, (..., 1, d), in float32 at least; zero without any."""
    real = (support.labels >= 0).unsqueeze(-1)
    x = support.features
    x = x.to(torch.promote_types(x.dtype, torch.float32)).masked_fill(~real, 0)
    return x.sum(-2, keepdim=True) / real.sum(-2, keepdim=True).clamp(min=1)
