"""Answers at each level of a tree: which are given, how many are wrong, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from knowledge import Answer, Taxonomy, back_off

__all__ = ["METHODS", "Floats", "Levels", "areas", "at_floor", "by_class", "curves", "swept"]

METHODS = ("back-off", "maximum softmax", "rolled-up maximum")
STEPS, RESAMPLES = 200, 10_000
ROUNDING = 1e-6  # what back_off allows a probability to fall short of its floor

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Levels:
    """Which node of each level a candidate is in, from the candidates themselves upwards.

    Parameters
    ----------
    taxonomy : Taxonomy
    names : tuple of str
        "leaf", then ranks.
    cells : ndarray of int, shape (levels, candidates)
    where : ndarray of int, shape (levels, nodes + 1)
        The same of every node of the taxonomy, -1 where it is above the level; the last stands
        for no answer.
    """

    taxonomy: Taxonomy
    names: tuple[str, ...]
    cells: NDArray[np.intp]
    where: NDArray[np.intp]

    @classmethod
    def of(cls, taxonomy: Taxonomy, ranks: tuple[str, ...]) -> Levels:
        n = len(taxonomy.candidates)
        rows = [np.arange(n)]
        for rank in ranks:
            inside = taxonomy.at_rank(rank).members.toarray() > 0
            if (inside.sum(0) > 1).any():
                raise ValueError(f"a candidate is in two nodes of the rank {rank!r}")
            rows.append(np.where(inside.any(0), n + inside.argmax(0), np.arange(n)))
        cells = np.stack([np.unique(row, return_inverse=True)[1] for row in rows])
        members = taxonomy.members.toarray() > 0
        where = np.full((len(cells), len(members) + 1), -1)
        for node, inside in enumerate(members):
            for level, row in enumerate(cells):
                if len(found := np.unique(row[inside])) == 1:
                    where[level, node] = found[0]
        return cls(taxonomy, ("leaf", *ranks), cells, where)

    def at(self, level: int, probabilities: Floats) -> Floats:
        """Probabilities of the nodes of a level, (pictures, nodes)."""
        return probabilities @ (
            self.cells[level][:, None] == np.arange(self.cells[level].max() + 1)
        )

    def of_answers(self, answers: tuple[Answer, ...]) -> NDArray[np.intp]:
        """Where back-off's answers lie: (levels, pictures), -1 where one is above the level."""
        place = {node: i for i, node in enumerate(self.taxonomy.nodes)}
        return self.where[:, [-1 if a.node is None else place[a.node] for a in answers]]


def swept(
    levels: Levels, level: int, method: str, probabilities: Floats
) -> Iterator[NDArray[np.intp]]:
    """Answers at a level, -1 for none, at thresholds from the highest to one that all clear."""
    leaf = probabilities.max(1)
    if method == "maximum softmax":
        sure, best = leaf, levels.cells[level][probabilities.argmax(1)]
    else:
        rolled = levels.at(level, probabilities)
        sure, best = rolled.max(1), rolled.argmax(1)
    floors = np.quantile(sure, np.linspace(1, 0, STEPS + 1), method="lower")
    if method != "back-off":
        yield from (np.where(sure >= floor - ROUNDING, best, -1) for floor in floors)
        return
    for floor in (*floors, leaf.min()):  # at the last, every answer is a candidate
        yield levels.of_answers(back_off(levels.taxonomy, probabilities, min(floor, 1.0)))[level]


def by_class(values: Floats, truth: NDArray[np.intp]) -> Floats:
    """Means over the pictures of each class that has some: (..., pictures) to (..., classes)."""
    of = truth == np.unique(truth)[:, None]
    return values @ (of / of.sum(1, keepdims=True)).T


