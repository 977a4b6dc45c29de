"""Measures of answers: labels and what was predicted go in, one number comes out.

scikit-learn computes what it has; the rest is written from its definition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from fewshot.errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from torch import Tensor

    Values: TypeAlias = "Sequence[Any] | np.ndarray | Tensor"

__all__ = [
    "GeneralisedAccuracy",
    "accuracy",
    "calibration_error",
    "confusion_matrix",
    "generalised_zero_shot",
    "hierarchical_cost",
    "macro_accuracy",
    "macro_f1",
    "mean_average_precision",
    "top_k_accuracy",
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
        The truth and the answers; any strings or numbers.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    EvaluationError
        If the two differ in length, or are empty.

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
    order = np.unique(np.concatenate([truth, answers])) if classes is None else _array(classes)
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


def calibration_error(probabilities: Values, labels: Values, *, bins: int = 15) -> float:
    """Expected calibration error of the highest probability (ECE).

    Answers are sorted into equal bins by their highest probability; in each the mean of that
    probability is compared with the share that is right::

        ECE = sum over bins of  (answers in bin / n) * |share right - mean probability|

    Parameters
    ----------
    probabilities : array of shape (n, k)
        Rows sum to 1.
    labels : sequence of n int
        Column of the true class.
    bins : int, default=15
        As many as Guo et al. take.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    EvaluationError
        If shapes disagree, a label is no column, or a number is no probability.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger: On calibration of modern neural networks. ICML 2017, eq. 3.

    Examples
    --------
    >>> calibration_error([[0.9, 0.1], [0.9, 0.1]], [0, 1])  # 0.9 said, 0.5 right
    0.4
    """
    p, y = _scores(probabilities, labels)
    if bins < 1:
        raise EvaluationError(f"bins is {bins}: give 1 or more")
    if (p < 0).any() or (p > 1 + 1e-6).any() or (np.abs(p.sum(1) - 1) > 1e-3).any():
        raise EvaluationError(
            "rows are no probabilities (each in [0, 1], each row's sum 1): give the softmax of "
            "logits"
        )
    sure, right = p.max(1), p.argmax(1) == y
    place = np.minimum((sure * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(place, right - sure, minlength=bins)
    return float(np.abs(gaps).sum() / len(y))


def top_k_accuracy(scores: Values, labels: Values, *, k: int = 5) -> float:
    """Share of pictures whose class is among the k highest scores.

    Parameters
    ----------
    scores : array of shape (n, classes)
        Logits, cosines or probabilities.
    labels : sequence of n int
        Column of the true class.
    k : int, default=5
        At least 1.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    EvaluationError
        If shapes disagree, a label is no column, or k is below 1.

    Notes
    -----
    Written here because scikit-learn's takes no two columns and warns of k classes or fewer.
    A class that ties with the true one counts as before it: equal scores are no answer, unless
    k covers every class.

    Examples
    --------
    >>> top_k_accuracy([[0.5, 0.3, 0.2], [0.6, 0.3, 0.1]], [1, 2], k=2)
    0.5
    """
    s, y = _scores(scores, labels)
    if k < 1:
        raise EvaluationError(f"k is {k}: give 1 or more")
    own = np.take_along_axis(s, y[:, None], 1)
    rank = (s >= own).sum(1)  # 1 for the single best
    return float((rank <= k).mean())


def mean_average_precision(scores: Values, labels: Values) -> float:
    """Mean over classes of average precision, each class against all others.

    Parameters
    ----------
    scores : array of shape (n, k)
        Higher means likelier; compared within a column, across pictures.
    labels : sequence of n int
        Column of the true class.

    Returns
    -------
    float
        In [0, 1], over the classes that have a picture.

    Raises
    ------
    EvaluationError
        If shapes disagree or a label is no column.

    Notes
    -----
    scikit-learn's average precision: the step function under precision and recall, without
    interpolation.

    Examples
    --------
    >>> mean_average_precision([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1])
    1.0
    """
    from sklearn.metrics import average_precision_score

    s, y = _scores(scores, labels)
    return float(np.mean([average_precision_score(y == c, s[:, c]) for c in np.unique(y)]))


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
    cost = _array(distances).astype(np.float64)
    if cost.ndim != 2 or cost.shape[0] != cost.shape[1]:
        raise EvaluationError(f"distances have shape {cost.shape}: give (k, k)")
    if not np.isfinite(cost).all() or (cost < 0).any() or cost.diagonal().any():
        raise EvaluationError(
            "distances must be finite and never negative, and zero from a class to itself"
        )
    truth, answers = (_columns(x, len(cost)) for x in _pair(labels, predicted))
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


def _array(values: Values) -> np.ndarray:
    """Give an array, of a tensor on any device too."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values.double() if values.is_floating_point() else values  # numpy has no bfloat16
    return np.asarray(values)


def _pair(labels: Values, predicted: Values) -> tuple[np.ndarray, np.ndarray]:
    truth, answers = _array(labels), _array(predicted)
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


def _scores(scores: Values, labels: Values) -> tuple[np.ndarray, np.ndarray]:
    s, y = _array(scores).astype(np.float64), _array(labels)
    if s.ndim != 2 or y.shape != s.shape[:1] or not len(y):
        raise EvaluationError(
            f"scores have shape {s.shape} and labels {y.shape}: give (n, k) and n, n at least 1"
        )
    if np.isnan(s).any():
        raise EvaluationError(
            f"{int(np.isnan(s).any(1).sum())} of {len(s)} rows of scores hold NaN: score those "
            "pictures again, or leave them out"
        )
    return s, _columns(y, s.shape[1])


def _columns(labels: np.ndarray, k: int) -> np.ndarray:
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= k:
        raise EvaluationError(
            f"labels such as {labels[0].item()!r} among {k} classes: give whole numbers from 0 to "
            f"{k - 1}, each the column of its class"
        )
    return labels
