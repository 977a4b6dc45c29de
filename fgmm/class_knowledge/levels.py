"""Answers at other levels of the taxonomy: families in place of species."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from knowledge import Taxonomy, back_off

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from knowledge import KnowledgeGraph

__all__ = ["Level", "Levels"]


class Level(NamedTuple):
    """An answer somewhere in the taxonomy.

    Parameters
    ----------
    label : str or None
        A candidate as it was given, or the name of what is above several; None: nothing was
        probable enough.
    rank : str
        Such as ``"family"``; empty where the graph gives none.
    probability : float
        In [0, 1], of all candidates at or below it.

    Examples
    --------
    >>> print(Level("daisy family", "family", 0.93))
    daisy family (family), 0.930
    """

    label: str | None
    rank: str
    probability: float

    def __str__(self) -> str:
        if self.label is None:
            return "no answer"
        rank = f" ({self.rank})" if self.rank and self.rank != self.label else ""
        return f"{self.label}{rank}, {self.probability:.3f}"


class Levels:
    """The taxonomy above the candidates; one the graph does not know stands for itself.

    Parameters
    ----------
    graph : KnowledgeGraph
    ids : sequence of k str or None
    labels : sequence of k str
    """

    def __init__(
        self, graph: KnowledgeGraph, ids: Sequence[str | None], labels: Sequence[str]
    ) -> None:
        present = [id for id in ids if id is not None]
        known = Taxonomy.of(graph, present)
        alone = [i for i, id in enumerate(ids) if id is None]
        own = {id: label for id, label in zip(ids, labels, strict=True) if id is not None}
        self._labels = tuple(labels)
        self._names = [own.get(node) or graph[node].name for node in known.nodes]
        self._names += [labels[i] for i in alone]
        longest = max(known.nodes, key=len)  # what is longer is no node's id
        candidates = [id or f"{longest} {i}" for i, id in enumerate(ids)]
        columns = np.array([i for i, id in enumerate(ids) if id is not None])
        told = known.members.tocoo()
        nodes = len(known.nodes)
        members = sparse.csr_array(
            (
                np.ones(told.nnz + len(alone)),
                (
                    np.concatenate([told.row, nodes + np.arange(len(alone))]),
                    np.concatenate([columns[told.col], np.array(alone, dtype=np.int64)]),
                ),
            ),
            shape=(nodes + len(alone), len(ids)),
        )
        self._taxonomy = Taxonomy(
            tuple(candidates),
            (*known.nodes, *(candidates[i] for i in alone)),
            (*known.ranks, *("" for _ in alone)),
            np.concatenate([known.depths, np.zeros(len(alone), dtype=np.intp)]),
            members,
        )

    def roll_up(self, probabilities: Tensor, rank: str) -> list[Level]:
        """Add probabilities up to one rank; a candidate without such an ancestor stays itself.

        Parameters
        ----------
        probabilities : Tensor of shape (k,)
            Adding up to one.
        rank : str

        Returns
        -------
        list of Level
            The most probable first; equal ones in the order of the taxonomy.

        Raises
        ------
        GraphError
            If nothing has that rank; the message lists the ranks there are.
        """
        level = self._taxonomy.at_rank(rank)
        place = {node: i for i, node in enumerate(self._taxonomy.nodes)}
        rolled = level.roll_up(probabilities.double().numpy())
        found = [
            Level(self._names[place[node]], rank, float(p))
            for node, p in zip(level.nodes, rolled, strict=True)
        ]
        at = {candidate: i for i, candidate in enumerate(self._taxonomy.candidates)}
        found += [
            Level(self._labels[at[c]], self._taxonomy.ranks[place[c]], float(probabilities[at[c]]))
            for c in level.uncovered
        ]
        return sorted(found, key=lambda one: -one.probability)

    def back_off(self, probabilities: Tensor, floor: float) -> Level:
        """Give the most special answer that is probable enough; see `knowledge.back_off`."""
        (answer,) = back_off(self._taxonomy, probabilities.double().numpy(), floor)
        if answer.node is None:
            return Level(None, "", answer.probability)
        (at,) = self._taxonomy.rows([answer.node])
        return Level(self._names[at], self._taxonomy.ranks[at], answer.probability)
