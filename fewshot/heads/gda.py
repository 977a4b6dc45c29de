"""Gaussian discriminant analysis with one shrunk covariance, beside words."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from fewshot.errors import SupportError
from fewshot.membership import class_means
from fewshot.precision import widest
from fewshot.queries import mask_absent
from fewshot.unit_rows import UnitRowHead

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.inner_products import InnerProducts
    from fewshot.support import Support

__all__ = ["GDAHead"]

_NO_SPREAD = 1e-5  # of a photo's squared length: rounding of float32, not a spread


class GDAHead(UnitRowHead):
    """Gaussians with one covariance (Wang et al. 2024, equations 4 to 7).

    With unit features of width d, ``n`` photos, class means ``m_c`` and ``S`` the sum of outer
    products of photos' distances from the mean of their class::

        P        = d (S + tr(S) / (n - 1) I)^-1                the shrunk precision
        logit_c  = q P m_c + log(1 / k) - m_c P m_c / 2        photos
        answer_c = logit_scale <q, t_c> + logit_bias + alpha logit_c     where there are words

    Without words the photos' logits are the answer. As ``S`` has rank below n, P is applied
    through n x n inner products (Woodbury); `GDAStatistics` holds the same as sums.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the photos beside words, at least 0. It does nothing without words.

    Notes
    -----
    Deviations. (1) The official code picks alpha among 1e-4 ... 1e2 on the full validation set,
    dataset by dataset. Here it is 1, the middle of that grid, and validation-free; as d stands
    in P, photos then outweigh words by far. (2) The official code takes ten augmented views of a
    photo, so that even one photo a class has a spread. Where no class has two photos that differ
    ``S`` is 0 and says nothing: the distances from the mean of all photos take its place, which
    leave the directions of discriminant analysis as they are. (3) A class with words and without
    photos gets the mean of the other classes' means, so that photos speak neither for nor against
    it; the official code makes up features from its words and the photos most like them.
    (4) ``log(1/k)`` is uniform over the classes that exist, whatever their shots, as in the paper.

    References
    ----------
    Wang, Liang, Sheng, He, Wang, Tan: A hard-to-beat baseline for training-free CLIP-based
    adaptation. ICLR 2024.

    Kubokawa, Srivastava: Estimation of the precision matrix of a singular Wishart distribution
    and its application in high-dimensional data. Journal of Multivariate Analysis 99, 2008.

    Examples
    --------
    >>> import torch
    >>> from fewshot import GDAHead, Support
    >>> x = torch.tensor([[0.8, 0.6], [0.8, -0.6], [-0.8, 0.6], [-0.8, -0.6]])
    >>> four = Support(x, torch.tensor([0, 0, 1, 1]), torch.ones(2, dtype=torch.bool))
    >>> GDAHead().fit(four).logits(torch.tensor([[5.0, 0.0]]))
    tensor([[ 1.3069, -5.3598]])
    """

    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(normalise=True)
        if not 0 <= alpha < float("inf"):
            raise ValueError(f"alpha is {alpha}: it must be finite, and 0 or more")
        self.alpha = alpha

    def check_support(self, support: Support) -> None:
        """Refuse classes with neither photos nor words.

        Parameters
        ----------
        support : Support
            One episode or a batch of them.

        Raises
        ------
        SupportError
            If there are no words and a class that exists has no photo.
        """
        super().check_support(support)
        empty = support.class_mask & (support.counts == 0)
        if support.words is None and empty.any():
            raise SupportError(
                f"class {empty.nonzero()[0].tolist()[-1]} has no photo and there are no words: "
                "GDAHead needs one or the other for each class. Add a photo, give "
                "Support(words=Words(...)), or mark the class absent in class_mask"
            )

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
            Of the episodes, with ``width``.
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

        Raises
        ------
        SupportError
            If the inner products do not say how wide the features are.
        """
        if inner.width is None:
            raise SupportError(
                "GDAHead needs the width of the features: give InnerProducts(width=)"
            )
        photos = _photo_logits(inner, labels, class_mask, inner.width)
        if inner.query_words is None:
            return mask_absent(photos, class_mask)
        words = inner.logit_scale * inner.query_words + inner.logit_bias
        return mask_absent(words + self.alpha * photos, class_mask)


def _photo_logits(inner: InnerProducts, labels: Tensor, class_mask: Tensor, width: int) -> Tensor:
    """``q P m_c + log(1/k) - m_c P m_c / 2``; zero in an episode without photos."""
    real = labels >= 0
    pair = real.unsqueeze(-1) & real.unsqueeze(-2)
    gram = inner.support.masked_fill(~pair, 0).to(widest(inner.support))
    cross = inner.cross.masked_fill(~real.unsqueeze(-2), 0).to(gram)
    n = _scalar(real.sum(-1)).to(gram)
    means = class_means(labels, class_mask.shape[-1], gram)
    photographed = means.sum(-2) > 0
    around_classes = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device) * pair
    around_classes = around_classes - means @ (means > 0).to(gram).mT
    around_all = torch.where(pair, -1 / n.clamp(min=1), 0) + torch.diag_embed(real.to(gram))

    within = (around_classes * gram).sum((-2, -1))
    tiny = _NO_SPREAD * gram.diagonal(dim1=-2, dim2=-1).sum(-1)
    # rows of X after `centre` are the distances; `centre` is a projection
    centre = torch.where(_scalar(within > tiny), around_classes, around_all)
    trace = (centre * gram).sum((-2, -1))
    informed = _scalar(trace > tiny)
    ridge = torch.where(informed, _scalar(trace) / (n - 1).clamp(min=1), 1)

    # a class without photos stands where the others are on average
    average = means.sum(-1, keepdim=True) / _scalar(photographed.sum(-1)).clamp(min=1)
    means = torch.where(photographed.unsqueeze(-2), means, average)
    # (X^T C X + r I)^-1 = (I - X^T C (C X X^T C + r I)^-1 C X) / r
    centred = centre @ gram
    inside = centred @ centre
    inside = inside + ridge * torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    towards = centred @ means
    rest = means - centre @ torch.linalg.solve(inside, towards)
    strength = torch.where(informed, width / ridge, 0)
    dots = strength * (cross @ rest)
    lengths = strength * (means * (gram @ rest)).sum(-2, keepdim=True)
    prior = -_scalar(class_mask.sum(-1).clamp(min=1)).to(gram).log()
    logits = torch.where(n > 0, dots - lengths / 2 + prior, 0)
    return logits.to(inner.cross.dtype)


def _scalar(values: Tensor) -> Tensor:
    return values.unsqueeze(-1).unsqueeze(-1)
