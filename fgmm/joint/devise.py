"""DeViSE: a linear map that ranks the right class above the others by a margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import normalize

from fewshot.descent import check_training
from fgmm.joint.regression_inputs import check_labelled, check_number, check_rows, prepare_queries

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["DeViSE", "FittedDeViSE", "rank_loss"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FittedDeViSE:
    """What `DeViSE.fit` gives.

    Parameters
    ----------
    weights : Tensor of shape (d, m)
        The transpose of the paper's M.
    """

    weights: Tensor

    def scores(self, features: Tensor, classes: Tensor) -> Tensor:
        """Score pictures: ``t M v``, t the class vector at unit length.

        Parameters
        ----------
        features : Tensor of shape (q, d)
            Of pictures.
        classes : Tensor of shape (k2, m)
            Vectors of any classes.

        Returns
        -------
        Tensor of shape (q, k2)
            Inner products, in units in which ``margin`` is what was asked for. In the order of
            the cosine of ``M v`` and t.

        Raises
        ------
        DatasetError
            If a width is not that of the fit, or a number is not finite.
        """
        features, classes, weights = prepare_queries(features, classes, self.weights)
        return features @ (weights @ normalize(classes, dim=-1).T)


@dataclass(frozen=True, slots=True)
class DeViSE:
    """A linear map from pictures to class vectors, trained to rank.

    With v a picture, t_j the unit vectors of the classes and y its class, M minimises the mean
    over pictures of::

        sum_{j != y} max(0, margin - t_y M v + t_j M v)

    Parameters
    ----------
    margin : float, default=0.1
        The paper's; positive.
    steps : int, default=200
        Of Adam, all pictures in each; 0 leaves M as it was drawn.
    learning_rate : float, default=0.01
        Of Adam; for pictures of about unit length.
    seed : int, default=0
        Of M at first, which is small beside the margin for pictures of about unit length.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Deviations. (1) The network that makes the pictures' features stays as it is: only M is
    trained. (2) Every other class is asked in each step, where the paper draws classes at random
    until one breaks the margin. (3) Full batches and Adam, where the paper has stochastic steps
    and Adagrad. The loss is convex in M; how long M is trained is all that keeps it small, so
    ``steps`` and ``learning_rate`` are what to choose.

    References
    ----------
    Frome et al.: DeViSE: a deep visual-semantic embedding model. NeurIPS 2013, equation 1.

    Examples
    --------
    >>> names = torch.eye(2)
    >>> fitted = DeViSE().fit(torch.eye(2), torch.tensor([1, 0]), names)
    >>> fitted.scores(torch.tensor([[1.0, 0.0]]), names).argmax(-1)
    tensor([1])
    """

    margin: float = 0.1
    steps: int = 200
    learning_rate: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        check_number("margin", self.margin)
        check_training(self.steps, self.learning_rate)

    def fit(self, features: Tensor, labels: Tensor, classes: Tensor) -> FittedDeViSE:
        """Train M; see `ClassRegression.fit`.

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
        FittedDeViSE

        Raises
        ------
        DatasetError
            If the three do not fit together, or a number is not finite.
        """
        check_rows(classes, "classes")
        check_labelled(features, labels, len(classes))
        d, m = features.shape[1], classes.shape[1]
        drawn = torch.randn(d, m, generator=torch.Generator().manual_seed(self.seed))
        x, t, weights = prepare_queries(features, classes, drawn * (self.margin / m**0.5 / 10))
        t, weights = normalize(t, dim=-1), weights.to(x.device).requires_grad_()
        solver = torch.optim.Adam([weights], lr=self.learning_rate)
        for _ in range(self.steps):
            with torch.enable_grad():
                loss = rank_loss(x @ (weights @ t.T), labels, self.margin)
            (weights.grad,) = torch.autograd.grad(loss, [weights])
            solver.step()
        return FittedDeViSE(weights.detach())


def rank_loss(scores: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Hinge rank loss: how far other classes come within the margin of the right one.

    Parameters
    ----------
    scores : Tensor of shape (n, k)
        Higher is better.
    labels : Tensor of shape (n,), int64
        In [0, k).
    margin : float
        In the unit of the scores.

    Returns
    -------
    Tensor of shape ()
        Summed over the other classes, and the mean over pictures.

    References
    ----------
    As `DeViSE`, equation 1.

    Examples
    --------
    >>> rank_loss(torch.tensor([[1.0, 0.95, 0.0]]), torch.tensor([0]), 0.1)
    tensor(0.0500)
    """
    right = scores.gather(1, labels.unsqueeze(1))
    within = (margin - right + scores).clamp(min=0)
    # the right class is within its own margin by just the margin
    return within.sum(1).mean() - margin
