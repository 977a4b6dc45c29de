"""Choose among heads by leave-one-out on the photos given: no validation set, no test set."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from fewshot.inner_product_head import InnerProductHead
from fewshot.membership import one_hot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fewshot.background import Background
    from fewshot.inner_products import InnerProducts

__all__ = ["TunedHead", "leave_one_out_logits"]

_NUMBERS = 1 << 24  # floats of all fits at once


def leave_one_out_logits(
    head: InnerProductHead, inner: InnerProducts, labels: Tensor, class_mask: Tensor
) -> Tensor:
    """Score every photo of a support by a head that was fitted without it.

    Parameters
    ----------
    head : InnerProductHead
        Inductive.
    inner : InnerProducts
        Of the support; what it holds of queries is not looked at.
    labels : Tensor of shape (..., s), int64
        -1 for padding.
    class_mask : Tensor of shape (..., k), bool
        Which classes exist.

    Returns
    -------
    Tensor of shape (..., s, k)
        Logits. The work is that of s fits.

    Examples
    --------
    >>> from fewshot import InnerProducts, PrototypeHead, Support
    >>> x = torch.tensor([[0.0], [2.0], [5.0]])
    >>> support = Support(x, torch.tensor([0, 0, 1]), torch.ones(2, dtype=torch.bool))
    >>> inner = InnerProducts.of(support, x)
    >>> leave_one_out_logits(PrototypeHead(), inner, support.labels, support.class_mask)[0]
    tensor([ -4., -25.])
    """
    s = labels.shape[-1]
    if s == 0:
        return inner.support.new_zeros(*labels.shape, class_mask.shape[-1])
    step = max(1, _NUMBERS // max(1, labels.numel() * s))
    parts = [
        _left_out(head, inner, labels, class_mask, range(first, min(first + step, s)))
        for first in range(0, s, step)
    ]
    return torch.cat(parts, -2)


def _left_out(
    head: InnerProductHead, inner: InnerProducts, labels: Tensor, mask: Tensor, rows: range
) -> Tensor:
    """Leave each photo of ``rows`` out; the photos become one more leading dimension."""
    chosen = slice(rows.start, rows.stop)
    hidden = torch.eye(labels.shape[-1], dtype=torch.bool, device=labels.device)[chosen]
    kept = labels.unsqueeze(-2).masked_fill(hidden, -1)
    n = len(rows)

    def every(x: Tensor | None) -> Tensor | None:
        return None if x is None else x.unsqueeze(-3).expand(*x.shape[:-2], n, *x.shape[-2:])

    told = inner.support_words
    many = replace(
        inner,
        support=inner.support.unsqueeze(-3).expand(*kept.shape, kept.shape[-1]),
        cross=inner.support[..., chosen, :].unsqueeze(-2),
        query_norms=inner.support.diagonal(dim1=-2, dim2=-1)[..., chosen].unsqueeze(-1),
        queries=None,
        support_words=every(told),
        query_words=None if told is None else told[..., chosen, :].unsqueeze(-2),
        words=every(inner.words),
    )
    exist = mask.unsqueeze(-2).expand(*kept.shape[:-1], mask.shape[-1])
    return head.logits_from_inner(many, kept, exist).squeeze(-2)


class TunedHead(InnerProductHead):
    """Several strengths of one head; in every episode the one that leave-one-out likes best.

    Each photo of the support is scored by a head fitted without it, and the candidate with the
    smallest mean cross-entropy answers; ties and episodes in which nothing can be left out go
    to the first.

    Parameters
    ----------
    candidates : sequence of InnerProductHead
        Inductive heads that change features alike. The first is the default.

    Notes
    -----
    A photo that is the only one of its class is left out of the judgement where the head
    needs photos, because no head can know the class without it.

    Examples
    --------
    >>> from fewshot import Support, TipAdapterHead, Words
    >>> candidates = [TipAdapterHead(alpha=a) for a in (1.0, 0.1, 10.0)]
    >>> support = Support(
    ...     torch.eye(2).repeat(2, 1),
    ...     torch.tensor([0, 1, 0, 1]),
    ...     torch.ones(2, dtype=torch.bool),
    ...     words=Words(torch.eye(2).flip(0), logit_scale=5.0),
    ... )
    >>> TunedHead(candidates).fit(support).logits(torch.eye(2)).argmax(-1)
    tensor([0, 1])
    """

    def __init__(self, candidates: Sequence[InnerProductHead]) -> None:
        super().__init__()
        if not candidates:
            raise ValueError("no candidate was given: give one head or more")
        strange = next((c for c in candidates if not isinstance(c, InnerProductHead)), None)
        if strange is not None:
            raise TypeError(
                f"{type(strange).__name__} does not work on inner products: give heads derived "
                "from InnerProductHead"
            )
        wrong = next((c for c in candidates if c.transductive), None)
        if wrong is not None:
            raise ValueError(f"{type(wrong).__name__} is transductive: nothing can be left out")
        if len({c.transform_key() for c in candidates}) > 1:
            raise ValueError("the candidates change features differently: give heads of one kind")
        self.candidates = nn.ModuleList(candidates)
        self.shift_invariant = all(c.shift_invariant for c in candidates)
        self.needs = frozenset().union(*(c.needs for c in candidates))  # type: ignore[misc]

    @property
    def _heads(self) -> list[InnerProductHead]:
        return [c for c in self.candidates if isinstance(c, InnerProductHead)]

    def transform(self, features: Tensor, background: Background | None = None) -> Tensor:
        """Change features as the candidates do.

        Parameters
        ----------
        features : Tensor of shape (..., d)
            Raw features.
        background : Background, optional
            As in the support.

        Returns
        -------
        Tensor of shape (..., d)
        """
        return self._heads[0].transform(features, background)

    def transform_key(self) -> object:
        """Tell which transform this is: that of the candidates.

        Returns
        -------
        object
        """
        return self._heads[0].transform_key()

    def logits_from_inner(
        self,
        inner: InnerProducts,
        labels: Tensor,
        class_mask: Tensor,
        *,
        query_mask: Tensor | None = None,
    ) -> Tensor:
        """Score queries by the candidate that leave-one-out likes best.

        Parameters
        ----------
        inner : InnerProducts
            Of the episodes.
        labels : Tensor of shape (..., s), int64
            -1 for padding.
        class_mask : Tensor of shape (..., k), bool
            Which classes exist.
        query_mask : Tensor, optional
            Handed on.

        Returns
        -------
        Tensor of shape (..., q, k)
            Logits.
        """
        losses = torch.stack(
            [self._loss(h, inner, labels, class_mask) for h in self._heads], dim=-1
        )
        best = losses.nan_to_num(torch.inf).argmin(-1)
        answer = None
        for place, head in enumerate(self._heads):
            logits = head.logits_from_inner(inner, labels, class_mask, query_mask=query_mask)
            chosen = (best == place)[..., None, None]
            answer = logits if answer is None else torch.where(chosen, logits, answer)
        assert answer is not None  # noqa: S101 - there is a candidate
        return answer

    def _loss(
        self, head: InnerProductHead, inner: InnerProducts, labels: Tensor, class_mask: Tensor
    ) -> Tensor:
        """Cross-entropy of the photos left out, summed, for each episode."""
        counts = one_hot(labels, class_mask.shape[-1], inner.support).sum(-2)
        own = labels.clamp(min=0)
        judged = labels >= 0
        if "photos" in self.needs:
            judged = judged & (counts.gather(-1, own) > 1)
        logits = leave_one_out_logits(head, inner, labels, class_mask)
        right = logits.log_softmax(-1).gather(-1, own.unsqueeze(-1)).squeeze(-1)
        return -torch.where(judged, right, 0.0).sum(-1)
