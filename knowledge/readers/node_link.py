"""Node-link JSON, as networkx and d3 write it: ``{"nodes": [...], "links": [...]}``.

``source`` and ``target`` of an edge are its two ends there; so an edge's own source cannot be
said, and the file's name takes its place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import networkx as nx

from knowledge.errors import FormatError
from knowledge.readers.contents import whole_text
from knowledge.readers.json_items import check_json, items
from knowledge.readers.plain_graphs import check_ends, take_in

if TYPE_CHECKING:
    from pathlib import Path

    from knowledge.graph import KnowledgeGraph
    from knowledge.readers.sample import Sample

__all__ = ["matches", "read"]

_BEGIN = re.compile(
    r'\{\s*"((directed|multigraph)"\s*:\s*(true|false)|graph"\s*:\s*\{'
    r'|(nodes|links|edges)"\s*:\s*\[\s*[\]{])'
)


def matches(sample: Sample) -> bool:
    """Whether the first key is one of networkx."""
    return _BEGIN.match(sample.text) is not None


def read(path: Path) -> KnowledgeGraph:
    """Read a graph by networkx; see the module."""
    text = whole_text(path)
    data = check_json(path, text)
    name = "edges" if isinstance(data, dict) and "edges" in data else "links"
    found: dict[str, list[tuple[int, dict[str, Any]]]] = {"nodes": [], name: []}
    for key in found:
        if not isinstance(data, dict) or not isinstance(data.get(key), list):
            raise FormatError(f'{path}:1: "{key}" must be a list of objects: add it')
    for line, at, key, _ in items(text):
        for inner, _, _, value in items(text, at, line) if key in found else ():
            if not isinstance(value, dict):
                raise FormatError(f"{path}:{inner}: {value!r} in {key}; it must be an object")
            found[key].append((inner, value))
    if data.get("directed") is not True:
        raise FormatError(
            f'{path}:1: the edges have no direction: say "directed": true, from child to parent'
        )
    nodes = [(line, node.get("id", "")) for line, node in found["nodes"]]
    edges = [(line, edge.get("source"), edge.get("target")) for line, edge in found[name]]
    check_ends(path, nodes, edges)
    try:
        plain = nx.node_link_graph({**data, "multigraph": True}, edges=name)
    except (nx.NetworkXError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise FormatError(f"{path}:1: no node-link JSON: {error}: correct it") from None
    return take_in(path, plain, nodes, edges)
