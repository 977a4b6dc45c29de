"""The graph: concepts, attributes and parts, and what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from knowledge.errors import CyclicGraph
from knowledge.facts import Facts

if TYPE_CHECKING:
    from knowledge.concept import Concept, Text
    from knowledge.validation import Finding

__all__ = ["KnowledgeGraph"]

_MOST_LISTED = 10


class KnowledgeGraph(Facts):
    """Concepts and the relations between them, each with its source.

    It wraps a `networkx.MultiDiGraph`, not a DiGraph: two sources may each say something of the
    same two concepts, and a bird may be black on the wing and, less surely, on the tail. Every
    fact is an edge of its own; what contradicts is kept and reported by `validate`.

    Wherever a concept is asked for, it may be given as a `Concept`, by id or by name: an exact id
    of a concept comes first, then names as `find` reads them, then the id of an attribute or part.

    Examples
    --------
    >>> from knowledge import Concept, KnowledgeGraph, Relation
    >>> graph = KnowledgeGraph()
    >>> notes = {"source": "field notes"}
    >>> graph.add(
    ...     Concept("robin", common=["European robin"], rank="species", **notes),
    ...     Concept("bird", rank="class", **notes),
    ...     Concept("red", kind="attribute", **notes),
    ...     Relation("robin", "is-a", "bird", **notes),
    ...     Relation("robin", "has-attribute", "red", strength=0.95, **notes),
    ... )
    >>> graph.find("european ROBINS").id
    'robin'
    >>> [concept.id for concept in graph.lineage("European robin")]
    ['robin', 'bird']
    >>> graph.attributes("robin")
    {'red': 0.95}
    >>> graph.validate()
    []
    """

    def parents(self, concept: str | Concept) -> tuple[Concept, ...]:
        """Concepts it is-a, in the order they were added; a child may have several."""
        return tuple(self[id] for id in self._parent_ids(self._id(concept)))

    def children(self, concept: str | Concept) -> tuple[Concept, ...]:
        """Concepts that are-a this one, in the order they were added."""
        return tuple(self[id] for id in self._child_ids(self._id(concept)))

    def siblings(self, concept: str | Concept) -> tuple[Concept, ...]:
        """Other children of its parents, each once, in the order they were added."""
        id = self._id(concept)
        found = (child for parent in self._parent_ids(id) for child in self._child_ids(parent))
        return tuple(self[other] for other in dict.fromkeys(found) if other != id)

    def lineage(self, concept: str | Concept) -> tuple[Concept, ...]:
        """Return the concept, its parents, their parents, and so on to the root.

        With several parents, every ancestor comes once, and after all its descendants here: they
        are sorted by the longest way up from the concept, then by id. In a tree it is the path.

        Parameters
        ----------
        concept : str or Concept
            Where to begin.

        Returns
        -------
        tuple of Concept
            From the concept itself, the most special, to the most general.

        Raises
        ------
        CyclicGraph
            If the way up comes back to where it has been.
        ConceptNotFound
            If the way up leads to an id that was never added.
        """
        begin = self._id(concept)
        above: dict[str, list[str]] = {}
        waiting = {begin: 0}  # how many children in the lineage have not been placed yet
        queue = [begin]
        for id in queue:
            above[id] = self._parent_ids(id)
            for parent in above[id]:
                if parent not in waiting:
                    queue.append(parent)
                waiting[parent] = waiting.get(parent, 0) + 1
        steps = {} if waiting[begin] else {begin: 0}
        ready = list(steps)
        for id in ready:
            for parent in above[id]:
                steps[parent] = max(steps.get(parent, 0), steps[id] + 1)
                waiting[parent] -= 1
                if not waiting[parent]:
                    ready.append(parent)
        if len(ready) < len(queue):
            stuck = sorted(set(queue) - set(ready))[:_MOST_LISTED]
            raise CyclicGraph(
                f"the lineage of {begin!r} runs in a circle, at or below {', '.join(stuck)}: take "
                f"one is-a relation out; validate lists every circle"
            )
        return tuple(self[id] for id in sorted(ready, key=lambda id: (steps[id], id)))

    def roots(self) -> tuple[Concept, ...]:
        """Concepts without a parent, in the order they were added."""
        return tuple(c for c in self.concepts() if not self._parent_ids(c.id))

    def leaves(self) -> tuple[Concept, ...]:
        """Concepts without a child, in the order they were added."""
        return tuple(c for c in self.concepts() if not self._child_ids(c.id))

    def attributes(
        self, concept: str | Concept, *, part: str | None = None, inherited: bool = False
    ) -> dict[str, float]:
        """Attributes of a concept and how far it has them.

        Where several sources speak of the same attribute of the same part, their mean counts;
        over parts, the largest.

        Parameters
        ----------
        concept : str or Concept
            Whose attributes.
        part : str, optional
            Id of a part, ``""`` for the whole: only what is said of it. All if not given.
        inherited : bool, default=False
            Whether to take in the lineage's: the nearest that speaks of an attribute counts.

        Returns
        -------
        dict of str to float
            Id of the attribute to its strength, 0 (known not to) to 1. What nobody spoke of is
            not in it.

        Raises
        ------
        ConceptNotFound, AmbiguousName
            As in `find`.

        Examples
        --------
        >>> from knowledge import Concept, KnowledgeGraph, Relation
        >>> graph = KnowledgeGraph()
        >>> graph.add(Concept("magpie", source="notes"))
        >>> for strength, place in [(1.0, "tail"), (0.6, "wing"), (0.8, "wing")]:
        ...     graph.add(Relation("magpie", "has-attribute", "black", strength=strength,
        ...                        part=place, source="notes"))
        >>> graph.attributes("magpie"), graph.attributes("magpie", part="wing")
        ({'black': 1.0}, {'black': 0.7})
        """
        owners = self.lineage(concept) if inherited else (self[self._id(concept)],)
        found: dict[str, float] = {}
        for owner in reversed(owners):
            said: dict[str, dict[str, list[float]]] = {}
            for fact in self.relations(owner, kind="has-attribute"):
                if part in (None, fact.part):
                    said.setdefault(fact.target, {}).setdefault(fact.part, []).append(fact.strength)
            for attribute, parts in said.items():
                found[attribute] = max(sum(s) / len(s) for s in parts.values())
        return found

    def descriptions(
        self, concept: str | Concept, *, language: str | None = None
    ) -> tuple[Text, ...]:
        """What a concept looks like, in words.

        Parameters
        ----------
        concept : str or Concept
            What to describe.
        language : str, optional
            Only descriptions in this language.

        Returns
        -------
        tuple of Text
            Each with its language and source.
        """
        texts = self[self._id(concept)].descriptions
        return tuple(text for text in texts if language in (None, text.language))

    def validate(self) -> list[Finding]:
        """Look for what is missing, doubtful or contradictory; see `knowledge.validation`."""
        from knowledge.validation import findings

        return findings(self)

    def to_networkx(self) -> Any:
        """Copy into a `networkx.MultiDiGraph` of plain values; see `knowledge.plain_graph`."""
        from knowledge.plain_graph import to_plain

        return to_plain(self._graph)

    @classmethod
    def from_networkx(cls, graph: Any, *, source: str = "networkx") -> KnowledgeGraph:
        """Take in a networkx graph, one of `to_networkx` or any other with directed edges.

        An edge runs from child to parent, from whole to part, from concept to attribute; turn a
        graph from parent to child round first, by its ``reverse()``. Its key
        ``"relation"`` says which (default ``"is-a"``), beside ``strength``, ``part`` and
        ``source``. A node may have the fields of `Concept`; a ``name`` or ``label`` becomes a
        common name where none is given. All other keys are kept as they are.

        Parameters
        ----------
        graph : networkx.DiGraph or networkx.MultiDiGraph
            It is not changed. A node that is no string becomes one.
        source : str, default="networkx"
            Source of every fact that does not name its own.

        Returns
        -------
        KnowledgeGraph
            The same in our terms.

        Raises
        ------
        GraphError
            If the graph has no directions, or a node or an edge says what cannot be.

        Examples
        --------
        >>> import networkx as nx
        >>> plain = nx.DiGraph()
        >>> plain.add_edge("robin", "bird")
        >>> plain.add_edge("robin", "red", relation="has-attribute", strength=0.95)
        >>> graph = KnowledgeGraph.from_networkx(plain, source="a friend")
        >>> [concept.id for concept in graph.parents("robin")], graph.attributes("robin")
        (['bird'], {'red': 0.95})
        """
        from knowledge.plain_graph import from_plain

        new = cls()
        new._graph = from_plain(graph, source)
        new._unindexed = list(new.concepts(kind=None))
        return new

    def _parent_ids(self, id: str) -> list[str]:
        return [other for other, edges in self._graph._adj[id].items() if _is_a(edges)]

    def _child_ids(self, id: str) -> list[str]:
        return [other for other, edges in self._graph._pred[id].items() if _is_a(edges)]


def _is_a(edges: Any) -> bool:
    return any(data["relation"].kind == "is-a" for data in edges.values())
