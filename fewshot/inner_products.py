"""Episodes told by inner products alone.

Most heads see features only through inner products. Then an episode of 100 features of
width 512 (205 KB) is a few thousand numbers (8 KB), gathered from one Gram matrix of all
pictures that thousands of episodes share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.support import Support

__all__ = ["InnerProducts"]


@dataclass(frozen=True, slots=True, eq=False)
class InnerProducts:
    """Inner products among the support, the queries and the words of episodes.

    Parameters
    ----------
    support : Tensor of shape (..., s, s)
        Between support features.
    cross : Tensor of shape (..., q, s)
        Queries with support.
    query_norms : Tensor of shape (..., q)
        Squared length of each query.
    queries : Tensor of shape (..., q, q), optional
        Between queries; only transductive heads ask for it.
    support_words : Tensor of shape (..., s, k), optional
        Support with the words of each class.
    query_words : Tensor of shape (..., q, k), optional
        Queries with the words of each class.
    words : Tensor of shape (..., k, k), optional
        Between the words of classes.
    logit_scale, logit_bias : float
        Of the words.
    width : int, optional
        d, of the features; for heads whose formula names it.

    Examples
    --------
    >>> import torch
    >>> from fewshot import Support
    >>> one = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    >>> InnerProducts.of(one, torch.tensor([[2.0, 1.0]])).cross
    tensor([[2., 1.]])
    """

    support: Tensor
    cross: Tensor
    query_norms: Tensor
    queries: Tensor | None = None
    support_words: Tensor | None = None
    query_words: Tensor | None = None
    words: Tensor | None = None
    logit_scale: float = 1.0
    logit_bias: float = 0.0
    width: int | None = None

    @classmethod
    def of(cls, support: Support, queries: Tensor, *, transductive: bool = False) -> InnerProducts:
        """Compute them from features.

        Parameters
        ----------
        support : Support
            Features already transformed as the head wants them.
        queries : Tensor of shape (..., q, d)
            Likewise.
        transductive : bool, default=False
            Whether products between queries are wanted.

        Returns
        -------
        InnerProducts
            In float32 at least.
        """
        x, z = support.features, queries
        if x.dtype not in (torch.float32, torch.float64):
            x = x.float()
        z = z.to(x.dtype)
        t = None if support.words is None else support.words.embeddings.to(x.dtype)
        return cls(
            x @ x.mT,
            z @ x.mT,
            z.square().sum(-1),
            z @ z.mT if transductive else None,
            None if t is None else x @ t.mT,
            None if t is None else z @ t.mT,
            None if t is None else t @ t.mT,
            1.0 if support.words is None else support.words.logit_scale,
            0.0 if support.words is None else support.words.logit_bias,
            x.shape[-1],
        )
