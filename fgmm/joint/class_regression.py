"""What the classical zero-shot methods have in common: their protocol, and how one is chosen.

A method is fitted on base classes, of which there are pictures, and then scores classes it
never saw by their vectors. Unseen and seen classes together are just more rows of ``classes``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

import torch

from fewshot.metrics import macro_accuracy
from fgmm.errors import DatasetError
from fgmm.joint.regression_inputs import check_labelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = [
    "Choice",
    "ClassRegression",
    "FittedClassRegression",
    "calibrated",
    "choose",
    "held_out_scores",
]


class FittedClassRegression(Protocol):
    """What `ClassRegression.fit` gives."""

    def scores(self, features: Tensor, classes: Tensor) -> Tensor:
        """Say how well pictures fit classes.

        Parameters
        ----------
        features : Tensor of shape (q, d)
            Of pictures, from the encoder of the fit.
        classes : Tensor of shape (k2, m)
            Vectors of any classes, of the kind of the fit.

        Returns
        -------
        Tensor of shape (q, k2)
            Higher is better; each method says what the number is.
        """
        ...


class ClassRegression(Protocol):
    """A zero-shot method: its parameters, and how it learns from base classes.

    Features and class vectors are taken as they come: to make them unit rows, or to take off
    their mean over the base classes, is the caller's part, and most of these methods gain by it.
    """

    def fit(self, features: Tensor, labels: Tensor, classes: Tensor) -> FittedClassRegression:
        """Learn from the pictures of base classes.

        Parameters
        ----------
        features : Tensor of shape (n, d)
            Of pictures.
        labels : Tensor of shape (n,), int64
            Rows of ``classes``; each class has a picture.
        classes : Tensor of shape (k, m)
            Vectors of the classes: strengths of attributes, 0 to 1, or embeddings of texts.

        Returns
        -------
        FittedClassRegression
        """
        ...


Method = TypeVar("Method", bound=ClassRegression)


class Choice(NamedTuple, Generic[Method]):
    """The best of some candidates, and how all of them did.

    Parameters
    ----------
    best : ClassRegression
        The candidate with the highest accuracy; the first of equals.
    accuracies : tuple of float
        Mean accuracy of a class that was held out, in [0, 1], for each candidate.
    """

    best: Method
    accuracies: tuple[float, ...]


def choose(
    candidates: Sequence[Method],
    features: Tensor,
    labels: Tensor,
    classes: Tensor,
    *,
    folds: int = 5,
    seed: int = 0,
) -> Choice[Method]:
    """Choose parameters by holding out base classes.

    The classes are split at random. Each part in turn is held out: the candidates are fitted on
    the pictures of the other classes, and asked to tell those of the part from each other.

    Parameters
    ----------
    candidates : sequence of ClassRegression
        One or more; also of different methods.
    features : Tensor of shape (n, d)
        Of pictures of base classes.
    labels : Tensor of shape (n,), int64
        Rows of ``classes``.
    classes : Tensor of shape (k, ...)
        One row a class.
    folds : int, default=5
        How many parts; each must have two classes, and so must what is left.
    seed : int, default=0
        Of the split.

    Returns
    -------
    Choice
        The best candidate, not fitted, and every candidate's accuracy.

    Raises
    ------
    DatasetError
        If the data do not fit together, or have too few classes.
    ValueError
        If there is no candidate, or ``folds`` is below 2.

    References
    ----------
    Xian, Lampert, Schiele, Akata: Zero-shot learning, a comprehensive evaluation. TPAMI 2018:
    parameters are chosen on classes disjoint from those trained on.

    Examples
    --------
    >>> from fgmm.joint import ESZSL
    >>> names = torch.eye(4, 3, dtype=torch.float64) - 0.25
    >>> choose([ESZSL(gamma=g) for g in (0.1, 1)], names, torch.arange(4), names, folds=2).best
    ESZSL(gamma=0.1, lambda_=1.0)
    """
    if not candidates:
        raise ValueError("there is no candidate to choose: give one or more methods")
    accuracies = torch.zeros(len(candidates), dtype=torch.float64)
    for place, candidate in enumerate(candidates):
        held = held_out_scores(candidate, features, labels, classes, folds=folds, seed=seed)
        for scores, truth in held:
            # a fold counts as many times as it has classes
            right = macro_accuracy(truth.tolist(), scores.argmax(-1).tolist())
            accuracies[place] += right * scores.shape[1] / len(classes)
    return Choice(candidates[int(accuracies.argmax())], tuple(accuracies.tolist()))


def held_out_scores(
    method: ClassRegression,
    features: Tensor,
    labels: Tensor,
    classes: Tensor,
    *,
    folds: int = 5,
    seed: int = 0,
) -> list[tuple[Tensor, Tensor]]:
    """Score the pictures of held-out base classes, each part of them among itself.

    Parameters
    ----------
    method : ClassRegression
        Fitted ``folds`` times.
    features, labels, classes
        As in `choose`.
    folds : int, default=5
        How many parts; each must have two classes, and so must what is left.
    seed : int, default=0
        Of the split.

    Returns
    -------
    list of (Tensor of shape (n, k), Tensor of shape (n,))
        For each part the method's scores, and the rows of the right classes.

    Raises
    ------
    DatasetError
        If the data do not fit together, or have too few classes.
    ValueError
        If ``folds`` is below 2.
    """
    k = len(classes)
    check_labelled(features, labels, k)
    if folds < 2:
        raise ValueError(f"folds is {folds}: give 2 or more, so that some classes are left to fit")
    if k < 2 * folds:
        raise DatasetError(
            f"{k} classes in {folds} folds: every fold needs two classes to tell apart; give fewer "
            "folds"
        )
    order = torch.randperm(k, generator=torch.Generator().manual_seed(seed)).to(labels.device)
    fold = torch.empty_like(order)
    fold[order] = torch.arange(k, device=order.device) % folds
    found = []
    for part in range(folds):
        held = fold == part
        # each class's row among those of its own side
        row = torch.where(held, held.cumsum(0), (~held).cumsum(0)) - 1
        asked = held[labels]
        rows = held.to(classes.device)
        fitted = method.fit(features[~asked], row[labels[~asked]], classes[~rows])
        found.append((fitted.scores(features[asked], classes[rows]), row[labels[asked]]))
    return found


def calibrated(scores: Tensor, seen: Tensor, gamma: float) -> Tensor:
    """Handicap the classes seen in training (calibrated stacking).

    Methods fitted on seen classes prefer them. ``gamma`` is chosen on held-out base classes.

    Parameters
    ----------
    scores : Tensor of shape (..., k)
        Higher is better.
    seen : Tensor of shape (k,), bool
        Which classes were fitted on.
    gamma : float
        What they lose, in the unit of the scores; at infinity they are never the answer.

    Returns
    -------
    Tensor of shape (..., k)

    Raises
    ------
    ValueError
        If ``seen`` is no mask of the classes, or ``gamma`` is not a number.

    References
    ----------
    Chao, Changpinyo, Gong, Sha: An empirical study and analysis of generalized zero-shot
    learning for object recognition in the wild. ECCV 2016, "calibrated stacking".

    Examples
    --------
    >>> calibrated(torch.tensor([[0.9, 0.8]]), torch.tensor([True, False]), 0.2)
    tensor([[0.7000, 0.8000]])
    """
    if seen.dtype != torch.bool or seen.shape != scores.shape[-1:]:
        raise ValueError(
            f"seen has shape {tuple(seen.shape)} and type {seen.dtype}: give a bool for each of "
            f"the {scores.shape[-1]} classes"
        )
    if gamma != gamma:
        raise ValueError("gamma is nan: give a number in the unit of the scores")
    return torch.where(seen, scores - gamma, scores)
