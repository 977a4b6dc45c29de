"""From and to networkx graphs whose nodes and edges hold plain values.

Only what differs from a field's default is written, and the source always. A user's own keys
travel along untouched.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import networkx as nx

from knowledge.concept import RELATIONS, Concept, Relation, Text
from knowledge.errors import GraphError

__all__ = [
    "EDGE_KEYS",
    "NODE_KEYS",
    "from_plain",
    "plain_concept",
    "plain_relation",
    "plain_texts",
    "to_plain",
]

NODE_KEYS = tuple(f.name for f in fields(Concept) if f.name != "id")
EDGE_KEYS = ("relation", "strength", "part", "source", "where")
_LISTS = ("common", "scientific", "synonyms")
_TEXTS = ("other_names", "descriptions")
_TARGETS = {"has-attribute": "attribute", "has-part": "part"}
_DEFAULTS = {
    f.name: f.default for f in (*fields(Concept), *fields(Relation)) if f.default is not MISSING
}


def plain_concept(concept: Concept) -> dict[str, Any]:
    """Fields of a concept that say something, without its id; names as lists, texts as dicts."""
    found: dict[str, Any] = {}
    for name in NODE_KEYS:
        value = getattr(concept, name)
        if value == _DEFAULTS.get(name):
            continue
        if name in _TEXTS:
            value = [{"text": t.text, "language": t.language, "source": t.source} for t in value]
        found[name] = list(value) if name in _LISTS else value
    return found


def plain_relation(relation: Relation) -> dict[str, Any]:
    """Fields of a relation that say something, without its two ends."""
    found: dict[str, Any] = {"relation": relation.kind}
    for name in EDGE_KEYS[1:]:
        value = getattr(relation, name)
        if value != _DEFAULTS.get(name):
            found[name] = value
    return found


def plain_texts(values: object, what: str) -> tuple[Text, ...]:
    """Texts from dicts of their fields."""
    if not isinstance(values, (list, tuple)):
        raise GraphError(f"{what} is {values!r}; it must be a list")
    texts = []
    for value in values:
        if isinstance(value, Text):
            texts.append(value)
        elif isinstance(value, dict) and {"text", "source"} <= set(value) <= {
            "text",
            "language",
            "source",
        }:
            texts.append(Text(**value))
        else:
            raise GraphError(
                f"{what} has {value!r}; each must have the keys text and source, and may have "
                f"language"
            )
    return tuple(texts)


def to_plain(graph: Any) -> Any:
    """Copy of a graph of Concepts and Relations that has plain values in their place."""
    plain = nx.MultiDiGraph()
    plain.graph.update(graph.graph)
    for id, data in graph.nodes.data():
        own = {key: value for key, value in data.items() if key != "concept"}
        plain.add_node(id)
        plain.nodes[id].update(own)
        if "concept" not in data:  # only relations speak of it
            plain.nodes[id]["kind"] = None
            continue
        if _own_name(own):  # it is no common name, unless it is given as one
            plain.nodes[id]["common"] = []
        # The kind always: taken in again, one that is missing would be told by the relations.
        plain.nodes[id].update({**plain_concept(data["concept"]), "kind": data["concept"].kind})
    for start, end, key, data in graph.edges(keys=True, data=True):
        own = {k: value for k, value in data.items() if k != "relation"}
        plain.add_edge(start, end, key)
        plain.edges[start, end, key].update({**own, **plain_relation(data["relation"])})
    return plain


def from_plain(graph: Any, source: str) -> Any:
    """Copy of a networkx graph with Concepts and Relations in place of plain values."""
    if not isinstance(graph, nx.Graph) or not graph.is_directed():
        raise GraphError(
            f"cannot take in a {type(graph).__name__}: edges must run from child to parent, so "
            f"give a networkx.DiGraph or MultiDiGraph"
        )
    ids = {node: str(node) for node in graph}
    if len(set(ids.values())) < len(ids):
        twice = next(n for n, id in ids.items() if not isinstance(n, str) and id in graph)
        raise GraphError(
            f"nodes {twice!r} and {str(twice)!r} would have the same id: relabel one of them"
        )
    new = nx.MultiDiGraph()
    new.graph.update(graph.graph)
    edges = []
    kinds: dict[str, str] = {}  # of nodes that do not say so themselves
    for start, end, *key, data in graph.edges(
        data=True, **({"keys": True} if graph.is_multigraph() else {})
    ):
        fact, own = _relation(ids[start], ids[end], data, key[0] if key else None, source)
        edges.append((fact, key[0] if key else None, own))
        if fact.kind in _TARGETS:
            kinds[fact.target] = _TARGETS[fact.kind]
        if fact.part:
            kinds[fact.part] = "part"
    for node, data in graph.nodes.data():
        new.add_node(ids[node])
        new.nodes[ids[node]].update(_concept(ids[node], data, kinds, source))
    for fact, key, own in edges:
        key = new.add_edge(fact.subject, fact.target, key)
        new.edges[fact.subject, fact.target, key].update({**own, "relation": fact})
    return new


def _concept(id: str, data: dict[Any, Any], kinds: dict[str, str], source: str) -> dict[Any, Any]:
    """Attributes of a node: its Concept, and what the user keeps there beside it."""
    given = {name: data[name] for name in NODE_KEYS if name in data}
    own = {key: value for key, value in data.items() if key not in NODE_KEYS}
    if "concept" in own:
        raise GraphError(f"node {id!r} has the key 'concept', which is ours: rename it")
    for name in _LISTS:
        if isinstance(given.get(name), str):
            given[name] = (given[name],)
    for name in _TEXTS:
        if name in given:
            given[name] = plain_texts(given[name], f"{name} of node {id!r}")
    if "kind" in given and given["kind"] is None:
        return own
    named = _own_name(own)
    if named and named != id:
        given.setdefault("common", (named,))
    if "kind" not in given and id in kinds:
        given["kind"] = kinds[id]
    given.setdefault("source", source)
    return {**own, "concept": Concept(id, **given)}


def _own_name(own: dict[Any, Any]) -> str:
    """Name that a user keeps under a key of the usual ones, if it says anything."""
    named = own.get("name") or own.get("label")
    return named if isinstance(named, str) and not named.isspace() else ""


def _relation(
    start: str, end: str, data: dict[Any, Any], key: object, source: str
) -> tuple[Relation, dict[Any, Any]]:
    """One edge's Relation, and what the user keeps there beside it."""
    given = {name: data[name] for name in EDGE_KEYS[1:] if name in data}
    own = {k: v for k, v in data.items() if k not in EDGE_KEYS}
    kind = data.get("relation", key if isinstance(key, str) else "is-a")
    hyphened = str(kind).replace("_", "-")
    if hyphened not in RELATIONS:
        raise GraphError(
            f"the edge from {start!r} to {end!r} has the relation {kind!r}; it must be one of "
            f"{RELATIONS}: rename it, or leave such edges out"
        )
    given.setdefault("source", source)
    return Relation(start, hyphened, end, **given), own
