"""Measures of scores: how sure, how high, in what order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fewshot.errors import EvaluationError
from fewshot.plain_arrays import as_array, as_labels, check_columns

if TYPE_CHECKING:
    from fewshot.plain_arrays import Values

__all__ = ["calibration_error", "mean_average_precision", "top_k_accuracy"]


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
        Logits, cosines or probabilities; absent classes may have ``-inf``.
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
        Higher means likelier; compared within a column, across pictures. ``-inf``, as heads
        give to absent classes, is below every number.
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
    # only the order counts, and scikit-learn takes no infinities: ranks, equal where scores are
    ranks = {c: np.unique(s[:, c], return_inverse=True)[1] for c in np.unique(y)}
    return float(np.mean([average_precision_score(y == c, r) for c, r in ranks.items()]))


def _scores(scores: Values, labels: Values) -> tuple[np.ndarray, np.ndarray]:
    s, y = as_array(scores).astype(np.float64), as_labels(labels)
    if s.ndim != 2 or y.shape != s.shape[:1] or not len(y):
        raise EvaluationError(
            f"scores have shape {s.shape} and labels {y.shape}: give (n, k) and n, n at least 1"
        )
    if np.isnan(s).any():
        raise EvaluationError(
            f"{int(np.isnan(s).any(1).sum())} of {len(s)} rows of scores hold NaN: score those "
            "pictures again, or leave them out"
        )
    return s, check_columns(y, s.shape[1])
