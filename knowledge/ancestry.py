"""Ways up the is-a relations: ancestors, distances, lowest common ancestors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import networkx as nx
import numpy as np

from knowledge.errors import CyclicGraph, GraphError
from knowledge.rows import distinct_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from knowledge.concept import Concept
    from knowledge.graph import KnowledgeGraph

__all__ = ["Ancestry", "climb", "common_ancestor", "taxonomy_distances"]

_MOST_LISTED = 10


class Ancestry(NamedTuple):
    """Every pair of a concept and one of its ancestors, itself included.

    Parameters
    ----------
    nodes : tuple of str
        Ids of the concepts and their ancestors, by depth, then id.
    depths : ndarray, shape (nodes,)
        Is-a steps of the longest way down from a root.
    top, bottom, steps : ndarray, shape (pairs,)
        Number of the node, of the concept, and the fewest steps between them. By node, then
        concept.
    """

    nodes: tuple[str, ...]
    depths: NDArray[np.intp]
    top: NDArray[np.intp]
    bottom: NDArray[np.intp]
    steps: NDArray[np.intp]


def climb(graph: KnowledgeGraph, ids: Sequence[str]) -> Ancestry:
    """Climb from concepts, all at once, to the roots.

    Parameters
    ----------
    graph : KnowledgeGraph
        Where the is-a relations are.
    ids : sequence of str
        Where to begin; distinct ids of the graph.

    Returns
    -------
    Ancestry
        Time and memory grow with the number of pairs.

    Raises
    ------
    CyclicGraph
        If the way up comes back to where it has been.
    ConceptNotFound
        If the way up leads to an id that was never added.
    """
    parents: dict[str, list[str]] = {}
    waiting = list(ids)
    for id in waiting:
        if id not in parents:
            parents[id] = [parent.id for parent in graph.parents(graph[id])]
            waiting += parents[id]
    depth = _depths(parents)
    nodes = sorted(parents, key=lambda id: (depth[id], id))
    number = {id: i for i, id in enumerate(nodes)}
    counts = np.array([len(parents[id]) for id in nodes], dtype=np.intp)
    first = np.concatenate([[0], np.cumsum(counts)])
    ups = np.array([number[up] for id in nodes for up in parents[id]], dtype=np.intp)

    # A pair is one number, top * concepts + bottom. Level by level, so that the first time a
    # pair is met is by the fewest steps.
    top = np.array([number[id] for id in ids], dtype=np.intp)
    level = top * len(ids) + np.arange(len(ids))
    levels = []
    while len(level):
        levels.append(level)
        top, bottom = np.divmod(level, len(ids))
        n = counts[top]
        within = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
        level = np.unique(ups[np.repeat(first[top], n) + within] * len(ids) + np.repeat(bottom, n))
    every = np.concatenate(levels)
    pairs, met = np.unique(every, return_index=True)
    steps = np.repeat(np.arange(len(levels)), [len(level) for level in levels])[met]
    top, bottom = np.divmod(pairs, len(ids))
    depths = np.array([depth[id] for id in nodes], dtype=np.intp)
    return Ancestry(tuple(nodes), depths, top, bottom, steps)


def common_ancestor(graph: KnowledgeGraph, *concepts: str | Concept) -> Concept | None:
    """Find the lowest concept that is at or above all of some.

    Lowest: no other common ancestor is below it. With several parents there may be several such;
    then the one of the fewest steps in all, and of those the first by id.

    Parameters
    ----------
    graph : KnowledgeGraph
        Where the is-a relations are.
    *concepts : str or Concept
        At least one. One that is above the others is itself the answer.

    Returns
    -------
    Concept or None
        None if nothing is above all of them.

    Raises
    ------
    ConceptNotFound, AmbiguousName, CyclicGraph
        As in `KnowledgeGraph.lineage`.
    GraphError
        If no concept is given.

    Examples
    --------
    >>> from knowledge import Concept, KnowledgeGraph, Relation
    >>> graph = KnowledgeGraph()
    >>> graph.add(*(Concept(id, source="notes") for id in ["robin", "wren", "bird"]))
    >>> graph.add(*(Relation(id, "is-a", "bird", source="notes") for id in ["robin", "wren"]))
    >>> common_ancestor(graph, "robin", "wren").id
    'bird'
    """
    if not concepts:
        raise GraphError("no concept is given; a common ancestor is one of one concept or more")
    ids = tuple(dict.fromkeys(graph._id(concept) for concept in concepts))
    above = climb(graph, ids)
    shared = np.flatnonzero(np.bincount(above.top) == len(ids))
    # What is above a common ancestor is one too, so those that are not lowest are parents of one.
    parents = {p.id for i in shared for p in graph.parents(graph[above.nodes[i]])}
    total = np.bincount(above.top, weights=above.steps)
    lowest = [(total[i], above.nodes[i]) for i in shared if above.nodes[i] not in parents]
    return graph[min(lowest)[1]] if lowest else None


def taxonomy_distances(
    graph: KnowledgeGraph, concepts: Iterable[str | Concept]
) -> NDArray[np.float64]:
    """Count the is-a steps from each concept to each other, over a common ancestor.

    Up from one and down to the other, by the shortest way. Two that share a descendant but no
    ancestor are not joined by it.

    Parameters
    ----------
    graph : KnowledgeGraph
        Where the is-a relations are.
    concepts : iterable of str or Concept
        A few thousand at most: the result is a square.

    Returns
    -------
    ndarray, shape (concepts, concepts)
        Steps; 0 on the diagonal, infinite where nothing is above both.

    Raises
    ------
    ConceptNotFound, AmbiguousName, CyclicGraph
        As in `KnowledgeGraph.lineage`.
    GraphError
        If a concept is given twice.

    Examples
    --------
    >>> from knowledge import Concept, KnowledgeGraph, Relation
    >>> graph = KnowledgeGraph()
    >>> graph.add(*(Concept(id, source="notes") for id in ["robin", "wren", "bird"]))
    >>> graph.add(*(Relation(id, "is-a", "bird", source="notes") for id in ["robin", "wren"]))
    >>> taxonomy_distances(graph, ["robin", "wren", "bird"])
    array([[0., 2., 1.],
           [2., 0., 1.],
           [1., 1., 0.]])
    """
    ids = distinct_ids(graph, concepts)
    found = np.full((len(ids), len(ids)), np.inf)
    if not ids:
        return found
    above = climb(graph, ids)
    ends = np.flatnonzero(np.diff(above.top, append=-1)) + 1
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        below = np.ix_(above.bottom[start:end], above.bottom[start:end])
        steps = above.steps[start:end]
        found[below] = np.minimum(found[below], steps[:, None] + steps)
    return found


def _depths(parents: dict[str, list[str]]) -> dict[str, int]:
    down = nx.DiGraph()
    down.add_nodes_from(parents)
    down.add_edges_from((up, id) for id, ups in parents.items() for up in ups)
    try:
        generations = list(nx.topological_generations(down))
    except nx.NetworkXUnfeasible:
        circle = [edge[1] for edge in nx.find_cycle(down)]
        listed = ", ".join(map(repr, sorted(circle)[:_MOST_LISTED]))
        raise CyclicGraph(
            f"is-a runs in a circle of {len(circle)}: {listed}; take one of these relations out; "
            f"validate lists every circle"
        ) from None
    return {id: depth for depth, row in enumerate(generations) for id in row}
