"""What concepts look like, as one sparse matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import sparse

from knowledge.errors import GraphError
from knowledge.rows import distinct_ids, find_rows, read_only

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from knowledge.concept import Concept
    from knowledge.graph import KnowledgeGraph

__all__ = ["AttributeMatrix", "Trait"]


class Trait(NamedTuple):
    """An attribute of a part, or of the whole: black wings are not a black tail.

    Parameters
    ----------
    attribute : str
        Id of the attribute.
    part : str, default=""
        Id of the part that has it; empty for the whole.

    Examples
    --------
    >>> Trait("black", "wing")
    Trait(attribute='black', part='wing')
    """

    attribute: str
    part: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class AttributeMatrix:
    """How far each concept has each trait; `of` makes it from a graph.

    A strength of 0 that somebody stated is kept apart from what nobody spoke of: the first is a
    zero that is stored, the second is not stored.

    Parameters
    ----------
    strengths : scipy.sparse.csr_array, shape (concepts, traits)
        Shares or probabilities, 0 to 1. Read-only.
    concepts : tuple of str
        Ids of the rows.
    traits : tuple of Trait
        What the columns are.

    Examples
    --------
    >>> from knowledge import Concept, KnowledgeGraph, Relation
    >>> graph = KnowledgeGraph()
    >>> for bird, strength in [("robin", 0.9), ("wren", 0.0)]:
    ...     graph.add(Concept(bird, source="notes"),
    ...               Relation(bird, "has-attribute", "red", strength=strength, source="notes"))
    >>> graph.add(Relation("wren", "has-attribute", "short", part="tail", source="notes"))
    >>> matrix = AttributeMatrix.of(graph)
    >>> matrix.concepts, matrix.traits[1]
    (('robin', 'wren'), Trait(attribute='short', part='tail'))
    >>> matrix.dense(unknown=0.5)
    array([[0.9, 0.5],
           [0. , 1. ]])
    """

    strengths: Any
    concepts: tuple[str, ...]
    traits: tuple[Trait, ...]

    @classmethod
    def of(
        cls,
        graph: KnowledgeGraph,
        concepts: Iterable[str | Concept] | None = None,
        *,
        inherited: bool = False,
    ) -> AttributeMatrix:
        """Read the attributes of concepts.

        Columns are the traits that a row speaks of: in the order in which the graph has their
        attributes, then by part.

        Parameters
        ----------
        graph : KnowledgeGraph
            Where the facts are.
        concepts : iterable of str or Concept, optional
            The rows. Every concept of the graph if not given.
        inherited : bool, default=False
            Whether to take in what the lineage has: the nearest that speaks of a trait counts.

        Returns
        -------
        AttributeMatrix
            Where several sources speak of one trait, their mean.

        Raises
        ------
        ConceptNotFound, AmbiguousName
            As in `KnowledgeGraph.find`.
        GraphError
            If a concept is given twice.
        """
        ids = distinct_ids(graph, graph.concepts() if concepts is None else concepts)
        own = cache(lambda id: _own_traits(graph, id)) if inherited else None
        column: dict[Trait, int] = {}  # in the order in which they are met
        indices: list[int] = []
        values: list[float] = []
        ends = [0]
        for id in ids:
            row: dict[Trait, float] = {}
            if own is None:
                row = _own_traits(graph, id)
            else:
                for owner in reversed(graph.lineage(graph[id])):
                    row |= own(owner.id)
            for trait, value in row.items():
                indices.append(column.setdefault(trait, len(column)))
                values.append(value)
            ends.append(len(values))
        order = {c.id: i for i, c in enumerate(graph.concepts(kind=None))}
        traits = sorted(column, key=lambda t: (order.get(t.attribute, len(order)), t))
        place = np.argsort([column[trait] for trait in traits])
        strengths = sparse.csr_array(
            (
                np.array(values, dtype=np.float64),
                place[np.array(indices, dtype=np.int64)],
                np.array(ends),
            ),
            shape=(len(ids), len(traits)),
        )
        return cls(read_only(strengths), ids, tuple(traits))

    def dense(self, unknown: float = 0.0) -> NDArray[np.float64]:
        """Return the strengths as an array, with a value for what nobody spoke of.

        Parameters
        ----------
        unknown : float, default=0.0
            That value. 0 where a graph lists what is true and leaves out the rest, 0.5 where what
            is missing has not been looked at.

        Returns
        -------
        ndarray, shape (concepts, traits)
            Strengths, 0 to 1.
        """
        if not 0 <= unknown <= 1:
            raise GraphError(f"unknown is {unknown!r}; it stands for a strength: give 0 to 1")
        found = np.full(self.strengths.shape, float(unknown))
        stored = self.strengths.tocoo()
        found[stored.row, stored.col] = stored.data
        return found

    def rows(self, concepts: Iterable[str | Concept]) -> NDArray[np.intp]:
        """Numbers of the rows of some concepts, each given by id or as a `Concept`."""
        return find_rows(self.concepts, concepts)

    def select(self, concepts: Iterable[str | Concept]) -> AttributeMatrix:
        """Keep only the rows of some concepts, in their order; the columns stay."""
        rows = self.rows(concepts)
        ids = tuple(self.concepts[row] for row in rows)
        return AttributeMatrix(read_only(self.strengths[rows]), ids, self.traits)


def _own_traits(graph: KnowledgeGraph, id: str) -> dict[Trait, float]:
    said: dict[Trait, list[float]] = {}
    for fact in graph.relations(graph[id], kind="has-attribute"):
        said.setdefault(Trait(fact.target, fact.part), []).append(fact.strength)
    return {trait: sum(strengths) / len(strengths) for trait, strengths in said.items()}
