"""Matching networks: attention over the photos, summed by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fewshot.heads.nearest_neighbour import class_maxima
from fewshot.inner_product_head import InnerProductHead
from fewshot.membership import one_hot
from fewshot.queries import mask_absent

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.inner_products import InnerProducts

__all__ = ["MatchingHead"]


class MatchingHead(InnerProductHead):
    """Attention of a query over all photos (Vinyals et al. 2016, equations 1 and 2).

    ``logit_c(q) = log sum_{i in c} a(q, i)`` with ``a(q, .) = softmax_i(scale * cos(q, x_i))``:
    the logarithm of the probability that the paper gives to class c.

    Parameters
    ----------
    scale : float, default=100.0
        What a cosine is multiplied by before the softmax; positive. The paper has 1, which
        makes all photos count nearly alike; 100 is that of Chen et al.

    Notes
    -----
    Deviations. The features are taken without full context embeddings: the paper's plain
    variant, as no network is trained here. Chen et al. apply ``relu`` to the cosine, for
    features that are never negative; features of joint encoders have signs, so a negative
    cosine stays what it is. Implementations add 1e-6 to the probability before taking the
    logarithm; here it is computed exactly, however small. As in the paper a class's attention
    is a sum: of classes equally near, the one with more photos gets more.

    References
    ----------
    Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra: Matching networks for one shot
    learning. NeurIPS 2016.

    Chen, Liu, Kira, Wang, Huang: A closer look at few-shot classification. ICLR 2019.

    Examples
    --------
    >>> import torch
    >>> from fewshot import MatchingHead, Support
    >>> three = Support(
    ...     torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]),
    ...     torch.tensor([0, 0, 1]),
    ...     torch.ones(2, dtype=torch.bool),
    ... )
    >>> MatchingHead().fit(three).logits(torch.tensor([[1.0, 1.0]])).exp()
    tensor([[0.6667, 0.3333]])
    """

    def __init__(self, scale: float = 100.0) -> None:
        super().__init__()
        if not 0 < scale < float("inf"):
            raise ValueError(f"scale is {scale}: it must be positive and finite")
        self.scale = scale

    def logits_from_inner(
        self,
        inner: InnerProducts,
        labels: Tensor,
        class_mask: Tensor,
        *,
        query_mask: Tensor | None = None,
    ) -> Tensor:
        """Score queries; see `InnerProductHead.logits_from_inner`.

        Parameters
        ----------
        inner : InnerProducts
            Of the episodes.
        labels : Tensor of shape (..., s), int64
            -1 for padding.
        class_mask : Tensor of shape (..., k), bool
            Which classes exist.
        query_mask : Tensor, optional
            Not needed here.

        Returns
        -------
        Tensor of shape (..., q, k)
            Log-probabilities.
        """
        n_classes = class_mask.shape[-1]
        lengths = inner.support.diagonal(dim1=-2, dim2=-1).unsqueeze(-2)
        norms = (inner.query_norms.unsqueeze(-1) * lengths).sqrt().clamp(min=1e-12)
        scaled = self.scale * inner.cross / norms
        # Each class is measured from its own largest term: at scale 100 a sum measured from the
        # largest of all would be 0 in float32 for a class that is far, and its logarithm -inf.
        largest = class_maxima(scaled, labels, n_classes)
        real = labels >= 0
        own = labels.clamp(min=0).unsqueeze(-2).expand_as(scaled)
        terms = (scaled - largest.gather(-1, own)).exp().masked_fill(~real.unsqueeze(-2), 0)
        sums = largest + (terms @ one_hot(labels, n_classes, scaled)).log()
        sums = mask_absent(torch.where(largest == float("-inf"), largest, sums), class_mask)
        return sums - sums.logsumexp(-1, keepdim=True)
