"""What is missing, doubtful or contradictory in a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx

from knowledge.concept import KINDS, Concept, Relation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from knowledge.graph import KnowledgeGraph

__all__ = ["Finding", "findings"]

_MOST_SHOWN = 8
_TARGETS = {"has-attribute": "attribute", "has-part": "part"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at.

    Parameters
    ----------
    kind : str
        ``"contradictory-strength"``, ``"cycle"``, ``"dangling-id"``, ``"duplicate-name"``,
        ``"duplicate-relation"``, ``"missing-rank"``, ``"reversed-tree"``, ``"self-loop"`` or
        ``"wrong-kind"``.
    message : str
        What it is, with ids.
    where : str, default=""
        Files and lines, joined by ``", "``, where they are known.

    Examples
    --------
    >>> print(Finding("self-loop", "'rose' is-a itself", "plants.csv:3"))
    plants.csv:3: self-loop: 'rose' is-a itself
    """

    kind: str
    message: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.kind}: {self.message}".removeprefix(": ")


def findings(graph: KnowledgeGraph) -> list[Finding]:
    """Check a graph; whatever is in it, this lists it and raises nothing.

    Parameters
    ----------
    graph : KnowledgeGraph
        The graph to check.

    Returns
    -------
    list of Finding
        Sorted by kind. Empty if there is nothing to say. ``duplicate-name`` is about names within
        one kind after folding; ``contradictory-strength`` about the same attribute of the same
        part of one concept, whatever the sources; ``reversed-tree`` about is-a relations that
        run from parent to child.

    Examples
    --------
    >>> from knowledge import Concept, KnowledgeGraph, Relation
    >>> graph = KnowledgeGraph()
    >>> graph.add(Concept("rose", rank="genus", source="garden"))
    >>> graph.add(Relation("rose", "is-a", "rosids", source="garden", where="plants.csv:3"))
    >>> print(*findings(graph))
    plants.csv:3: dangling-id: 'rose' is-a 'rosids', and no concept has the id 'rosids'
    """
    concepts = {concept.id: concept for concept in graph.concepts(kind=None)}
    relations = list(graph.relations())
    found = [
        *_missing_ranks(concepts),
        *_duplicate_names(graph, concepts),
        *_ends(concepts, relations),
        *_repetitions(relations),
        *_cycles(relations),
        *_reversed_tree(relations),
    ]
    return sorted(found, key=lambda finding: finding.kind)


def _places(*facts: Concept | Relation) -> str:
    return ", ".join(dict.fromkeys(fact.where for fact in facts if fact.where))


def _missing_ranks(concepts: dict[str, Concept]) -> Iterator[Finding]:
    things = [concept for concept in concepts.values() if concept.kind == "concept"]
    without = [concept for concept in things if not concept.rank]
    if things and len(without) == len(things):
        yield Finding("missing-rank", f"none of the {len(things)} concepts has a rank")
        return
    for concept in without:
        yield Finding("missing-rank", f"{concept.id!r} has no rank", _places(concept))


def _duplicate_names(graph: KnowledgeGraph, concepts: dict[str, Concept]) -> Iterator[Finding]:
    for kind in KINDS:
        for name, ids in graph._index(kind).shared().items():
            yield Finding(
                "duplicate-name",
                f"{len(ids)} {kind}s are called {name!r}: {_listed(ids)}",
                _places(*(concepts[id] for id in ids[:_MOST_SHOWN])),
            )


def _ends(concepts: dict[str, Concept], relations: list[Relation]) -> Iterator[Finding]:
    for fact in relations:
        text = f"{fact.subject!r} {fact.kind} {fact.target!r}"
        if fact.subject == fact.target:
            yield Finding("self-loop", f"{fact.subject!r} {fact.kind} itself", _places(fact))
        for id in dict.fromkeys((fact.subject, fact.target, fact.part)):
            if id and id not in concepts:
                at = f" at {fact.part!r}" if id == fact.part else ""
                message = f"{text}{at}, and no concept has the id {id!r}"
                yield Finding("dangling-id", message, _places(fact))
        for id, kind in ((fact.target, _TARGETS.get(fact.kind)), (fact.part, "part")):
            known = concepts.get(id)
            if known is not None and kind is not None and known.kind != kind:
                message = f"{text}, and {id!r} is of kind {known.kind}, not {kind}"
                yield Finding("wrong-kind", message, _places(fact, known))


def _repetitions(relations: list[Relation]) -> Iterator[Finding]:
    groups: dict[tuple[str, ...], list[Relation]] = {}
    for fact in relations:
        key = (fact.subject, fact.kind, fact.target, fact.part)
        groups.setdefault(key, []).append(fact)
    for (subject, kind, target, part), facts in groups.items():
        if len(facts) == 1:
            continue
        text = f"{subject!r} {kind} {target!r}" + (f" at {part!r}" if part else "")
        strengths = sorted({fact.strength for fact in facts})
        if len(strengths) > 1:
            said = " and ".join(
                f"{s:g} ({_listed(sorted({f.source for f in facts if f.strength == s}))})"
                for s in strengths
            )
            yield Finding("contradictory-strength", f"{text}: {said}", _places(*facts))
        if len(set(facts)) < len(facts):
            yield Finding(
                "duplicate-relation",
                f"{text} is said more than once by one source",
                _places(*facts),
            )


def _cycles(relations: list[Relation]) -> Iterator[Finding]:
    up = {(f.subject, f.target): f for f in relations if f.kind == "is-a" and f.subject != f.target}
    tree = nx.DiGraph(list(up))
    for knot in nx.strongly_connected_components(tree):
        if len(knot) > 1:
            way = nx.find_cycle(tree.subgraph(knot), min(knot))
            facts = [up[step] for step in way]
            ids = [start for start, _ in way]
            more = f" (one of the circles among {len(knot)})" if len(knot) > len(way) else ""
            message = f"is-a runs in a circle{more}: {_listed(ids)}"
            yield Finding("cycle", message, _places(*facts))


def _reversed_tree(relations: list[Relation]) -> Iterator[Finding]:
    """Find trees upside down: several concepts branch upwards, none downwards, to one below all."""
    up: dict[str, set[str]] = {}
    down: dict[str, set[str]] = {}
    for fact in relations:
        if fact.kind == "is-a" and fact.subject != fact.target:
            up.setdefault(fact.subject, set()).add(fact.target)
            down.setdefault(fact.target, set()).add(fact.subject)
    branching = [id for id, parents in up.items() if len(parents) > 1]
    lowest = [id for id in up if id not in down]
    if len(branching) > 1 and len(lowest) == 1 and all(len(ids) == 1 for ids in down.values()):
        yield Finding(
            "reversed-tree",
            f"everything is above {lowest[0]!r} and nothing has two children: is-a runs from child "
            f"to parent, so turn the relations round if {lowest[0]!r} is the root",
        )


def _listed(ids: list[str]) -> str:
    more = [f"and {len(ids) - _MOST_SHOWN} more"] if len(ids) > _MOST_SHOWN else []
    return ", ".join([*map(repr, ids[:_MOST_SHOWN]), *more])
