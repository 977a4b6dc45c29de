"""Linear classifiers trained inside the span of an episode's photos and words.

Gradient descent that starts at the words never leaves the span of photos and words. So a
classifier is a few coefficients (s + k a class) in place of d numbers, and every inner product
that training asks for comes from one small Gram matrix.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch

from fewshot.errors import SupportError
from fewshot.heads.zero_shot import ZeroShotHead
from fewshot.inner_products import InnerProducts
from fewshot.membership import one_hot
from fewshot.queries import check_queries, mask_absent

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.head import FittedHead
    from fewshot.support import Support, Words

__all__ = ["Span", "SpanHead", "word_logits"]


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """The photos and words of episodes, told by inner products.

    Parameters
    ----------
    gram : Tensor of shape (..., s + k, s + k)
        Between photos, then words; rows and columns of padding are zero.
    member : Tensor of shape (..., s, k)
        Membership of photos in classes; rows of padding are zero.
    class_mask : Tensor of shape (..., k), bool
        Which classes exist.
    logit_scale, logit_bias : float
        Of the words.

    Examples
    --------
    >>> from fewshot import InnerProducts, Support, Words
    >>> one = Support(
    ...     torch.tensor([[0.6, 0.8]]), torch.tensor([1]), torch.ones(2, dtype=torch.bool),
    ...     words=Words(torch.eye(2), 10.0),
    ... )
    >>> inner = InnerProducts.of(one, torch.zeros(1, 2))
    >>> Span.of(inner, one.labels, one.class_mask).gram
    tensor([[1.0000, 0.6000, 0.8000],
            [0.6000, 1.0000, 0.0000],
            [0.8000, 0.0000, 1.0000]])
    """

    gram: Tensor
    member: Tensor
    class_mask: Tensor
    logit_scale: float
    logit_bias: float

    @classmethod
    def of(cls, inner: InnerProducts, labels: Tensor, class_mask: Tensor) -> Span:
        """Arrange inner products.

        Parameters
        ----------
        inner : InnerProducts
            With words.
        labels : Tensor of shape (..., s), int64
            -1 for padding.
        class_mask : Tensor of shape (..., k), bool
            Which classes exist.

        Returns
        -------
        Span

        Raises
        ------
        SupportError
            If there are no words.
        """
        if inner.support_words is None or inner.words is None:
            raise SupportError("inner products hold no words: give support_words and words")
        k = class_mask.shape[-1]
        between = inner.words.expand(*labels.shape[:-1], k, k)
        across = inner.support_words
        top = torch.cat([inner.support, across], -1)
        gram = torch.cat([top, torch.cat([across.mT, between], -1)], -2)
        padding = torch.cat([labels < 0, torch.zeros_like(class_mask)], -1)
        gram = gram.masked_fill(padding.unsqueeze(-1) | padding.unsqueeze(-2), 0)
        member = one_hot(labels, k, gram)
        return cls(gram, member, class_mask, inner.logit_scale, inner.logit_bias)

    @property
    def n_photos(self) -> Tensor:
        """Photos of each class, (..., k), as floating numbers."""
        return self.member.sum(-2)

    @property
    def n_classes(self) -> Tensor:
        """Classes that exist, (..., 1, 1), at least 1, as a floating number."""
        return self.class_mask.sum(-1).clamp(min=1).to(self.gram.dtype)[..., None, None]

    @property
    def photo_weight(self) -> Tensor:
        """Weight of each photo in a mean over photos, (..., s, 1): 1 / n, and 0 for padding."""
        real = self.member.sum(-1, keepdim=True)
        return real / real.sum(-2, keepdim=True).clamp(min=1)

    @property
    def floor(self) -> Tensor:
        """What keeps absent classes out of a softmax, (..., 1, k): 0, or minus infinity."""
        zero = torch.zeros_like(self.gram[..., :1, : self.class_mask.shape[-1]])
        nobody = ~self.class_mask.any(-1, keepdim=True)  # a softmax over nothing is not a number
        return zero.masked_fill(~(self.class_mask | nobody).unsqueeze(-2), float("-inf"))

    @property
    def words(self) -> Tensor:
        """Coefficients of the words themselves, (..., s + k, k)."""
        eye = torch.eye(self.gram.shape[-1], dtype=self.gram.dtype, device=self.gram.device)
        words: Tensor = eye[:, self.member.shape[-2] :]
        return words.expand(*self.gram.shape[:-1], -1).clone()

    @property
    def bias(self) -> Tensor:
        """The words' own bias, (..., 1, k)."""
        return torch.full_like(self.floor, self.logit_bias)

    @property
    def largest_eigenvalue(self) -> Tensor:
        """Largest eigenvalue of the photos' Gram matrix, (..., 1, 1); 0 without photos."""
        s = self.member.shape[-2]
        if s == 0:
            return torch.zeros_like(self.n_classes)
        values: Tensor = torch.linalg.eigvalsh(self.gram[..., :s, :s])
        return values[..., -1:, None].clamp(min=0)


