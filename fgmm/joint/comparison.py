"""What was learned of a graph, judged on new classes beside names alone and beside controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from fewshot.intervals import class_interval
from fgmm.joint.controls import exchanged, scrambled
from fgmm.joint.judging import SeenUnseen, beside_seen, by_class, cross_calibrated
from fgmm.prompts import class_matrix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from fgmm.embeddings import Embeddings
    from fgmm.encoders.base import Encoder
    from fgmm.joint.embedding import JointEmbedding
    from knowledge import KnowledgeGraph

__all__ = ["JudgedRow", "Judgement", "judge_embedding"]

_FEWEST = 2  # classes of a side, so that gamma can be chosen on one half


@dataclass(frozen=True)
class JudgedRow:
    """How one way to score the classes did; of a control, the mean over its draws.

    Parameters
    ----------
    alone : ndarray of shape (u,)
        Accuracy of each new class among the new classes, in [0, 1].
    beside : SeenUnseen or None
        Accuracies with the base classes to choose from as well; None without pictures of those.
    calibrated : SeenUnseen or None
        The same, where base classes lose a gamma that is chosen on other classes, as in
        `fgmm.joint.judging.cross_calibrated`.
    """

    alone: NDArray[np.float64]
    beside: SeenUnseen | None
    calibrated: SeenUnseen | None

    def ahead_of(self, other: JudgedRow) -> tuple[float, float, float]:
        """Mean difference among the new classes, paired by class, and its 95 % interval."""
        difference = self.alone - other.alone
        return (float(difference.mean()), *class_interval(difference, (-1.0, 1.0)))


@dataclass(frozen=True)
class Judgement:
    """All rows, the one that is judged first.

    Parameters
    ----------
    rows : mapping of str to JudgedRow
        ``"names + knowledge"``, whose logits are added, ``"names"`` and ``"knowledge"``; then
        controls of the first: ``"swapped knowledge"``, where each new class has the knowledge of
        another, and ``"scrambled names"``. Without words ``"knowledge"`` and its control.
    new, base : tuple of str
        Ids of the classes.
    pictures : tuple of two int
        Of new and of base classes.
    nothing_known : tuple of str
        New classes of which the graph says nothing that was learned.
    """

    rows: Mapping[str, JudgedRow]
    new: tuple[str, ...]
    base: tuple[str, ...]
    pictures: tuple[int, int]
    nothing_known: tuple[str, ...]


def judge_embedding(
    learned: JointEmbedding,
    graph: KnowledgeGraph,
    features: Embeddings,
    concepts: Sequence[str],
    *,
    base: Sequence[str],
    encoder: Encoder | None = None,
    joint: Embeddings | None = None,
    draws: int = 5,
) -> Judgement:
    """Judge an embedding on classes it was not trained on.

    Parameters
    ----------
    learned : JointEmbedding
    graph : KnowledgeGraph
        Has all the classes.
    features : Embeddings of n rows
        Of pictures that were not trained on, in the space of the training.
    concepts : sequence of n str
        Id of each picture's class; two or more are not in ``base``.
    base : sequence of str
        Ids of the classes it was trained on.
    encoder, joint : Encoder and Embeddings of n rows, optional
        The encoder that reads the names, and the same pictures in its joint space. Without them
        there are no rows of names.
    draws : int, default=5
        How often each control is drawn.

    Returns
    -------
    Judgement

    Raises
    ------
    SpaceMismatch
        If the features are another encoder's or layer's.
    """
    seen_ids = tuple(dict.fromkeys(base))
    new = tuple(sorted(set(concepts) - set(seen_ids)))
    every = [*seen_ids, *new]
    place = {id: at for at, id in enumerate(every)}
    truth = np.array([place[id] for id in concepts])
    seen = np.arange(len(every)) < len(seen_ids)

    def known(donors: Mapping[str, str]) -> Tensor:
        return learned.logits(graph, features, [donors.get(id, id) for id in every]).cpu()

    def judge(scores: Tensor) -> JudgedRow:
        return _judge(scores, truth, seen)

    own, others = known({}), [known(exchanged(new, seed)) for seed in range(draws)]
    rows = {}
    if encoder is None or joint is None:
        rows["knowledge"] = judge(own)
        rows["swapped knowledge"] = _mean([judge(other) for other in others])
    else:
        names = [graph[id].name for id in every]
        words = _word_scores(encoder, joint, names)
        rows["names + knowledge"] = judge(words + own)
        rows["names"] = judge(words)
        rows["knowledge"] = judge(own)
        rows["swapped knowledge"] = _mean([judge(words + other) for other in others])
        shuffled = [
            _word_scores(encoder, joint, [scrambled(name, seed) for name in names])
            for seed in range(draws)
        ]
        rows["scrambled names"] = _mean([judge(other + own) for other in shuffled])
    told = learned.inputs.rows(graph, new).any(dim=1).tolist()
    nothing = tuple(id for id, some in zip(new, told, strict=True) if not some)
    of_new = int((~seen[truth]).sum())
    return Judgement(rows, new, seen_ids, (of_new, len(truth) - of_new), nothing)


def _word_scores(encoder: Encoder, joint: Embeddings, names: Sequence[str]) -> Tensor:
    """Logits (n, k) of names in the default templates."""
    # by number: names of two classes may be the same but for case
    classes = class_matrix(encoder, {str(at): name for at, name in enumerate(names)})
    return float(encoder.logit_scale) * joint.vectors @ classes.matrix.vectors.float().T


def _judge(scores: Tensor, truth: NDArray[np.intp], seen: NDArray[np.bool_]) -> JudgedRow:
    asked = ~seen[truth]
    table = scores[torch.from_numpy(asked)][:, torch.from_numpy(~seen)]
    alone = by_class(table, truth[asked] - int(seen.sum()))
    there = np.unique(truth)
    sides = int(seen[there].sum()), int((~seen[there]).sum())
    return JudgedRow(
        alone,
        beside_seen(scores, truth, seen) if min(sides) else None,
        cross_calibrated(scores, truth, seen) if min(sides) >= _FEWEST else None,
    )


def _mean(rows: Sequence[JudgedRow]) -> JudgedRow:
    def of(several: Sequence[SeenUnseen | None]) -> SeenUnseen | None:
        there = [one for one in several if one is not None]
        if not there:
            return None
        return SeenUnseen(
            np.mean([one.unseen for one in there], axis=0),
            np.mean([one.seen for one in there], axis=0),
        )

    return JudgedRow(
        np.mean([row.alone for row in rows], axis=0),
        of([row.beside for row in rows]),
        of([row.calibrated for row in rows]),
    )
