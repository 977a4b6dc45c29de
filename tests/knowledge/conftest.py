"""Graphs to test with: one by hand, and any that can be made."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import strategies as st

from knowledge import Concept, KnowledgeGraph, Relation, Text

TAKEN = {f.name for f in (*fields(Concept), *fields(Relation))} | {"concept", "relation"}
NOTES = {"source": "notes"}


@pytest.fixture
def birds() -> KnowledgeGraph:
    """Two gulls, a robin and the thrushes; one colour, one part."""
    graph = KnowledgeGraph()
    graph.add(
        Concept("animal", rank="kingdom", **NOTES),
        Concept("bird", common=["bird"], scientific=["Aves"], rank="class", **NOTES),
        Concept("gull", common=["gull"], rank="family", **NOTES),
        Concept(
            "herring",
            common=["European herring gull"],
            scientific=["Larus argentatus"],
            rank="species",
            descriptions=[
                Text("a large gull with pink legs", source="a book"),
                Text("eine große Möwe", language="de", source="ein Buch"),
            ],
            other_names=[Text("Silbermöwe", language="de", source="ein Buch")],
            **NOTES,
        ),
        Concept("common-gull", common=["common gull"], rank="species", **NOTES),
        Concept("robin", common=["European robin"], rank="species", **NOTES),
        Concept("pink", kind="attribute", **NOTES),
        Concept("leg", kind="part", **NOTES),
        Relation("bird", "is-a", "animal", **NOTES),
        Relation("gull", "is-a", "bird", **NOTES),
        Relation("robin", "is-a", "bird", **NOTES),
        Relation("herring", "is-a", "gull", **NOTES),
        Relation("common-gull", "is-a", "gull", **NOTES),
        Relation("herring", "has-part", "leg", **NOTES),
        Relation("herring", "has-attribute", "pink", strength=0.9, part="leg", **NOTES),
    )
    return graph


def make_graphs(*, json: bool) -> st.SearchStrategy[KnowledgeGraph]:
    """Graphs of any content; with a user's own keys that JSON can hold, or of any kind."""
    words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6).filter(
        lambda text: not text.isspace()
    )
    ids = st.sampled_from(["a", "b", "c d", "é", "7"])
    texts = st.builds(Text, words, language=words, source=words)
    concepts = st.builds(
        Concept,
        ids,
        kind=st.sampled_from(["concept", "attribute", "part"]),
        common=st.lists(words, max_size=2),
        scientific=st.lists(words, max_size=2),
        synonyms=st.lists(words, max_size=1),
        other_names=st.lists(texts, max_size=1),
        rank=st.sampled_from(["", "species"]),
        descriptions=st.lists(texts, max_size=2),
        source=words,
    )
    plain = st.builds(
        Relation, ids, st.sampled_from(["is-a", "has-part", "similar-to"]), ids, source=words
    )
    graded = st.builds(
        Relation,
        ids,
        st.just("has-attribute"),
        ids,
        strength=st.floats(0, 1),
        part=st.sampled_from(["", "a", "wing"]),
        source=words,
    )
    values = st.integers() | words | st.lists(st.booleans() | st.none(), max_size=2)
    own = values if json else values | st.tuples(st.integers()) | st.binary(max_size=2)
    keys = st.sampled_from(["name", "label"]) | words.filter(lambda key: key not in TAKEN)

    @st.composite
    def graphs(draw):
        graph = KnowledgeGraph()
        graph.add(*draw(st.lists(concepts, max_size=5, unique_by=lambda c: c.id)))
        graph.add(*draw(st.lists(plain | graded, max_size=6)))
        inner = graph._graph
        inner.graph.update(draw(st.dictionaries(keys, own, max_size=1)))
        for concept in graph.concepts(kind=None):  # what nobody added has no line to keep keys in
            inner.nodes[concept.id].update(draw(st.dictionaries(keys, own, max_size=1)))
        for *_, data in inner.edges(data=True):
            data.update(draw(st.dictionaries(keys, own, max_size=1)))
        return graph

    return graphs()


@pytest.fixture(scope="session", name="make_graphs")
def make_graphs_fixture():
    return make_graphs
