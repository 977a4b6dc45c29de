"""Relation networks: a small network judges how well a query and a class go together."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional
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

__all__ = ["RelationHead"]


class RelationHead(Head):
    """A learned comparison of a query with each class mean (Sung et al. 2018, equation 1).

    With ``z`` the features, unit rows around the background's mean, ``p_c`` the mean of class c's
    and ``u = p_c / ||p_c||``::

        logit_c(q) = scale * (q.u + out . relu(W [q * u ; |q - u|] sqrt(d) + b))

    Parameters
    ----------
    width : int, optional
        d, of the features; `fewshot.meta_train` sets it. Without it the head is untrained, and
        so is one whose ``out`` is zero, as it is to begin with: the cosine to class means.
    hidden : int, default=64
        Rows of ``W``.
    scale : float, default=10.0
        Sharpness of the softmax, positive; learned.
    seed : int, default=0
        Of the first ``W``.

    Notes
    -----
    Deviations. (1) On vectors two layers do what the paper's convolutions do on feature maps.
    (2) The network sees products and distances of numbers in the same place, not both vectors
    side by side: what it learns of some classes then says something of others. (3) It adds to
    the cosine, and nothing to begin with, where the paper's starts from chance. (4)
    Cross-entropy for the paper's sigmoid and squared error. (5) Class means where the paper
    sums a class's photos.

    References
    ----------
    Sung, Yang, Zhang, Xiang, Torr, Hospedales: Learning to compare: relation network for few-shot
    learning. CVPR 2018.

    Examples
    --------
    >>> import torch
    >>> from fewshot import RelationHead, Support
    >>> two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    >>> RelationHead(width=2).eval().fit(two).logits(torch.tensor([[3.0, 4.0]]))
    tensor([[6., 8.]])
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
        """Make the network, unless it is there.

        Parameters
        ----------
        width : int
            d.
        """
        check_count("width", width, 1)
        if self.width == width:
            return
        draw = torch.Generator().manual_seed(self.seed)
        first = torch.randn(self.hidden, 2 * width, generator=draw) / math.sqrt(2 * width)
        self.compare = nn.Parameter(first, requires_grad=False)
        self.offset = nn.Parameter(torch.zeros(self.hidden), requires_grad=False)
        self.out = nn.Parameter(torch.zeros(self.hidden), requires_grad=False)
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

    def working_set(self, s: int, q: int, d: int) -> int:
        """Count every pair of a query and a class, of which there are at most s.

        Parameters
        ----------
        s, q, d : int
            Photos, queries and width.

        Returns
        -------
        int
        """
        return (s + q) * d + 2 * s * q * d

    def fit(self, support: Support) -> FittedHead:
        """Keep the class means.

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
        return _FittedRelation(self, support, functional.normalize(means, dim=-1))

    def relate(self, queries: Tensor, means: Tensor) -> Tensor:
        """Say what the network adds to the cosine.

        Parameters
        ----------
        queries : Tensor of shape (..., q, d)
            Unit rows.
        means : Tensor of shape (..., k, d)
            Unit rows.

        Returns
        -------
        Tensor of shape (..., q, k)
        """
        if self.width is None:
            return queries.new_zeros(())
        one, other = queries.unsqueeze(-2), means.unsqueeze(-3)
        pairs = torch.cat([one * other, (one - other).abs()], -1) * math.sqrt(self.width)
        seen = pairs @ self.compare.to(pairs).mT + self.offset.to(pairs)
        return functional.relu(seen) @ self.out.to(seen)


class _FittedRelation:
    def __init__(self, head: RelationHead, support: Support, means: Tensor) -> None:
        self.head, self.support, self.means = head, support, means

    def logits(self, queries: Tensor, *, query_mask: Tensor | None = None) -> Tensor:
        check_queries(queries, self.support, self.head, query_mask)
        z = self.head.transform(queries, self.support.background).to(self.means)
        score = z @ self.means.mT + self.head.relate(z, self.means)
        return mask_absent(self.head.scale * score, self.support.class_mask)
