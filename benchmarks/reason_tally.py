"""Reasons that classify gives, counted and judged by the exact truth of the field guide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from knowledge_sets import World

from fgmm.prediction import Prediction
from fgmm.scoring import Scored
from knowledge import AttributeMatrix, KnowledgeGraph
from knowledge.question_wording import say_in_words

__all__ = ["Answers", "Tally", "facts", "judge"]

PRINTED = 3  # reasons that `explain` gives
EVERY = 1_000  # more than there are
RESAMPLES = 10_000


class Answers(NamedTuple):
    """What classify says of some pictures, and the class each label stands for."""

    predictions: Scored
    key: dict[str, str]


class Tally(NamedTuple):
    """Right and all reasons of each picture, and its species."""

    right: list[int]
    total: list[int]
    species: list[str]

    def share(self) -> dict[str, Any]:
        """Share of the reasons that are right, species drawn with replacement; NaN of none."""
        counts = {"reasons": sum(self.total), "pictures": len(self.total)}
        if not counts["reasons"]:
            return {"mean": np.nan, "class_ci95": [np.nan, np.nan], **counts}
        _, at = np.unique(self.species, return_inverse=True)
        right, total = (np.bincount(at, weights=w) for w in (self.right, self.total))
        rng = np.random.default_rng(0)
        drawn = rng.multinomial(len(total), np.full(len(total), 1 / len(total)), RESAMPLES)
        sums = drawn @ total
        shares = (drawn @ right)[sums > 0] / sums[sums > 0]
        return {
            "mean": float(right.sum() / total.sum()),
            "class_ci95": np.quantile(shares, (0.025, 0.975)).tolist(),
            **counts,
            "each": float(np.mean(self.total)),
            "without": float(np.mean(np.array(self.total) == 0)),
        }


def facts(graph: KnowledgeGraph, ids: Iterable[str]) -> dict[str, set[str]]:
    """What is true of each species, in the words reasons are given in."""
    matrix = AttributeMatrix.of(graph, list(ids), inherited=True)
    said = [say_in_words(graph, trait) for trait in matrix.traits]
    return {
        id: {said[a] for a in np.flatnonzero(row)}
        for id, row in zip(matrix.concepts, matrix.dense(), strict=True)
    }


def judge(
    answers: Answers, truth: list[str], given: World, true: Mapping[str, set[str]]
) -> dict[str, Tally]:
    """Every picture's reasons, by kind of question."""
    found = {name: Tally([], [], []) for name in ("named", "any", "wrongly", "both sides")}

    def note(name: str, texts: list[str], species: str, differ: set[str]) -> None:
        tally = found[name]
        good = true[given.concepts[species]] & differ
        tally.right.append(sum(text in good for text in texts))
        tally.total.append(len(texts))
        tally.species.append(species)

    def of(label: str) -> set[str]:
        """What is true of the class a label stands for, whatever was read of it."""
        return true[given.concepts[answers.key[label]]]

    def texts(p: Prediction, label: str, rival: str, n: int) -> list[str]:
        return [reason.text for reason in p.reasons(label, against=rival, n=n)]

    for p, species in zip(answers.predictions, truth, strict=True):
        first, second = (p.labels[i] for i in p.ranking(2))
        given_ = texts(p, first, second, PRINTED)
        note("named", given_, species, of(first) ^ of(second))
        note("any", sorted(true[first] - true[second])[:PRINTED], species, of(first) ^ of(second))
        if answers.key[first] != species:
            note("wrongly", given_, species, of(first) ^ of(second))
        own = next(label for label, key in answers.key.items() if key == species)
        rival = second if own == first else first
        both = texts(p, own, rival, EVERY) + texts(p, rival, own, EVERY)
        note("both sides", both, species, of(own) ^ of(rival))
    return found
