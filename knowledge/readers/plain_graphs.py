"""From networkx graphs that came out of a file, with the lines of their nodes and edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx

from knowledge.concept import RELATIONS
from knowledge.errors import FormatError, GraphError
from knowledge.graph import KnowledgeGraph

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["check_ends", "take_in"]


def check_ends(
    path: Path, nodes: Sequence[tuple[int, object]], edges: Sequence[tuple[int, object, object]]
) -> None:
    """Refuse a node that is there twice, and an edge to none that is there.

    Parameters
    ----------
    path : Path
        The file.
    nodes : sequence of (int, object)
        Line and id of each node.
    edges : sequence of (int, object, object)
        Line and both ends of each edge.

    Raises
    ------
    FormatError
        At the first of them.
    """
    lines: dict[object, int] = {}
    for line, id in nodes:
        if not isinstance(id, (str, int, float)) or id == "":
            raise FormatError(f"{path}:{line}: a node's id is {id!r}; it must be a text: give one")
        if id in lines:
            raise FormatError(
                f"{path}:{line}: the node {id!r} is there already, line {lines[id]}: take one out"
            )
        lines[id] = line
    for line, *ends in edges:
        for id in ends:
            if not isinstance(id, (str, int, float)) or id not in lines:
                raise FormatError(
                    f"{path}:{line}: an edge ends at {id!r}, which is no node of the file: add the "
                    f"node, or take the edge out"
                )


def take_in(
    path: Path,
    plain: Any,
    nodes: Sequence[tuple[int, object]],
    edges: Sequence[tuple[int, object, object]],
) -> KnowledgeGraph:
    """Turn a networkx graph into ours.

    Parameters
    ----------
    path : Path
        The file it came from.
    plain : networkx.MultiDiGraph
        The graph; it is changed: the place of every fact is noted in it.
    nodes, edges
        As in `check_ends`.

    Returns
    -------
    KnowledgeGraph
        The same in our terms.

    Raises
    ------
    FormatError
        If a node or an edge says what cannot be.
    """
    lines = {id: line for line, id in nodes}
    waiting: dict[tuple[object, object], list[int]] = {}
    for line, start, end in reversed(edges):
        waiting.setdefault((start, end), []).append(line)
    for id, data in plain.nodes.data():
        data["where"] = f"{path}:{lines[id]}"
    keyed = [*plain.edges(keys=True, data=True)]
    plain.remove_edges_from([(start, end, key) for start, end, key, _ in keyed])
    for start, end, key, data in keyed:  # "e12" names an edge and is no kind of relation
        meant = key if str(key).replace("_", "-") in RELATIONS else None
        data["where"] = f"{path}:{waiting[start, end].pop()}"
        plain.edges[start, end, plain.add_edge(start, end, meant)].update(data)
    try:
        return KnowledgeGraph.from_networkx(plain, source=path.name)
    except (GraphError, TypeError) as error:
        place, said = f"{path}:1", error
        for one in _pieces(plain):
            try:
                KnowledgeGraph.from_networkx(one, source=path.name)
            except (GraphError, TypeError) as first:  # noqa: PERF203
                data = [*(d for *_, d in one.edges(data=True)), *(d for _, d in one.nodes.data())]
                place, said = str(data[0]["where"]), first
                break
        raise FormatError(f"{place}: {said}") from None


def _pieces(plain: Any) -> Any:
    """Graphs of one node or one edge each."""
    for id, data in plain.nodes.data():
        one = nx.DiGraph()
        one.add_node(id)
        one.nodes[id].update(data)
        yield one
    for start, end, key, data in plain.edges(keys=True, data=True):
        one = nx.MultiDiGraph()
        one.edges[start, end, one.add_edge(start, end, key)].update(data)
        yield one
