"""Multinomial logistic regression, solved for all episodes at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fewshot.membership import one_hot
from fewshot.precision import positive_gram
from fewshot.queries import mask_absent
from fewshot.solvers.logistic import solve_logistic
from fewshot.unit_rows import UnitRowHead

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.inner_products import InnerProducts

__all__ = ["LogisticHead"]


class LogisticHead(UnitRowHead):
    """Logistic regression on unit features (Tian et al. 2020, section 3.3).

    The weights and intercepts that minimise::

        C * sum_i -log softmax(x_i W + b)[y_i]  +  1/2 ||W||^2

    and then ``logit(q) = q W + b``. Written as ``W = X^T A`` the problem is one of the s x s
    inner products alone, however wide the features are.

    Parameters
    ----------
    C : float, default=1.0
        Weight of the photos against the penalty, positive. The default is Tian et al.'s, and
        scikit-learn's.
    normalise : bool, default=True
        Whether features are divided by their length first, as Tian et al. do.

    Notes
    -----
    The answer is that of ``sklearn.linear_model.LogisticRegression(C=C)`` on the same features,
    also where two classes exist: scikit-learn has one weight vector then, which equals the
    formula above with half of C. Intercepts are not penalised. Where it deviates: a single class
    is no error (its logit is 0). The solution is computed in
    float64 whatever the features are.

    References
    ----------
    Tian, Wang, Krishnan, Tenenbaum, Isola: Rethinking few-shot image classification: a good
    embedding is all you need? ECCV 2020.

    Examples
    --------
    >>> import torch
    >>> from fewshot import LogisticHead, Support
    >>> two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    >>> LogisticHead().fit(two).logits(torch.tensor([[1.0, 0.0]]))
    tensor([[ 0.2006, -0.2006]])
    """

    def __init__(self, C: float = 1.0, normalise: bool = True) -> None:  # noqa: N803 - its name
        super().__init__(normalise)
        if not 0 < C < float("inf"):
            raise ValueError(f"C is {C}: it must be positive and finite")
        self.C = C

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
        gram = positive_gram(inner.support, labels)
        member = one_hot(labels, class_mask.shape[-1], gram)
        two = (class_mask.sum(-1) == 2).unsqueeze(-1).unsqueeze(-1)
        weight = torch.where(two, self.C / 2, self.C).to(gram)
        weights, intercepts = solve_logistic(gram, member, class_mask, weight)
        logits = inner.cross @ weights.to(inner.cross) + intercepts.to(inner.cross)
        return mask_absent(logits, class_mask)
