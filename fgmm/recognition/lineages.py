"""The graph a recogniser reads: a copy of the one it was given, with what was said of species."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from scipy import sparse

from fgmm.candidates import Candidates
from fgmm.class_knowledge import ClassKnowledge
from fgmm.class_knowledge.concepts import common_word
from fgmm.class_knowledge.evidence import Evidence, evidence_of_words
from fgmm.errors import LibraryError
from knowledge import Concept, KnowledgeGraph, Relation
from knowledge.errors import ConceptNotFound, CyclicGraph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fgmm.embeddings import Embeddings
    from fgmm.encoders.base import Encoder
    from fgmm.library import Collection, Species

__all__ = ["knowledge_of", "some_of"]

_SOURCE = "you"


def knowledge_of(
    graph: KnowledgeGraph | None,
    collection: Collection,
    encoder: Encoder | None,
    concept: str | None,
) -> tuple[KnowledgeGraph, ClassKnowledge] | None:
    """Read what a graph says of species, and what was said when they were added.

    Parameters
    ----------
    graph : KnowledgeGraph or None
        It stays as it is: attributes and parents go into a copy, with the source "you". What is
        said of a species' attribute takes the place of what the graph says of that attribute of
        it, of all its parts; a parent comes beside those of the graph.
    collection : Collection
    encoder : Encoder or None
        Reads attributes as texts; without one a graph still tells lineages.
    concept : str or None
        What all species are.

    Returns
    -------
    tuple or None
        The copy, and what it says; None where nothing is known of any species.

    Raises
    ------
    LibraryError
        If two species are one concept.
    AmbiguousName
        If a name is that of several concepts.
    GraphError
        If the strength of an attribute is not from 0 to 1.
    CyclicGraph
        If a species is to be a kind of what is a kind of it, or of itself.
    """
    told = [one for one in collection if one.parent or one.attributes]
    if graph is None and not told:
        return None
    own = KnowledgeGraph()
    if graph is not None:
        said = {pair for one in told for pair in _attributes_said(graph, one)}
        kept = (fact for fact in graph.relations() if (fact.subject, fact.target) not in said)
        own.add(*graph.concepts(kind=None), *kept)
    for one in told:
        _add_facts(own, one)
    ids = tuple(_find(own, one.all_names) for one in collection)
    _refuse_shared(collection, ids)
    if not any(ids):
        return None
    named = Candidates(
        tuple(one.name for one in collection), tuple(one.all_names for one in collection)
    )
    if encoder is None:
        none = sparse.csr_array((len(ids), 0))
        evidence = Evidence((), (), none, none, _no_columns, "")
    else:
        evidence = evidence_of_words(encoder, own, ids, concept or common_word(own, ids))
    return own, ClassKnowledge(own, named, evidence, ids)


def some_of(
    graph: KnowledgeGraph, knowledge: ClassKnowledge, labels: Sequence[str], rows: Sequence[int]
) -> ClassKnowledge | None:
    """Give the same for some of the species; None where nothing is known of them."""
    ids = tuple(knowledge.ids[row] for row in rows)
    if not any(ids):
        return None
    all_of = knowledge.evidence
    chosen: Any = list(rows)
    evidence = Evidence(
        all_of.says,
        all_of.about,
        all_of.strengths[chosen],
        all_of.weights[chosen],
        all_of.scores,
        all_of.space,
    )
    named = Candidates(tuple(labels), tuple((label,) for label in labels))
    return ClassKnowledge(graph, named, evidence, ids)


def _no_columns(pictures: Embeddings) -> Tensor:
    return torch.zeros(len(pictures), 0)


def _attributes_said(graph: KnowledgeGraph, species: Species) -> list[tuple[str, str | None]]:
    """List ids of a species and of those attributes the graph has that something is said of."""
    id = _find(graph, species.all_names)
    if id is None:
        return []
    return [(id, _find(graph, (name,), kind="attribute")) for name in species.attributes]


def _add_facts(graph: KnowledgeGraph, species: Species) -> None:
    id = _find(graph, species.all_names)
    if id is None:
        id = _free_id(graph, species.name)
        graph.add(Concept(id, common=species.all_names, source=_SOURCE))
    if species.parent is not None:
        parent = _find(graph, (species.parent,))
        if parent is None:
            parent = _free_id(graph, species.parent)
            graph.add(Concept(parent, common=(species.parent,), source=_SOURCE))
        if id in {above.id for above in graph.lineage(parent)}:
            raise CyclicGraph(
                f"{species.name!r} cannot be a kind of {species.parent!r}, which is a kind of it: "
                "give another parent, or leave it out"
            )
        if parent not in {above.id for above in graph.parents(id)}:
            graph.add(Relation(id, "is-a", parent, source=_SOURCE))
    for name, strength in species.attributes.items():
        attribute = _find(graph, (name,), kind="attribute")
        if attribute is None:
            attribute = _free_id(graph, name)
            graph.add(Concept(attribute, kind="attribute", common=(name,), source=_SOURCE))
        graph.add(Relation(id, "has-attribute", attribute, strength=strength, source=_SOURCE))


def _find(graph: KnowledgeGraph, names: Sequence[str], *, kind: str = "concept") -> str | None:
    for name in names:
        try:
            return graph.find(name, kind=kind).id
        except ConceptNotFound:  # noqa: PERF203 (few names)
            continue
    return None


def _free_id(graph: KnowledgeGraph, name: str) -> str:
    """Give the name, or what makes an id of it that only another kind of thing left free."""
    return name if name not in graph else f"{name} ({_SOURCE})"


def _refuse_shared(collection: Collection, ids: Sequence[str | None]) -> None:
    owner: dict[str, str] = {}
    for one, id in zip(collection, ids, strict=True):
        if id is not None and owner.setdefault(id, one.name) != one.name:
            raise LibraryError(
                f"{owner[id]!r} and {one.name!r} are one concept of the graph, {id!r}: merge them, "
                "or give one of them a name the graph does not have"
            )