def areas(answered: Floats, wrong: Floats, weights: Floats) -> Floats:
    """Area under risk over coverage.

    Parameters
    ----------
    answered, wrong : ndarray, shape (thresholds, classes)
        Share of each class's pictures that are answered, and that are answered wrongly; at the
        last threshold all are answered.
    weights : ndarray, shape (draws, classes)
        Of the classes; each row sums to one.

    Returns
    -------
    ndarray, shape (draws,)
        By trapezia; below the least coverage the risk is taken to be as there.
    """
    coverage = weights @ answered.T
    risk = (weights @ wrong.T) / np.maximum(coverage, 1e-12)
    first = np.argmax(coverage > 0, axis=1)[:, None]  # a class drawn may have no answer yet
    start = np.take_along_axis(risk, first, 1)
    risk = np.where(coverage > 0, risk, start)
    risk, coverage = np.hstack([start, risk]), np.hstack([0 * start, coverage])
    return (np.diff(coverage, axis=1) * (risk[:, 1:] + risk[:, :-1]) / 2).sum(1)


def draws(classes: int) -> Floats:
    """Weights of the classes: as they are, then drawn with replacement, the same every time."""
    drawn = np.random.default_rng(0).multinomial(classes, np.full(classes, 1 / classes), RESAMPLES)
    return np.vstack([np.ones(classes), drawn]) / classes


def estimate(values: Floats, classes: int) -> dict[str, Any]:
    """The first value, and the expanded percentile interval of the others (`fewshot.intervals`)."""
    tail = float(ndtr(-((classes / (classes - 1)) ** 0.5) * stdtrit(classes - 1, 0.975)))
    rest = values[1:][np.isfinite(values[1:])]
    return {
        "mean": float(values[0]),
        "class_ci95": np.quantile(rest, (tail, 1 - tail)).tolist() if len(rest) else [0.0, 1.0],
    }


def curves(levels: Levels, probabilities: Floats, truth: NDArray[np.intp]) -> dict[str, Any]:
    """Areas of every level and method, and what back-off has over the others (negative is less)."""
    weights, found = draws(len(np.unique(truth))), {}
    classes = weights.shape[1]
    for level, name in enumerate(levels.names):
        right = levels.cells[level][truth]
        area = {}
        for method in METHODS:
            said = np.stack(list(swept(levels, level, method, probabilities)))
            given, wrong = said >= 0, (said >= 0) & (said != right)
            area[method] = areas(by_class(given, truth), by_class(wrong, truth), weights)
        mine = area["back-off"]
        found[name] = {
            "nodes": int(levels.cells[level].max()) + 1,
            "area": {m: estimate(a, classes) for m, a in area.items()},
            "back-off minus": {m: estimate(mine - area[m], classes) for m in METHODS[1:]},
        }
    return found


def at_floor(
    levels: Levels, probabilities: Floats, truth: NDArray[np.intp], floor: float
) -> dict[str, Any]:
    """Shares and accuracies of back-off's answers, by the deepest level that each reaches.

    An answer "above" reaches none: the root of a tree, or nothing.
    """
    answers = back_off(levels.taxonomy, probabilities, floor)
    said, top = levels.of_answers(answers), len(levels.names)
    stated = np.array([answer.probability for answer in answers])
    reached = np.where((said >= 0).any(0), (said >= 0).argmax(0), top)
    at = np.minimum(reached, top - 1), np.arange(len(truth))
    right = said[at] == levels.cells[at[0], truth]
    weights = draws(len(np.unique(truth)))

    def judged(which: NDArray[np.bool_]) -> dict[str, Any]:
        share, good, told = (
            weights @ by_class(which * values, truth) for values in (1.0, right, stated)
        )
        counts = {"pictures": int(which.sum()), "classes": len(np.unique(truth[which]))}
        with np.errstate(invalid="ignore"):
            figures = {"share": share, "accuracy": good / share, "stated": told / share}
        return counts | {name: estimate(v, weights.shape[1]) for name, v in figures.items()}

    found = {name: judged(reached == r) for r, name in enumerate(levels.names)}
    return found | {"any of these": judged(reached < top), "above": judged(reached == top)}
