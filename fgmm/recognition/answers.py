"""Predictions of pictures by what is known at one moment, made when they are asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from fgmm.class_knowledge import KnownPicture
from fgmm.embeddings import Embeddings
from fgmm.recognition.lineages import some_of
from fgmm.recognition.species_prediction import SpeciesPrediction

if TYPE_CHECKING:
    from torch import Tensor

    from fgmm.recognition.moment import Evidence, Moment

__all__ = ["Answers", "answer"]

_LOGITS_A_BLOCK = 2**20
_ROWS_A_BLOCK = 1_024


class Answers(Sequence[SpeciesPrediction]):
    """Predictions of many pictures; only their vectors are kept, and the block last asked for.

    Parameters
    ----------
    moment : Moment
    kept : Embeddings of n rows
        Of the pictures, as a library keeps them.
    names : sequence of n str or None
    rows : tuple of int, optional
        Species that may be answered; all if not given.
    coverage : float, optional
        Of prediction sets; none are made if not given.
    """

    def __init__(
        self,
        moment: Moment,
        kept: Embeddings,
        names: Sequence[str | None],
        rows: tuple[int, ...] | None = None,
        coverage: float | None = None,
    ) -> None:
        self._moment, self._kept, self._names, self._chosen = moment, kept, names, rows
        self._coverage = coverage
        self._size = max(1, min(_ROWS_A_BLOCK, _LOGITS_A_BLOCK // len(moment.labels)))
        self._last: tuple[int, list[SpeciesPrediction]] = (-1, [])

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, index: int) -> SpeciesPrediction: ...
    @overload
    def __getitem__(self, index: slice) -> list[SpeciesPrediction]: ...
    def __getitem__(self, index: int | slice) -> SpeciesPrediction | list[SpeciesPrediction]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"there are {len(self)} predictions, none at {index}")
        block = at // self._size
        last = self._last
        if last[0] != block:
            some = slice(block * self._size, (block + 1) * self._size)
            rows = Embeddings(self._kept.vectors[some], self._kept.space)
            found = answer(self._moment, rows, self._names[some], self._chosen, self._coverage)
            last = (block, found)
            self._last = last
        return last[1][at % self._size]


def answer(
    moment: Moment,
    kept: Embeddings,
    names: Sequence[str | None],
    rows: tuple[int, ...] | None = None,
    coverage: float | None = None,
    pooling: Tensor | None = None,
) -> list[SpeciesPrediction]:
    """Make predictions of pictures.

    Parameters
    ----------
    moment : Moment
    kept : Embeddings of n rows
        Of the pictures, as a library keeps them.
    names : sequence of str or None
        Of each prediction.
    rows : tuple of int, optional
        Species that may be answered; each prediction keeps the unrestricted one beside it.
    coverage : float, optional
        Of prediction sets; none are made if not given.
    pooling : Tensor of shape (m, n), optional
        How pictures make predictions: each is a weighted sum of pictures' evidence. One each if
        not given, and then alone with prediction sets.

    Returns
    -------
    list of SpeciesPrediction
    """
    evidence, sets = moment.weigh(kept), None
    if coverage is not None:
        sets = Sets(coverage, moment.plausible(kept, coverage))
    whole = _answer(moment, evidence, names, None, pooling, None, sets)
    if rows is None:
        return whole
    return _answer(moment, evidence, names, rows, pooling, whole, sets)


@dataclass(frozen=True, slots=True, eq=False)
class Sets:
    """Prediction sets of pictures: which species (n, k), bool, at which coverage."""

    coverage: float
    members: Tensor

    def labels(
        self, row: int, columns: list[int], labels: tuple[str, ...], logits: Tensor
    ) -> tuple[str, ...]:
        """Give the candidates in one picture's set, the most likely first."""
        order = logits.argsort(descending=True, stable=True).tolist()
        return tuple(labels[i] for i in order if bool(self.members[row, columns[i]]))


def _answer(
    moment: Moment,
    evidence: Evidence,
    names: Sequence[str | None],
    rows: tuple[int, ...] | None,
    pooling: Tensor | None,
    whole: list[SpeciesPrediction] | None,
    sets: Sets | None,
) -> list[SpeciesPrediction]:
    labels, nats, cosines = moment.labels, dict(evidence.nats), evidence.cosines
    columns = list(range(len(labels))) if rows is None else list(rows)
    if rows is not None:
        labels = tuple(labels[column] for column in columns)
        nats = {source: values[:, columns] for source, values in nats.items()}
        cosines = cosines[:, columns]
    scores, knowledge = evidence.scores, moment.knowledge
    if knowledge is not None and moment.graph is not None and rows is not None:
        knowledge = some_of(moment.graph, knowledge, labels, rows)
        if knowledge is None:
            nats.pop("knowledge", None)
        elif scores is not None and "knowledge" in nats:
            nats["knowledge"] = knowledge.evidence.nats(scores)
    rival, none = None, evidence.none
    if len(columns) == 1 and moment.scoring == "softmax":
        text, rival = moment.against(evidence.joint, len(evidence.features), columns[0])
    if pooling is not None:
        nats = {source: pooling @ values for source, values in nats.items()}
        cosines = pooling @ cosines / pooling.sum(dim=1, keepdim=True)
        scores = None if scores is None else pooling @ scores
        rival = None if rival is None else pooling @ rival
        none = pooling @ none
    logits = sum(nats.values(), cosines.new_zeros(()))
    if moment.scoring == "sigmoid":
        probabilities = logits.sigmoid()
    elif rival is not None:
        probabilities = (logits - rival.unsqueeze(1)).sigmoid()  # the softmax of two
    else:
        probabilities = logits.softmax(dim=1)
    if len(labels) == 1 and moment.scoring == "softmax":
        unknown = 1 - probabilities[:, 0]
    else:  # a species picked at random against none of them, as likely beforehand
        known = (logits - nats.get("knowledge", 0.0)).logsumexp(dim=1)
        unknown = (none - known + math.log(len(labels))).sigmoid()
    # Rows are copied, so that keeping one prediction does not keep its whole block.
    return [
        SpeciesPrediction(
            labels=labels,
            probabilities=probabilities[row].clone(),
            logits=(own := logits[row].clone()),
            cosines=cosines[row].clone(),
            evidence={
                source: own if len(nats) == 1 else values[row].clone()
                for source, values in nats.items()
            },
            scoring=moment.scoring,
            provenance=moment.provenance,
            name=name,
            generic=None if rival is None else (text, float(rival[row])),
            known=None
            if knowledge is None or scores is None
            else KnownPicture(knowledge, scores[row].clone()),
            album=moment.album,
            features=evidence.features[[row]] if pooling is None else evidence.features,
            unrestricted=None if whole is None else whole[row],
            unknown=float(unknown[row]) if whole is None else whole[row].unknown,
            plausible=None if sets is None else sets.labels(row, columns, labels, logits[row]),
            coverage=None if sets is None else sets.coverage,
        )
        for row, name in enumerate(names)
    ]
