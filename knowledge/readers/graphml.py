"""GraphML: nodes and directed edges, with what `KnowledgeGraph.from_networkx` knows as keys."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import networkx as nx

from knowledge.errors import FormatError
from knowledge.readers.contents import whole_bytes
from knowledge.readers.plain_graphs import check_ends, take_in
from knowledge.readers.xml_elements import Element, elements, first_element

if TYPE_CHECKING:
    from pathlib import Path

    from knowledge.graph import KnowledgeGraph
    from knowledge.readers.sample import Sample

__all__ = ["matches", "read"]


def matches(sample: Sample) -> bool:
    """Whether the first element is graphml."""
    return first_element(sample.text) == "graphml"


def read(path: Path) -> KnowledgeGraph:
    """Read a graph by networkx; see the module."""
    data = whole_bytes(path)
    tags = elements(data, str(path))  # before networkx sees it: no entities, no depth
    nodes = [(tag.line, tag.attributes.get("id", "")) for tag in tags if tag.name == "node"]
    edges = [
        (tag.line, tag.attributes.get("source", ""), tag.attributes.get("target", ""))
        for tag in tags
        if tag.name == "edge"
    ]
    check_ends(path, nodes, edges)
    _check_values(path, tags)
    graphs = [tag for tag in tags if tag.name == "graph"]
    if len(graphs) != 1:
        raise FormatError(f"{path}:1: {len(graphs)} graphs; it must be one: split the file")
    if graphs[0].attributes.get("edgedefault") != "directed":
        raise FormatError(
            f'{path}:{graphs[0].line}: the edges have no direction: say edgedefault="directed", '
            f"from child to parent"
        )
    try:
        plain = nx.read_graphml(io.BytesIO(data), force_multigraph=True)
    except (nx.NetworkXError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise FormatError(f"{path}:1: no GraphML: {error}: correct it") from None
    for name in ("node_default", "edge_default"):  # of networkx; they are in the nodes already
        plain.graph.pop(name, None)
    return take_in(path, plain, nodes, edges)


def _check_values(path: Path, tags: list[Element]) -> None:
    """Refuse values of keys that are not declared, and numbers that are none."""
    types = {
        tag.attributes.get("id"): tag.attributes.get("attr.type", "string")
        for tag in tags
        if tag.name == "key"
    }
    for tag in tags:
        if tag.name != "data":
            continue
        key = tag.attributes.get("key")
        if key not in types:
            raise FormatError(f"{path}:{tag.line}: the key {key!r} is not declared: add a <key>")
        if types[key] in ("int", "long", "float", "double"):
            try:
                float(tag.text)
            except ValueError:
                raise FormatError(
                    f"{path}:{tag.line}: {tag.text!r} is no {types[key]}: correct the number"
                ) from None
