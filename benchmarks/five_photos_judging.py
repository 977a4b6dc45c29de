"""What answers come to: accuracy by class, differences over the same classes, AUROC."""

from __future__ import annotations

from typing import Any

import numpy as np
from knowledge_judging import harmonic_difference, harmonic_summary

from fewshot.intervals import class_interval

__all__ = ["Wins", "auroc", "auroc_summary", "by_class", "difference", "summary", "wins_by_class"]

RESAMPLES = 2_000

Sides = dict[str, np.ndarray]
Wins = tuple[np.ndarray, np.ndarray]


def by_class(answers: np.ndarray, truth: np.ndarray, classes: range) -> np.ndarray:
    """Accuracy of each class; answers (q,) or (b, q), of which the mean over b is taken."""
    right = np.atleast_2d(answers) == truth
    return np.array([right[:, truth == c].mean() for c in classes])


def summary(own: Sides, before: np.ndarray) -> dict[str, Any]:
    """U, S and H with intervals over classes, and how much of S was lost since ``before``."""
    fall = before - own["S"]
    return {
        **harmonic_summary(own),
        "U class_ci95": class_interval(own["U"]),
        "S class_ci95": class_interval(own["S"]),
        "fall": float(fall.mean()),
        "fall class_ci95": class_interval(fall, (-1.0, 1.0)),
    }


def difference(one: Sides, other: Sides) -> dict[str, Any]:
    """One less the other, the same classes drawn for both."""
    found = {"H": harmonic_difference(one, other)}
    for side in ("U", "S"):
        less = one[side] - other[side]
        found[side] = {"mean": float(less.mean()), "class_ci95": class_interval(less, (-1.0, 1.0))}
    return found


def wins_by_class(scores: np.ndarray, labels: np.ndarray, unknown: np.ndarray, k: int) -> Wins:
    """Count, for each pair of classes, how often the known picture scores above the unknown one.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Larger where a picture looks known.
    labels : ndarray of shape (n,)
        Class of each picture, in [0, k).
    unknown : ndarray of shape (k,), bool
        Which classes are unknown.
    k : int

    Returns
    -------
    tuple of two ndarray of shape (k, k)
        Won pairs (a tie is half a one) and all pairs, a row for each known class.
    """
    won, pairs = np.zeros((k, k)), np.zeros((k, k))
    known = np.flatnonzero(~unknown[labels])
    for c in np.flatnonzero(unknown):
        other = np.sort(scores[labels == c])
        below = np.searchsorted(other, scores[known], "left")
        ties = np.searchsorted(other, scores[known], "right") - below
        won[:, c] = np.bincount(labels[known], below + ties / 2, k)
        pairs[:, c] = np.bincount(labels[known], minlength=k) * len(other)
    return won, pairs


def auroc(wins: list[Wins], weights: np.ndarray | None = None) -> float:
    """Mean over draws of the AUROC, each class counting as often as its weight says.

    Draws in which nothing is left to compare do not count; NaN where none does.
    """
    often = np.ones(len(wins[0][0])) if weights is None else weights
    sums = [(often @ won @ often, often @ pairs @ often) for won, pairs in wins]
    shares = [won / pairs for won, pairs in sums if pairs]
    return float(np.mean(shares)) if shares else float("nan")


def auroc_summary(
    one: list[Wins], other: list[Wins] | None = None, *, n_base: int
) -> dict[str, Any]:
    """AUROC of a score, or how much it is above that of another, with an interval over classes.

    Base and novel classes are drawn with replacement, the same ones for every draw of photos and
    for both scores.
    """

    def value(weights: np.ndarray | None) -> float:
        return auroc(one, weights) - (0.0 if other is None else auroc(other, weights))

    rng, k = np.random.default_rng(0), len(one[0][0])
    found = []
    for _ in range(RESAMPLES):
        sizes = [n for n in (n_base, k - n_base) if n]
        drawn = [rng.multinomial(n, np.full(n, 1 / n)).astype(float) for n in sizes]
        found.append(value(np.concatenate(drawn)))
    return {"mean": value(None), "class_ci95": np.nanquantile(found, (0.025, 0.975)).tolist()}
