"""What concepts are joined to, as one sparse matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from knowledge.concept import RELATIONS
from knowledge.errors import GraphError
from knowledge.rows import find_rows, read_only

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from knowledge.concept import Concept
    from knowledge.graph import KnowledgeGraph

__all__ = ["Adjacency"]


@dataclass(frozen=True, slots=True, eq=False)
class Adjacency:
    """Which concepts are joined, both ways alike; `of` makes it from a graph.

    Parameters
    ----------
    weights : scipy.sparse.csr_array, shape (n, n)
        Strength of what joins two concepts, above 0 to 1; symmetric, without a diagonal.
        Read-only.
    concepts : tuple of str
        Ids of the rows, and of the columns.

    Examples
    --------
    >>> from knowledge import Concept, KnowledgeGraph, Relation
    >>> graph = KnowledgeGraph()
    >>> graph.add(*(Concept(id, source="notes") for id in ["robin", "wren", "bird"]))
    >>> graph.add(*(Relation(id, "is-a", "bird", source="notes") for id in ["robin", "wren"]))
    >>> adjacency = Adjacency.of(graph)
    >>> adjacency.weights.toarray()
    array([[0., 0., 1.],
           [0., 0., 1.],
           [1., 1., 0.]])
    >>> adjacency.normalised("row").toarray()
    array([[0. , 0. , 1. ],
           [0. , 0. , 1. ],
           [0.5, 0.5, 0. ]])
    """

    weights: Any
    concepts: tuple[str, ...]

    @classmethod
    def of(
        cls, graph: KnowledgeGraph, *, relations: Iterable[str] = ("is-a", "similar-to")
    ) -> Adjacency:
        """Read what joins the concepts of a graph.

        Nodes are its concepts, with its attributes if ``"has-attribute"`` is among the relations,
        and its parts with ``"has-part"``. Sources of one fact count as their mean; of several
        facts about two concepts the strongest counts.

        Parameters
        ----------
        graph : KnowledgeGraph
            Where the facts are.
        relations : iterable of {"is-a", "has-part", "has-attribute", "similar-to"}
            Which relations join.

        Returns
        -------
        Adjacency
            In the order in which the graph has its concepts.

        Raises
        ------
        GraphError
            If a relation is none of the four.
        ConceptNotFound
            If a fact speaks of an id that was never added.
        """
        joining = {relations} if isinstance(relations, str) else set(relations)
        if not joining or not joining <= set(RELATIONS):
            raise GraphError(f"relations are {sorted(joining)}; give some of {RELATIONS}")
        kinds = {"concept"}
        kinds |= {kind for kind in ("attribute", "part") if f"has-{kind}" in joining}
        ids = tuple(c.id for c in graph.concepts(kind=None) if c.kind in kinds)
        row = {id: i for i, id in enumerate(ids)}
        said: dict[tuple[int, int, str, str], list[float]] = {}
        for fact in graph.relations():
            if fact.kind in joining:
                start, end = row.get(fact.subject), row.get(fact.target)
                if start is None or end is None:
                    _ = graph[fact.subject], graph[fact.target]  # it must be there, if not a node
                elif start != end:
                    key = (start, end, fact.kind, fact.part)
                    said.setdefault(key, []).append(fact.strength)
        pairs = np.array([key[:2] for key in said], dtype=np.int64).reshape(-1, 2)
        values = np.array([sum(s) / len(s) for s in said.values()], dtype=np.float64)
        weights = _strongest(pairs, values, len(ids))
        return cls(read_only(weights.maximum(weights.T).tocsr()), ids)

    def normalised(self, kind: str = "symmetric", *, self_loops: bool = False) -> Any:
        """Scale the weights by the degrees D of the concepts.

        A concept that nothing joins is joined to itself, so that it keeps what it has.

        Parameters
        ----------
        kind : {"symmetric", "row"}
            ``"symmetric"``: D^-1/2 A D^-1/2, with eigenvalues in [-1, 1]. ``"row"``: D^-1 A, with
            rows that sum to one: each concept takes the mean of its neighbours.
        self_loops : bool, default=False
            Whether to join every concept to itself first, with weight 1.

        Returns
        -------
        scipy.sparse.csr_array, shape (n, n)
            The scaled weights.

        Raises
        ------
        GraphError
            If the kind is none of the two.
        """
        if kind not in ("symmetric", "row"):
            raise GraphError(f"normalisation is {kind!r}; it must be 'symmetric' or 'row'")
        degrees = np.asarray(self.weights.sum(axis=1)).ravel()
        loops = np.ones(len(degrees)) if self_loops else (degrees == 0).astype(np.float64)
        joined = (self.weights + sparse.diags_array(loops)).tocsr()
        degrees = degrees + loops
        if kind == "row":
            return (sparse.diags_array(1 / degrees) @ joined).tocsr()
        half = sparse.diags_array(1 / np.sqrt(degrees))
        return (half @ joined @ half).tocsr()

    def rows(self, concepts: Iterable[str | Concept]) -> NDArray[np.intp]:
        """Numbers of the rows of some concepts, each given by id or as a `Concept`."""
        return find_rows(self.concepts, concepts)


def _strongest(pairs: NDArray[np.int64], values: NDArray[np.float64], n: int) -> Any:
    """Sparse matrix of the largest value of each pair; zeros are left out."""
    order = np.lexsort((-values, pairs[:, 1], pairs[:, 0]))
    pairs, values = pairs[order], values[order]
    first = np.ones(len(pairs), dtype=bool)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    kept = first & (values > 0)
    return sparse.csr_array((values[kept], tuple(pairs[kept].T)), shape=(n, n))
