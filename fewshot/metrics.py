"""Measures of answers: labels and what was predicted go in, one number comes out.

scikit-learn computes what it has; the rest is written from its definition. What is measured on
scores, not answers, is in ``fewshot/score_metrics.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fewshot.errors import EvaluationError
from fewshot.plain_arrays import as_array, as_labels, check_columns

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from fewshot.plain_arrays import Values

__all__ = [
    "GeneralisedAccuracy",
    "accuracy",
    "confusion_matrix",
    "generalised_zero_shot",
    "hierarchical_cost",
    "macro_accuracy",
    "macro_f1",
]


class GeneralisedAccuracy(NamedTuple):
    """Per-class accuracy where unseen and seen classes compete; each in [0, 1].

    Parameters
    ----------
    unseen : float
        U: mean accuracy of the classes that were never seen.
    seen : float
        S: mean accuracy of the others.
    harmonic : float
        H: ``2 U S / (U + S)``; 0 where both are 0.
    """

    unseen: float
    seen: float
    harmonic: float


def accuracy(labels: Values, predicted: Values) -> float:
    """Share of answers that are right.

    Parameters
    ----------
    labels, predicted : sequence of n labels
        The truth and the answers; strings or numbers.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    EvaluationError
        If the two differ in length or kind, or are empty.

    Examples
    --------
    >>> accuracy(["tit", "tit", "owl", "wren"], ["tit", "owl", "owl", "tit"])
    0.5
    """
    truth, answers = _pair(labels, predicted)
    return float((truth == answers).mean())


def macro_accuracy(labels: Values, predicted: Values) -> float:
    """Mean over classes of the share of a class's pictures that are right.

    Parameters
    ----------
    labels, predicted : sequence of n labels
        As in `accuracy`.

    Returns
    -------
    float
        In [0, 1]. Classes without a picture in ``labels`` do not count.

    Raises
    ------
    EvaluationError
        As in `accuracy`.

    Examples
    --------
    >>> macro_accuracy(["tit", "tit", "tit", "owl"], ["tit", "tit", "tit", "wren"])
    0.5
    """
    from sklearn.metrics import recall_score

    truth, answers = _pair(labels, predicted)
    present = np.unique(truth)
    return float(recall_score(truth, answers, labels=present, average="macro", zero_division=0))


def macro_f1(labels: Values, predicted: Values) -> float:
    """Mean over classes of F1, the harmonic mean of precision and recall.

    Parameters
    ----------
    labels, predicted : sequence of n labels
        As in `accuracy`.

    Returns
    -------
    float
        In [0, 1], over all classes in ``labels`` or ``predicted``: one that was only ever
        predicted counts as 0, as in scikit-learn.

    Raises
    ------
    EvaluationError
        As in `accuracy`.

    Examples
    --------
    >>> macro_f1([0, 0, 1, 1], [0, 1, 1, 1])  # the mean of 2/3 and 4/5
    0.7333
    """
    from sklearn.metrics import f1_score

    truth, answers = _pair(labels, predicted)
    return float(f1_score(truth, answers, average="macro", zero_division=0))


def confusion_matrix(
    labels: Values, predicted: Values, classes: Sequence[Any] | None = None
) -> np.ndarray:
    """Count what was taken for what.

    Parameters
    ----------
    labels, predicted : sequence of n labels
        As in `accuracy`.
    classes : sequence of k labels, optional
        Order of rows and columns; by default every label that occurs, sorted.

    Returns
    -------
    ndarray of shape (k, k), int64
        Entry (i, j): pictures of class i that were taken for class j.

    Raises
    ------
    EvaluationError
        As in `accuracy`; also if a label is not among ``classes``.

    Examples
    --------
    >>> confusion_matrix(["tit", "tit", "owl"], ["tit", "owl", "owl"])
    array([[1, 0], [1, 1]])
    """
    from sklearn.metrics import confusion_matrix as counted

    truth, answers = _pair(labels, predicted)
    order = np.unique(np.concatenate([truth, answers])) if classes is None else as_labels(classes)
    every = np.concatenate([truth, answers])
    strange = every[~np.isin(every, order)]
    if len(strange):
        raise EvaluationError(
            f"label {strange[0].item()!r} is not among the {len(order)} classes given"
        )
    if len(order) == 1:  # scikit-learn warns of a matrix so small
        return np.array([[len(truth)]])
    found: np.ndarray = counted(truth, answers, labels=order)
    return found


def hierarchical_cost(labels: Values, predicted: Values, distances: Values) -> float:
    """Mean distance between what was predicted and what is true.

    Parameters
    ----------
    labels, predicted : sequence of n int
        Rows and columns of ``distances``.
    distances : array of shape (k, k)
        Entry (i, j): what it costs to take class i for class j, such as the height of their
        lowest common ancestor. Zero on the diagonal, never negative.

    Returns
    -------
    float
        In the unit of ``distances``; right answers count as 0.

    Raises
    ------
    EvaluationError
        If ``distances`` is no such matrix, or a label is no row of it.

    References
    ----------
    Bertinetto et al.: Making better mistakes. CVPR 2020 (there as hierarchical distance).

    Examples
    --------
    >>> hierarchical_cost([0, 1, 2, 2], [0, 0, 2, 0], [[0, 1, 2], [1, 0, 2], [2, 2, 0]])
    0.75
    """
    cost = as_array(distances).astype(np.float64)
    if cost.ndim != 2 or cost.shape[0] != cost.shape[1]:
        raise EvaluationError(f"distances have shape {cost.shape}: give (k, k)")
    if not np.isfinite(cost).all() or (cost < 0).any() or cost.diagonal().any():
        raise EvaluationError(
            "distances must be finite and never negative, and zero from a class to itself"
        )
    truth, answers = (check_columns(x, len(cost)) for x in _pair(labels, predicted))
    return float(cost[truth, answers].mean())


def generalised_zero_shot(
    labels: Values, predicted: Values, unseen: Collection[Any]
) -> GeneralisedAccuracy:
    """U, S and H of generalised zero-shot recognition.

    Parameters
    ----------
    labels, predicted : sequence of n labels
        Of pictures of both kinds; every class was a candidate for each.
    unseen : collection of labels
        Which classes were never seen; all others were.

    Returns
    -------
    GeneralisedAccuracy
        ``unseen``, ``seen`` and their harmonic mean ``harmonic``, each in [0, 1].

    Raises
    ------
    EvaluationError
        If there is no picture of an unseen class, or none of a seen one.

    References
    ----------
    Xian, Lampert, Schiele, Akata: Zero-shot learning, a comprehensive evaluation. TPAMI 2018,
    eq. 25 and 26: accuracy is averaged over classes, not over pictures.

    Examples
    --------
    >>> generalised_zero_shot(["a", "a", "b", "b"], ["a", "b", "b", "b"], unseen={"a"})
    GeneralisedAccuracy(unseen=0.5, seen=1.0, harmonic=0.6667)
    """
    truth, answers = _pair(labels, predicted)
    new = np.array([label in unseen for label in truth.tolist()])
    if new.all() or not new.any():
        missing = "seen" if new.all() else "unseen"
        raise EvaluationError(
            f"no picture is of a class that is {missing}: U, S and H need pictures of both kinds"
        )
    u, s = (macro_accuracy(truth[rows], answers[rows]) for rows in (new, ~new))
    return GeneralisedAccuracy(u, s, 2 * u * s / (u + s) if u + s else 0.0)


def _pair(labels: Values, predicted: Values) -> tuple[np.ndarray, np.ndarray]:
    truth, answers = as_labels(labels), as_labels(predicted)
    if truth.shape != answers.shape or truth.ndim != 1 or not len(truth):
        raise EvaluationError(
            f"labels have shape {truth.shape} and predictions {answers.shape}: give one of each a "
            "picture, and at least one picture"
        )
    if (truth.dtype.kind in "US") != (answers.dtype.kind in "US"):
        raise EvaluationError(
            f"labels are such as {truth[0].item()!r} and predictions such as "
            f"{answers[0].item()!r}: give both as strings, or both as numbers"
        )
    return truth, answers