def word_logits(support: Support, features: Tensor) -> Tensor:
    """Zero-shot logits of unit features, in their precision.

    Parameters
    ----------
    support : Support
        With words.
    features : Tensor of shape (..., q, d)
        Unit rows.

    Returns
    -------
    Tensor of shape (..., q, k)
        Logits; absent classes ``-inf``.

    Raises
    ------
    SupportError
        If there are no words.
    """
    words = support.words
    if words is None:
        raise SupportError("the support has no words: give Support(words=Words(...))")
    cosines = features @ words.embeddings.to(features).mT
    return mask_absent(words.logit_scale * cosines + words.logit_bias, support.class_mask)


class SpanHead(ZeroShotHead):
    """A linear classifier trained inside the span of photos and words.

    A subclass writes `learn`. Without any photo the answer is exactly zero-shot.
    """

    @abstractmethod
    def learn(self, span: Span) -> Tensor:
        """Train.

        Parameters
        ----------
        span : Span
            Photos and words of the episodes.

        Returns
        -------
        Tensor of shape (..., s + k + 1, k)
            Column c makes the logit of class c out of a query's products with every photo,
            with every class's words, and with one (the bias).
        """

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
        zero_shot = super().logits_from_inner(inner, labels, class_mask)
        some = (labels >= 0).any(-1)[..., None, None]
        if inner.query_words is None or not some.any():
            return zero_shot
        learned, s = self._coefficients(inner, labels, class_mask), labels.shape[-1]
        logits = inner.query_words @ learned[..., s:-1, :] + learned[..., -1:, :]
        logits = mask_absent(logits + inner.cross @ learned[..., :s, :], class_mask)
        return torch.where(some, logits, zero_shot)

    @torch.no_grad()
    def _coefficients(self, inner: InnerProducts, labels: Tensor, class_mask: Tensor) -> Tensor:
        return self.learn(Span.of(inner, labels, class_mask))

    def fit(self, support: Support) -> FittedHead:
        """Train on a support, once for all queries.

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
        learned = self._coefficients(inner, support.labels, support.class_mask)
        words = cast("Words", support.words).embeddings.to(x)  # check_support has seen to it
        basis = torch.cat([x, words.expand(*x.shape[:-2], -1, -1)], -2)
        return _FittedLinear(self, support, learned[..., :-1, :].mT @ basis, learned[..., -1:, :])


@dataclass(frozen=True, slots=True, eq=False)
class _FittedLinear:
    head: SpanHead
    support: Support
    weights: Tensor  # (..., k, d)
    bias: Tensor  # (..., 1, k)

    def logits(self, queries: Tensor, *, query_mask: Tensor | None = None) -> Tensor:
        check_queries(queries, self.support, self.head, query_mask)
        z = self.head.transform(queries, self.support.background).to(self.weights)
        logits = mask_absent(z @ self.weights.mT + self.bias, self.support.class_mask)
        some = (self.support.labels >= 0).any(-1)[..., None, None]
        return torch.where(some, logits, word_logits(self.support, z))
