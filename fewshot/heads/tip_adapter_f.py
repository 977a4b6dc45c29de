"""Tip-Adapter-F: the cache of photos is trained to tell its own photos apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from fewshot.descent import RowAdam, check_training, cosine_schedule
from fewshot.heads.tip_adapter import TipAdapterHead, cache_values
from fewshot.inner_products import InnerProducts
from fewshot.queries import check_queries
from fewshot.span import Span

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.head import FittedHead
    from fewshot.heads.tip_adapter import Values
    from fewshot.support import Support

__all__ = ["TipAdapterFHead"]


class TipAdapterFHead(TipAdapterHead):
    """Tip-Adapter with trained keys (Zhang et al. 2022, section 3.2).

    The logits are those of `TipAdapterHead`, whose keys k_i start at the unit photos. Adam
    moves them, and only them, to lower the mean cross-entropy over the photos. Gradients are
    sums of photos, so keys stay in their span and training needs inner products only.

    Parameters
    ----------
    alpha, beta, values
        As in `TipAdapterHead`.
    learning_rate : float, default=0.032
        How far a key moves in a step, in lengths of a photo: the official 1e-3 for each of
        1,024 coordinates of a unit vector, 1e-3 sqrt(1024).
    steps : int, default=20
        The official number of epochs.

    Notes
    -----
    The official code keeps the epoch that is best on the *test* set and then searches alpha
    and beta on validation photos; here the last step counts and nothing is searched
    ("no-val"). Deviations: all photos in each step, which is the official batch of 256 as
    long as there are no more; Adam with one second moment a key, see `RowAdam`, without the
    weight decay of 0.01 (20 steps of it shorten keys by less than 0.02 %); photos are one view
    each. Inner products above ``1 + 20 / beta`` count as that, so that no exponential
    overflows. The scale is that of the words, not 100.

    References
    ----------
    Zhang, Zhang, Fang, Gao, Li, Dai, Qiao, Li: Tip-Adapter: training-free adaption of CLIP for
    few-shot classification. ECCV 2022.

    Examples
    --------
    >>> import torch
    >>> from fewshot import Support, TipAdapterFHead, Words
    >>> two = Support(
    ...     torch.tensor([[0.8, 0.6], [0.6, 0.8]]),
    ...     torch.tensor([1, 0]),
    ...     torch.ones(2, dtype=torch.bool),
    ...     words=Words(torch.eye(2), logit_scale=1.0),
    ... )
    >>> TipAdapterFHead().fit(two).logits(torch.tensor([[0.6, 0.8]])).argmax().item()
    0
    """

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 5.5,
        values: Values = "mean",
        learning_rate: float = 0.032,
        steps: int = 20,
    ) -> None:
        super().__init__(alpha, beta, values)
        check_training(steps, learning_rate)
        self.learning_rate, self.steps = learning_rate, steps

    @torch.no_grad()
    def _keys(self, inner: InnerProducts, labels: Tensor, class_mask: Tensor) -> Tensor:
        """Coefficients of keys, (..., s, s): column i holds those of key i."""
        span, s = Span.of(inner, labels, class_mask), labels.shape[-1]
        gram = span.gram[..., :s, :s]
        words = span.logit_scale * span.gram[..., :s, s:] + span.floor
        values = cache_values(labels, class_mask, gram, self.values)
        keys = torch.eye(s, dtype=gram.dtype, device=gram.device).expand(gram.shape).clone()
        # the official eps of 1e-4 is a coordinate's; a length has sqrt(1024) of them
        adam = RowAdam(gram, eps=3.2e-3)
        for step in range(self.steps):
            affinity = self.affinity(gram @ keys)
            logits = words + self.alpha * (affinity @ values)
            error = (logits.softmax(-1) - span.member) * span.photo_weight
            gradient = self.alpha * self.beta * (error @ values.mT) * affinity
            rate = self.learning_rate * cosine_schedule(step, self.steps)
            keys = keys - adam.change(gradient, rate)
        return keys

    def logits_from_inner(
        self,
        inner: InnerProducts,
        labels: Tensor,
        class_mask: Tensor,
        *,
        query_mask: Tensor | None = None,
    ) -> Tensor:
        """Train and score queries; see `InnerProductHead.logits_from_inner`.

        Parameters
        ----------
        inner : InnerProducts
            With words.
        labels : Tensor of shape (..., s), int64
            -1 for padding.
        class_mask : Tensor of shape (..., k), bool
            Which classes exist.
        query_mask : Tensor, optional
            Not needed here.

        Returns
        -------
        Tensor of shape (..., q, k)
            Logits.
        """
        moved = replace(inner, cross=inner.cross @ self._keys(inner, labels, class_mask))
        return super().logits_from_inner(moved, labels, class_mask)

    def fit(self, support: Support) -> FittedHead:
        """Train the keys, once for all queries.

        Parameters
        ----------
        support : Support
            One episode or a batch of them.

        Returns
        -------
        FittedHead
        """
        self.check_support(support)
        x = self.transform(support.features, support.background)
        inner = InnerProducts.of(support.with_features(x), x[..., :0, :])
        keys = self._keys(inner, support.labels, support.class_mask)
        return _FittedCache(self, support.with_features(keys.mT @ x))


@dataclass(frozen=True, slots=True, eq=False)
class _FittedCache:
    head: TipAdapterFHead
    support: Support  # its features are the keys

    def logits(self, queries: Tensor, *, query_mask: Tensor | None = None) -> Tensor:
        support, head = self.support, self.head
        check_queries(queries, support, head, query_mask)
        z = head.transform(queries, support.background).to(support.features)
        inner = InnerProducts.of(support, z)
        return TipAdapterHead.logits_from_inner(head, inner, support.labels, support.class_mask)
