"""R2-D2: ridge regression onto the classes."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from fewshot.membership import one_hot
from fewshot.precision import positive_gram
from fewshot.queries import mask_absent
from fewshot.unit_rows import UnitRowHead

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.inner_products import InnerProducts

__all__ = ["RidgeHead"]


class RidgeHead(UnitRowHead):
    """Ridge regression from features to one-hot labels (Bertinetto et al. 2019, equation 6).

    With ``X`` the ``s`` features and ``Y`` their classes, one-hot::

        W = X^T (X X^T + penalty I)^-1 Y,      logit(q) = scale * (q W) + bias

    The matrix to invert is s x s, however wide the features are.

    Parameters
    ----------
    penalty : float, default=1.0
        The paper's lambda, positive. Rounding in the features' type is added to it: some 1e-5
        of the longest feature's squared length for float32, so that equal photos are no obstacle.
    scale, bias : float, default=1.0 and 0.0
        The paper's alpha (positive) and beta, which it learns over many episodes. They
        change probabilities, never the answer.
    normalise : bool, default=True
        Whether features are divided by their length first.

    Notes
    -----
    Deviations. (1) Features are made unit rows, so that ``penalty`` means the same for every
    encoder: at 1 it is the squared length of a photo. The authors' code starts from lambda 50,
    and MetaOptNet's keeps it, on raw features of thousands of numbers; on unit rows 50 exceeds
    every eigenvalue of a small support's Gram matrix, and ``W`` is hardly more than the sum of
    each class's photos. (2) The authors' code appends a constant feature and divides ``X`` and
    ``Y`` by the root of s; the equation, followed here, does neither. (3) ``penalty``
    and ``scale`` are as given until `fewshot.meta_train` learns them; with ``scale=1`` logits are
    regression targets in about [0, 1], so that their softmax is flat. ``bias`` is not learned:
    one for all classes changes no probability, so that its gradient is rounding alone.
    (4) Shots may be unequal: then classes with more photos are favoured, as in any regression
    onto one-hot labels.

    References
    ----------
    Bertinetto, Henriques, Torr, Vedaldi: Meta-learning with differentiable closed-form
    solvers. ICLR 2019.

    Examples
    --------
    >>> import torch
    >>> from fewshot import RidgeHead, Support
    >>> two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    >>> RidgeHead().fit(two).logits(torch.tensor([[3.0, 0.0]]))
    tensor([[0.5000, 0.0000]])
    """

    learnable = MappingProxyType({"penalty": "positive", "scale": "positive"})

    def __init__(
        self,
        penalty: float = 1.0,
        scale: float = 1.0,
        bias: float = 0.0,
        normalise: bool = True,
    ) -> None:
        super().__init__(normalise)
        for name, value in (("penalty", penalty), ("scale", scale)):
            if not 0 < value < float("inf"):
                raise ValueError(f"{name} is {value}: it must be positive and finite")
        self.penalty, self.scale, self.bias = penalty, scale, bias

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
            Logits.
        """
        # padding keeps only its place on the diagonal, so its coefficients are exactly zero
        gram = positive_gram(inner.support, labels)
        gram = gram + self.penalty * torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
        member = one_hot(labels, class_mask.shape[-1], gram)
        coefficients = torch.cholesky_solve(member, torch.linalg.cholesky(gram)).to(inner.cross)
        logits = self.scale * (inner.cross @ coefficients) + self.bias
        return mask_absent(logits, class_mask)
