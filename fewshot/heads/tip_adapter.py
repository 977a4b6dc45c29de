"""Tip-Adapter: words, and a cache of photos that is asked by similarity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from fewshot.heads.zero_shot import ZeroShotHead
from fewshot.membership import one_hot

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.inner_products import InnerProducts

__all__ = ["TipAdapterHead", "cache_values"]

Values = Literal["mean", "sum"]


class TipAdapterHead(ZeroShotHead):
    """Zero-shot logits plus a similarity-weighted vote of photos (Zhang et al. 2022, eq. 6).

    With unit features f, unit words t_c and unit photos k_i::

        logit_c(q) = logit_scale <q, t_c> + alpha sum_i exp(-beta (1 - <q, k_i>)) V_ic

    Nothing is trained. ``V`` says what a photo is worth to a class, see `cache_values`.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the photos, in logits a photo; at least 0. The paper's value on ImageNet.
    beta : float, default=5.5
        Sharpness of the similarity; at least 0. The paper's value on ImageNet.
    values : {"mean", "sum"}, default="mean"
        "sum" is the paper's one-hot V, where a class with more photos outvotes one with
        fewer. "mean" gives every class the same weight, and is the same where shots are equal.

    Notes
    -----
    Deviations. The official code starts from an alpha by dataset (1.17 to 10) and beta 1, and
    then picks both on the full validation set (200 x 20 values; on ImageNet that is the test
    set). Here nothing is picked ("no-val"), so published figures are out of reach. Photos are
    one view each, not a mean of ten augmented ones. The scale is that of the words, not 100.

    References
    ----------
    Zhang, Zhang, Fang, Gao, Li, Dai, Qiao, Li: Tip-Adapter: training-free adaption of CLIP for
    few-shot classification. ECCV 2022.

    Examples
    --------
    >>> import torch
    >>> from fewshot import Support, TipAdapterHead, Words
    >>> one = Support(
    ...     torch.tensor([[0.0, 1.0]]),
    ...     torch.tensor([1]),
    ...     torch.ones(2, dtype=torch.bool),
    ...     words=Words(torch.eye(2), logit_scale=10.0),
    ... )
    >>> TipAdapterHead(values="sum").fit(one).logits(torch.tensor([[0.0, 1.0]]))
    tensor([[ 0., 11.]])
    """

    def __init__(self, alpha: float = 1.0, beta: float = 5.5, values: Values = "mean") -> None:
        super().__init__()
        for name, value in (("alpha", alpha), ("beta", beta)):
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} is {value}: give a finite number of at least 0")
        if values not in ("mean", "sum"):
            raise ValueError(f"values is {values!r}: use 'mean' or 'sum'")
        self.alpha, self.beta = alpha, beta
        self.values: Values = values

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
            With ``query_words``.
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
        words = super().logits_from_inner(inner, labels, class_mask)
        values = cache_values(labels, class_mask, inner.cross, self.values)
        return words + self.alpha * (self.affinity(inner.cross) @ values)

    def affinity(self, products: Tensor) -> Tensor:
        """How much a photo is heard: ``exp(-beta (1 - product))``.

        Parameters
        ----------
        products : Tensor
            Inner products with keys, at most 1 if both are unit vectors.

        Returns
        -------
        Tensor
            At most ``exp(20)``: keys that were trained may be longer, and must not overflow.
        """
        return torch.exp((self.beta * products - self.beta).clamp(max=20))


def cache_values(labels: Tensor, class_mask: Tensor, like: Tensor, values: Values) -> Tensor:
    """What each photo of a cache is worth to each class.

    Parameters
    ----------
    labels : Tensor of shape (..., s), int64
        In [0, k), or -1 for padding.
    class_mask : Tensor of shape (..., k), bool
        Which classes exist.
    like : Tensor
        Gives the floating type.
    values : {"mean", "sum"}
        "sum": 1 for the photo's own class. "mean": m / n_c, with n_c the photos of the class
        and m the mean of n_c over classes that have photos; a class without any photo gets the
        mean of the other columns, so that photos speak neither for nor against it.

    Returns
    -------
    Tensor of shape (..., s, k)
        Rows of padding are zero. With equal shots "mean" and "sum" agree.

    Examples
    --------
    >>> exist = torch.ones(3, dtype=torch.bool)
    >>> cache_values(torch.tensor([0, 0, 0, 1]), exist, torch.ones(()), "mean")
    tensor([[0.6667, 0.0000, 0.3333],
            [0.6667, 0.0000, 0.3333],
            [0.6667, 0.0000, 0.3333],
            [0.0000, 2.0000, 1.0000]])
    """
    member = one_hot(labels, class_mask.shape[-1], like)
    if values == "sum":
        return member
    counts = member.sum(-2, keepdim=True)
    seen = counts > 0
    n_seen = seen.sum(-1, keepdim=True).clamp(min=1)
    fair = member / counts.clamp(min=1) * (counts.sum(-1, keepdim=True) / n_seen)
    neutral = fair.sum(-1, keepdim=True) / n_seen
    return torch.where(seen, fair, neutral * class_mask.unsqueeze(-2))
