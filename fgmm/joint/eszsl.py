"""ESZSL: a bilinear map between pictures and classes, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from fgmm.joint.regression_inputs import (
    check_labelled,
    check_number,
    check_rows,
    prepare_queries,
    sum_by_class,
)

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ESZSL", "FittedESZSL"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FittedESZSL:
    """What `ESZSL.fit` gives.

    Parameters
    ----------
    weights : Tensor of shape (d, m), float64
        The paper's V.
    """

    weights: Tensor

    def scores(self, features: Tensor, classes: Tensor) -> Tensor:
        """Score pictures: ``x V s``.

        Parameters
        ----------
        features : Tensor of shape (q, d)
            Of pictures.
        classes : Tensor of shape (k2, m)
            Vectors of any classes.

        Returns
        -------
        Tensor of shape (q, k2)
            Values of a regression whose targets are 1 for the right class and -1 for others.

        Raises
        ------
        DatasetError
            If a width is not that of the fit, or a number is not finite.
        """
        features, classes, weights = prepare_queries(features, classes, self.weights)
        return features @ (weights @ classes.T)


@dataclass(frozen=True, slots=True)
class ESZSL:
    """An "embarrassingly simple" zero-shot method: two ridge regressions in one.

    With X the pictures (n, d), Y (n, k) 1 where a picture is of a class and -1 elsewhere, and
    S the vectors of the classes (k, m)::

        V = (X^T X + gamma I)^-1  X^T Y S  (S^T S + lambda I)^-1

    minimises ``|X V S^T - Y|^2 + gamma |V S^T|^2 + lambda |X V|^2 + gamma lambda |V|^2``.

    Parameters
    ----------
    gamma : float, default=1.0
        Penalty on the side of the pictures, positive; in units of a picture's squared length.
    lambda_ : float, default=1.0
        Penalty on the side of the classes, positive. The paper chooses both among powers of ten
        from 1e-3 to 1e3, on classes held out; see `choose`. 1 is the middle.

    Raises
    ------
    ValueError
        If a penalty is not positive and finite.

    Notes
    -----
    No deviations; classes with more pictures weigh more, as in the paper.

    References
    ----------
    Romera-Paredes, Torr: An embarrassingly simple approach to zero-shot learning. ICML 2015,
    section 3.2: the closed form, there with columns for pictures and classes.

    Examples
    --------
    >>> names = torch.eye(2)
    >>> fitted = ESZSL().fit(torch.eye(2), torch.tensor([0, 1]), names)
    >>> fitted.scores(torch.tensor([[4.0, 0.0]]), names)
    tensor([[ 1., -1.]])
    """

    gamma: float = 1.0
    lambda_: float = 1.0

    def __post_init__(self) -> None:
        check_number("gamma", self.gamma)
        check_number("lambda_", self.lambda_)

    def fit(self, features: Tensor, labels: Tensor, classes: Tensor) -> FittedESZSL:
        """Solve for V; see `ClassRegression.fit`.

        Parameters
        ----------
        features : Tensor of shape (n, d)
            Of pictures of base classes.
        labels : Tensor of shape (n,), int64
            Rows of ``classes``.
        classes : Tensor of shape (k, m)
            Vectors of the base classes.

        Returns
        -------
        FittedESZSL

        Raises
        ------
        DatasetError
            If the three do not fit together, or a number is not finite.
        """
        check_rows(classes, "classes")
        check_labelled(features, labels, len(classes))
        x, s = features.double(), classes.double()
        target = 2 * sum_by_class(x, labels, len(s)).T - x.sum(0).unsqueeze(1)  # X^T Y
        pictures = x.T @ x + self.gamma * torch.eye(x.shape[1]).to(x)
        words = s.T @ s + self.lambda_ * torch.eye(s.shape[1]).to(s)
        half = torch.linalg.solve(pictures, target @ s)
        return FittedESZSL(torch.linalg.solve(words, half, left=False))
