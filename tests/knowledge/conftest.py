"""Graphs to test with: one by hand, and any that can be made."""

from __future__ import annotations

from dataclasses import fields

import networkx as nx
import numpy as np
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


@pytest.fixture(scope="session")
def make_dag():
    """A factory of is-a graphs, also as networkx (child to parent): ``make_dag(seed, n)``.

    With ``parents=1`` trees, and several of them; with more, any graph without circles.
    """

    def make(seed: int, n: int = 12, parents: int = 3) -> tuple[KnowledgeGraph, nx.DiGraph]:
        rng = np.random.default_rng(seed)
        ids = [f"c{i}" for i in rng.permutation(n)]
        plain = nx.DiGraph()
        plain.add_nodes_from(ids)
        for i in range(1, n):
            count = min(i, int(rng.integers(0, parents + 1)) if rng.random() < 0.3 else 1)
            for j in rng.choice(i, size=count, replace=False):
                plain.add_edge(ids[i], ids[j])
        graph = KnowledgeGraph()
        ranks = ["kingdom", "family", "species"]
        graph.add(*(Concept(id, rank=ranks[i % 3], **NOTES) for i, id in enumerate(sorted(ids))))
        graph.add(*(Relation(child, "is-a", parent, **NOTES) for child, parent in plain.edges))
        return graph, plain

    return make


@pytest.fixture
def colours() -> KnowledgeGraph:
    """Three birds under one; traits of parts, of the lineage, stated absences, two sources."""
    graph = KnowledgeGraph()
    graph.add(
        *(Concept(id, **NOTES) for id in ["bird", "robin", "wren", "magpie"]),
        *(Concept(id, kind="attribute", **NOTES) for id in ["red", "black", "feathered"]),
        *(Concept(id, kind="part", **NOTES) for id in ["wing", "tail"]),
        *(Relation(id, "is-a", "bird", **NOTES) for id in ["robin", "wren", "magpie"]),
        Relation("bird", "has-attribute", "feathered", **NOTES),
        Relation("bird", "has-attribute", "red", strength=0.2, **NOTES),
        Relation("robin", "has-attribute", "red", strength=0.9, **NOTES),
        Relation("robin", "has-attribute", "red", strength=0.7, source="a book"),
        Relation("wren", "has-attribute", "red", strength=0.0, **NOTES),
        Relation("magpie", "has-attribute", "black", strength=1.0, part="tail", **NOTES),
        Relation("magpie", "has-attribute", "black", strength=0.6, part="wing", **NOTES),
        Relation("wren", "similar-to", "robin", strength=0.5, **NOTES),
    )
    return graph
