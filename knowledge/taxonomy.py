"""The tree above some candidates, and how probabilities add up in it.

A concept may have several parents. A node stands for the candidates at or below it, each counted
once however many ways lead up to it: its probability is that of the union, their sum. The nodes
of one level may therefore overlap and sum to more than one; in a tree of leaves they never do.

A candidate may have other candidates below it, "a gull" beside "a herring gull". Candidates
exclude each other, so it then means a gull of no other candidate; the node adds them all up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from knowledge.ancestry import climb
from knowledge.errors import GraphError
from knowledge.names import suggest
from knowledge.probabilities import check_probabilities
from knowledge.rows import distinct_ids, find_rows, read_only

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from knowledge.concept import Concept
    from knowledge.graph import KnowledgeGraph

__all__ = ["Taxonomy"]


@dataclass(frozen=True, slots=True, eq=False)
class Taxonomy:
    """Candidates and what is above them; `of` makes it from a graph.

    Parameters
    ----------
    candidates : tuple of str
        Ids of what probabilities are about, in their order.
    nodes : tuple of str
        Ids of the candidates and all their ancestors, the most general first: by depth, then id.
    ranks : tuple of str
        Rank of each node; empty if not known.
    depths : ndarray, shape (nodes,)
        Is-a steps of the longest way down from a root; 0 for a root. A child is always deeper
        than its parents. Read-only.
    members : scipy.sparse.csr_array, shape (nodes, candidates)
        1 where the candidate is at or below the node. Read-only.

    Examples
    --------
    >>> from knowledge import Concept, KnowledgeGraph, Relation
    >>> graph = KnowledgeGraph()
    >>> for bird, genus in [("herring gull", "Larus"), ("kelp gull", "Larus"), ("robin", "Turdus")]:
    ...     graph.add(Concept(bird, rank="species", source="notes"),
    ...               Relation(bird, "is-a", genus, source="notes"))
    >>> graph.add(*(Concept(id, rank="genus", source="notes") for id in ["Larus", "Turdus"]))
    >>> taxonomy = Taxonomy.of(graph, ["herring gull", "kelp gull", "robin"])
    >>> genera = taxonomy.at_rank("genus")
    >>> dict(zip(genera.nodes, genera.roll_up([0.5, 0.25, 0.25]).tolist()))
    {'Larus': 0.75, 'Turdus': 0.25}
    """

    candidates: tuple[str, ...]
    nodes: tuple[str, ...]
    ranks: tuple[str, ...]
    depths: NDArray[np.intp]
    members: Any

    @classmethod
    def of(
        cls, graph: KnowledgeGraph, candidates: Iterable[str | Concept] | None = None
    ) -> Taxonomy:
        """Climb from candidates to the roots.

        Parameters
        ----------
        graph : KnowledgeGraph
            Where the is-a relations are.
        candidates : iterable of str or Concept, optional
            Any concepts, leaves or not. The leaves of the graph if not given.

        Returns
        -------
        Taxonomy
            It does not change when the graph does.

        Raises
        ------
        ConceptNotFound, AmbiguousName
            As in `KnowledgeGraph.find`.
        CyclicGraph
            If the way up comes back to where it has been.
        GraphError
            If there are no candidates, or one is given twice.
        """
        ids = distinct_ids(graph, graph.leaves() if candidates is None else candidates)
        if not ids:
            raise GraphError("there are no candidates: give at least one concept of the graph")
        above = climb(graph, ids)
        members = sparse.csr_array(
            (np.ones(len(above.bottom)), (above.top, above.bottom)),
            shape=(len(above.nodes), len(ids)),
        )
        ranks = tuple(graph[node].rank for node in above.nodes)
        above.depths.setflags(write=False)
        return cls(ids, above.nodes, ranks, above.depths, read_only(members))

    def at_rank(self, *ranks: str) -> Taxonomy:
        """Keep only the nodes of some ranks.

        Parameters
        ----------
        *ranks : str
            One or several, such as ``"genus"``; capitals do not matter.

        Returns
        -------
        Taxonomy
            Of the same candidates. A candidate without an ancestor of these ranks is in none of
            its nodes; `uncovered` lists those.

        Raises
        ------
        GraphError
            If none is given, or no node has one of them.
        """
        known = sorted(set(self.ranks) - {""})
        wanted = {rank.casefold() for rank in ranks}
        if not wanted:
            raise GraphError("no rank is given: give one or several, such as 'genus'")
        for rank in ranks:
            if not rank or rank.casefold() not in map(str.casefold, known):
                here = f"the ranks here are {', '.join(known)}" if known else (
                    "no node here has a rank: give the concepts theirs, or use at_depth"
                )  # fmt: skip
                raise GraphError(f"no node has the rank {rank!r}{suggest(rank, known)}; {here}")
        return self._keep(np.array([rank.casefold() in wanted for rank in self.ranks]))

    def at_depth(self, depth: int) -> Taxonomy:
        """Keep only the nodes of one depth, and the candidates that end above it.

        Parameters
        ----------
        depth : int
            0 for the roots. A depth beyond the deepest gives the candidates.

        Returns
        -------
        Taxonomy
            Of the same candidates; each is in one of its nodes at least.

        Raises
        ------
        GraphError
            If the depth is negative.
        """
        if depth < 0:
            raise GraphError(f"depth is {depth}; give 0 for the roots, or more")
        ends = np.isin(np.array(self.nodes, dtype=object), self.candidates)
        return self._keep((self.depths == depth) | (ends & (self.depths < depth)))

    @property
    def uncovered(self) -> tuple[str, ...]:
        """Ids of the candidates that are in no node."""
        covered = set(self.members.indices.tolist())
        return tuple(c for i, c in enumerate(self.candidates) if i not in covered)

    def rows(self, nodes: Iterable[str | Concept]) -> NDArray[np.intp]:
        """Numbers of some nodes, each given by id or as a `Concept`."""
        return find_rows(self.nodes, nodes)

    def roll_up(self, probabilities: ArrayLike) -> NDArray[np.float64]:
        """Add up the probabilities of the candidates at or below each node.

        Parameters
        ----------
        probabilities : array_like, shape (candidates,) or (pictures, candidates)
            Of the candidates; each row sums to one, give or take 0.001, and is divided by its
            sum.

        Returns
        -------
        ndarray, shape (nodes,) or (pictures, nodes)
            Probabilities of the nodes.

        Raises
        ------
        GraphError
            If they are no probabilities of these candidates.
        """
        found = check_probabilities(probabilities, len(self.candidates))
        summed = np.asarray(self.members @ np.ascontiguousarray(found.T), dtype=np.float64).T
        summed.clip(max=1.0, out=summed)  # all of them may add up to a rounding error more
        return summed

    def _keep(self, kept: NDArray[np.bool_]) -> Taxonomy:
        where = np.flatnonzero(kept)
        depths = self.depths[where]
        depths.setflags(write=False)
        return Taxonomy(
            self.candidates,
            tuple(self.nodes[i] for i in where),
            tuple(self.ranks[i] for i in where),
            depths,
            read_only(self.members[where]),
        )
