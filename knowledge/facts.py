"""Where a graph keeps its concepts and relations, and how they are found again."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import networkx as nx

from knowledge.concept import Concept, Relation
from knowledge.errors import AmbiguousName, ConceptNotFound, GraphError
from knowledge.names import NameIndex, say_nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Facts"]

_MOST_LISTED = 10


class Facts:
    """Concepts and relations, what adds them and what finds them: the lower half of a graph."""

    def __init__(self) -> None:
        # Nodes hold "concept" (absent while only relations speak of it), edges "relation"; other
        # keys are a user's own.
        self._graph: Any = nx.MultiDiGraph()
        self._indexes: dict[str, NameIndex] = {}
        self._unindexed: list[Concept] = []

    def __len__(self) -> int:
        """Concepts, attributes and parts, all together."""
        return sum("concept" in data for data in self._graph._node.values())

    def __contains__(self, id: object) -> bool:
        return id in self._graph and "concept" in self._graph._node[id]

    def __getitem__(self, id: str) -> Concept:
        """Concept, attribute or part of exactly this id."""
        try:
            concept: Concept = self._graph._node[id]["concept"]
        except KeyError:
            raise ConceptNotFound(
                f"{id!r} is no id in this graph: add a Concept of that id, or use find to look "
                f"for a name{self._who_speaks_of(id)}"
            ) from None
        return concept

    def __eq__(self, other: object) -> bool:
        """Whether both say the same, in any order, a user's own attributes included."""
        if not isinstance(other, Facts):
            return NotImplemented
        mine, others = self._graph, other._graph
        if mine.graph != others.graph or dict(mine.nodes.data()) != dict(others.nodes.data()):
            return False
        if mine.number_of_edges() != others.number_of_edges():
            return False
        for start, ends in mine.adj.items():
            for end, edges in ends.items():
                rest = [*(others.get_edge_data(start, end) or {}).values()]
                for data in edges.values():
                    if data not in rest:
                        return False
                    rest.remove(data)
        return True

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"KnowledgeGraph({len(self)} concepts, {self._graph.number_of_edges()} relations)"

    def add(self, *facts: Concept | Relation) -> None:
        """Add concepts and relations, in any order; all of them or, after an error, none.

        A relation may speak of an id that comes later. One that never comes is reported by
        `validate`. A concept that is there already, the same in every field, changes nothing.

        Parameters
        ----------
        *facts : Concept or Relation
            What to add.

        Raises
        ------
        GraphError
            If a concept of the same id but other content is there, or a fact is neither.

        Examples
        --------
        >>> from knowledge import KnowledgeGraph
        >>> graph = KnowledgeGraph()
        >>> graph.add(Concept("rose", source="garden"), Concept("plant", source="garden"))
        >>> graph.add(Relation("rose", "is-a", "plant", source="garden"))
        >>> graph
        KnowledgeGraph(2 concepts, 1 relations)
        """
        nodes = self._graph._node
        new: dict[str, Concept] = {}
        for fact in facts:
            if isinstance(fact, Concept):
                known = new.get(fact.id) or nodes.get(fact.id, {}).get("concept")
                if known is None:
                    new[fact.id] = fact
                elif known != fact:
                    raise GraphError(
                        f"a concept {fact.id!r} is there already{_place(known)} and differs from "
                        f"the one to be added{_place(fact)}: give it another id, or change the "
                        f"first by replace"
                    )
            elif not isinstance(fact, Relation):
                raise GraphError(f"cannot add {fact!r}: give a Concept or a Relation")
        for concept in new.values():
            self._graph.add_node(concept.id, concept=concept)
        self._unindexed.extend(new.values())
        for fact in facts:
            if isinstance(fact, Relation):
                self._graph.add_edge(fact.subject, fact.target, relation=fact)

    def replace(self, concept: Concept) -> None:
        """Put a concept in the place of the one with the same id; relations stay.

        Parameters
        ----------
        concept : Concept
            The new one, often made by `dataclasses.replace`.

        Raises
        ------
        ConceptNotFound
            If there is none of that id.
        GraphError
            If it is not a Concept.

        Examples
        --------
        >>> from dataclasses import replace
        >>> from knowledge import KnowledgeGraph
        >>> graph = KnowledgeGraph()
        >>> graph.add(Concept("rose", source="garden"))
        >>> graph.replace(replace(graph["rose"], rank="genus"))
        >>> graph.find("rose").rank
        'genus'
        """
        if not isinstance(concept, Concept):
            raise GraphError(f"cannot replace by {concept!r}: give a Concept")
        old = self[concept.id]
        self._graph._node[concept.id]["concept"] = concept
        if (old.kind, old.names) != (concept.kind, concept.names):
            self._indexes.clear()
            self._unindexed = list(self.concepts(kind=None))

    def find(self, name: str, *, kind: str = "concept") -> Concept:
        """Find the one concept of this id or name.

        An exact id comes first. Then case, accents, hyphens, apostrophes and spaces are folded;
        if no name is the same even then, plurals are.

        Parameters
        ----------
        name : str
            An id or a name in any language.
        kind : {"concept", "attribute", "part"}
            Which kind to look among.

        Returns
        -------
        Concept
            The only one that bears the name.

        Raises
        ------
        ConceptNotFound
            If none does; the message gives the nearest names.
        AmbiguousName
            If several do; the message lists their ids.

        Examples
        --------
        >>> from knowledge import KnowledgeGraph
        >>> graph = KnowledgeGraph()
        >>> graph.add(Concept("n01558594", common=["Black-headed gull"], source="checklist"))
        >>> graph.find("black headed gulls").id
        'n01558594'
        >>> graph.find("black headed gulf")
        Traceback (most recent call last):
        ...
        knowledge.errors.ConceptNotFound: no concept is called 'black headed gulf'; the nearest
        is 'black headed gull'
        """
        if not isinstance(name, str):
            raise GraphError(f"a name is a string, not {name!r}")
        if name in self and self[name].kind == kind:
            return self[name]
        index = self._index(kind)
        ids = index.ids(name)
        if len(ids) == 1:
            return self[ids[0]]
        if ids:
            listed = ", ".join(repr(id) + _rank(self[id]) for id in ids[:_MOST_LISTED])
            more = f" and {len(ids) - _MOST_LISTED} more" if len(ids) > _MOST_LISTED else ""
            raise AmbiguousName(
                f"{len(ids)} {kind}s are called {name!r}: {listed}{more}. Give the id of one"
            )
        hint = say_nearest(index.nearest(name)) or "; nothing is near it"
        raise ConceptNotFound(f"no {kind} is called {name!r}{hint}")

    def concepts(self, *, kind: str | None = "concept") -> tuple[Concept, ...]:
        """All of a kind, in the order they were added.

        Parameters
        ----------
        kind : {"concept", "attribute", "part"} or None
            Which kind; None for all three.

        Returns
        -------
        tuple of Concept
            Without those that relations speak of and nobody added.
        """
        found = (data.get("concept") for data in self._graph._node.values())
        return tuple(c for c in found if c is not None and kind in (None, c.kind))

    def relations(
        self, concept: str | Concept | None = None, *, kind: str | None = None
    ) -> Iterator[Relation]:
        """Facts, one after the other.

        Parameters
        ----------
        concept : str or Concept, optional
            Only facts of which it is the subject.
        kind : {"is-a", "has-part", "has-attribute", "similar-to"}, optional
            Only facts of this kind.

        Yields
        ------
        Relation
            In the order of the concepts.
        """
        adjacent = self._graph._adj
        rows = adjacent.values() if concept is None else [adjacent[self._id(concept)]]
        edges = chain.from_iterable(row.values() for row in rows)
        for data in chain.from_iterable(edge.values() for edge in edges):
            if kind is None or data["relation"].kind == kind:
                yield data["relation"]

    def _index(self, kind: str) -> NameIndex:
        for concept in self._unindexed:
            self._indexes.setdefault(concept.kind, NameIndex()).add(concept)
        self._unindexed.clear()
        return self._indexes.get(kind) or NameIndex()

    def _id(self, concept: str | Concept) -> str:
        """Id of a concept given by itself, by id or by name; it is in the graph."""
        if isinstance(concept, Concept):
            return self[concept.id].id
        if concept in self and (
            self[concept].kind == "concept" or not self._index("concept").ids(concept)
        ):
            return concept
        return self.find(concept).id

    def _who_speaks_of(self, id: str) -> str:
        if id not in self._graph:
            return ""
        first = next(iter(self._edges_at(id)))
        return f" ({first.subject!r} {first.kind} {first.target!r} speaks of it{_place(first)})"

    def _edges_at(self, id: str) -> Iterable[Relation]:
        for row in (*self._graph._pred[id].values(), *self._graph._adj[id].values()):
            for data in row.values():
                yield data["relation"]


def _place(fact: Concept | Relation) -> str:
    return f" ({fact.where})" if fact.where else ""


def _rank(concept: Concept) -> str:
    return f" ({concept.rank})" if concept.rank else ""
