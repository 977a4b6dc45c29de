"""FEAT: class means that look at each other before they classify."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
from torch import nn

from fewshot.head import FittedHead, Head
from fewshot.membership import class_means
from fewshot.queries import check_queries, mask_absent
from fewshot.unit_rows import centre_rows
from fewshot.whole_numbers import check_count

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.background import Background
    from fewshot.support import Support

__all__ = ["FEATHead"]


class FEATHead(Head):
    """Class means adapted to each other by self-attention (Ye et al. 2020, equations 5 to 7).

    With ``z`` the features, unit rows around the background's mean, ``p_c`` the mean of class c's
    and sums over the classes of the episode::

        p'_c = p_c + W_o sum_j softmax_j((W_q p_c).(W_k p_j) / sqrt(hidden)) W_v p_j
        logit_c(q) = -scale * ||q - p'_c||^2

    Parameters
    ----------
    width : int, optional
        d, of the features; `fewshot.meta_train` sets it. Without it the head is untrained, and
        so is one whose ``W_o`` is zero, as it is to begin with: plain class means.
    hidden : int, default=64
        Rows of ``W_q``, ``W_k`` and ``W_v``, and columns of ``W_o``.
    scale : float, default=10.0
        Sharpness of the softmax, positive; learned.
    seed : int, default=0
        Of the first ``W_q``, ``W_k`` and ``W_v``.

    Notes
    -----
    Deviations. (1) Features are frozen: the paper trains the encoder too. (2) Matrices go
    through ``hidden`` numbers, as a few thousand frozen vectors would not pin down d x d ones.
    (3) No layer norm behind the sum, so that nothing learned is the same as class means; for
    that ``W_o`` starts at zero. (4) No dropout inside: `TrainingPlan` drops features instead.
    (5) The scale is learned where the paper divides by 64. (6) No contrastive term in the loss.

    References
    ----------
    Ye, Hu, Zhan, Sha: Few-shot learning via embedding adaptation with set-to-set functions.
    CVPR 2020.

    Examples
    --------
    >>> import torch
    >>> from fewshot import FEATHead, Support
    >>> two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    >>> FEATHead(width=2, scale=1.0).eval().fit(two).logits(torch.eye(2)[:1])
    tensor([[-0., -2.]])
    """

    learnable = MappingProxyType({"scale": "positive"})

    def __init__(
        self, width: int | None = None, hidden: int = 64, scale: float = 10.0, seed: int = 0
    ) -> None:
        super().__init__()
        check_count("hidden", hidden, 1)
        if not 0 < scale < float("inf"):
            raise ValueError(f"scale is {scale}: it must be positive and finite")
        self.hidden, self.scale, self.seed = hidden, scale, seed
        self.width: int | None = None
        if width is not None:
            self.set_width(width)

    def set_width(self, width: int) -> None:
        """Make the matrices, unless they are there.

        Parameters
        ----------
        width : int
            d.
        """
        check_count("width", width, 1)
        if self.width == width:
            return
        draw = torch.Generator().manual_seed(self.seed)
        for name in ("query", "key", "value"):
            first = torch.randn(self.hidden, width, generator=draw) / math.sqrt(width)
            setattr(self, name, nn.Parameter(first, requires_grad=False))
        self.out = nn.Parameter(torch.zeros(width, self.hidden), requires_grad=False)
        self.width = width

    def transform(self, features: Tensor, background: Background | None = None) -> Tensor:
        """Subtract the background's mean and divide by the length.

        Parameters
        ----------
        features : Tensor of shape (..., d)
            Raw features.
        background : Background, optional
            Its mean is subtracted.

        Returns
        -------
        Tensor of shape (..., d)
            Unit rows, in float32 at least.
        """
        return centre_rows(features, background)

    def fit(self, support: Support) -> FittedHead:
        """Adapt the class means.

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
        means = class_means(support.labels, support.n_classes, x).mT @ x
        return _FittedFEAT(self, support, self.adapt(means, support.class_mask))

    def adapt(self, means: Tensor, class_mask: Tensor) -> Tensor:
        """Let class means look at each other.

        Parameters
        ----------
        means : Tensor of shape (..., k, d)
            Of the changed features.
        class_mask : Tensor of shape (..., k), bool
            Which classes exist; the others are not looked at.

        Returns
        -------
        Tensor of shape (..., k, d)
        """
        if self.width is None:
            return means
        query, key, value = (
            means @ getattr(self, name).to(means).mT for name in ("query", "key", "value")
        )
        alike = query @ key.mT / math.sqrt(self.hidden)
        attention = mask_absent(alike, class_mask).softmax(-1)
        change: Tensor = attention @ value @ self.out.to(means).mT
        return means + change


class _FittedFEAT:
    def __init__(self, head: FEATHead, support: Support, means: Tensor) -> None:
        self.head, self.support, self.means = head, support, means

    def logits(self, queries: Tensor, *, query_mask: Tensor | None = None) -> Tensor:
        head, support, means = self.head, self.support, self.means
        check_queries(queries, support, head, query_mask)
        z = head.transform(queries, support.background).to(means)
        far = (
            z.square().sum(-1, keepdim=True)
            - 2 * z @ means.mT
            + means.square().sum(-1).unsqueeze(-2)
        )
        return mask_absent(-head.scale * far.clamp(min=0), support.class_mask)
