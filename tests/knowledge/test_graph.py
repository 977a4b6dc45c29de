"""What a graph answers, on a small one by hand and on any."""

from __future__ import annotations

import time
from dataclasses import replace

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge import Concept, KnowledgeGraph, Relation, Text
from knowledge.errors import AmbiguousName, ConceptNotFound, CyclicGraph, GraphError

NOTES = {"source": "notes"}


def ids(concepts) -> list[str]:
    return [concept.id for concept in concepts]


def test_a_concept_is_found_by_id_by_name_and_by_itself(birds):
    herring = birds["herring"]
    for given_as in (
        "herring",
        "LARUS ARGENTATUS",
        "silbermowe",
        "European herring-gulls",
        herring,
    ):
        assert birds.attributes(given_as) == {"pink": 0.9}
    assert birds.find("Silbermöwe") == herring


def test_a_name_nobody_bears_is_answered_by_the_nearest(birds):
    with pytest.raises(
        ConceptNotFound, match="'European robbin'; the nearest are 'european robin', "
    ):
        birds.find("European robbin")
    with pytest.raises(ConceptNotFound, match="nothing is near"):
        birds.find("quartz")
    with pytest.raises(ConceptNotFound, match="no attribute is called 'robin'"):
        birds.find("robin", kind="attribute")
    with pytest.raises(GraphError, match="a name is a string, not 7"):
        birds.find(7)
    with pytest.raises(ConceptNotFound, match="'osprey' is no id"):
        birds.lineage(Concept("osprey", **NOTES))


def test_a_name_that_two_bear_is_never_guessed(birds):
    birds.add(Concept("turdus", synonyms=["european Robin"], rank="species", **NOTES))
    with pytest.raises(AmbiguousName, match=r"2 concepts .*'robin' \(species\), 'turdus'"):
        birds.find("European robin")
    with pytest.raises(AmbiguousName):
        birds.lineage("European robins")
    assert birds.find("robin").id == "robin", "an exact id is no guess"


def test_an_attribute_does_not_hide_a_concept_of_its_name(birds):
    birds.add(Concept("shrimp", common=["pink"], **NOTES))
    assert birds.find("pink").id == "shrimp"
    assert ids(birds.lineage("pink")) == ["shrimp"]
    assert birds.find("pinks", kind="attribute").id == "pink"
    assert ids(birds.lineage("leg")) == ["leg"]


def test_the_tree(birds):
    assert ids(birds.lineage("robin")) == ["robin", "bird", "animal"]
    assert ids(birds.parents("gull")) == ["bird"]
    assert ids(birds.children("bird")) == ["gull", "robin"]
    assert ids(birds.siblings("herring")) == ["common-gull"]
    assert ids(birds.siblings("animal")) == []
    assert ids(birds.roots()) == ["animal"]
    assert ids(birds.leaves()) == ["herring", "common-gull", "robin"]
    assert ids(birds.concepts(kind="attribute")) == ["pink"]
    assert len(birds) == 8
    assert len(birds.concepts()) == 6
    assert len(list(birds.relations())) == 7
    assert [r.target for r in birds.relations("herring", kind="has-part")] == ["leg"]


def test_descriptions_by_language(birds):
    assert [t.source for t in birds.descriptions("herring")] == ["a book", "ein Buch"]
    assert [t.text for t in birds.descriptions("herring", language="de")] == ["eine große Möwe"]


def test_a_lineage_of_many_ways_has_each_ancestor_once_after_its_descendants():
    #  tomato -> fruit -> plant ;  tomato -> berry -> fruit ;  tomato -> food
    graph = KnowledgeGraph()
    graph.add(*(Concept(id, **NOTES) for id in ("tomato", "fruit", "berry", "food", "plant")))
    steps = [("tomato", "fruit"), ("fruit", "plant"), ("tomato", "berry"), ("berry", "fruit")]
    for child, parent in [*steps, ("tomato", "food")]:
        graph.add(Relation(child, "is-a", parent, **NOTES))
    assert ids(graph.lineage("tomato")) == ["tomato", "berry", "food", "fruit", "plant"]


@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=16))
def test_a_lineage_is_what_networkx_can_reach_or_an_error(edges):
    graph = KnowledgeGraph()
    graph.add(*(Concept(str(i), **NOTES) for i in range(8)))
    graph.add(*(Relation(str(a), "is-a", str(b), **NOTES) for a, b in edges))
    oracle = nx.DiGraph(edges)
    oracle.add_nodes_from(range(8))
    reached = nx.descendants(oracle, 0) | {0}
    if not nx.is_directed_acyclic_graph(oracle.subgraph(reached)):
        with pytest.raises(CyclicGraph, match="lineage of '0' runs in a circle"):
            graph.lineage("0")
        return
    found = [int(concept.id) for concept in graph.lineage("0")]
    assert sorted(found) == sorted(reached)
    assert all(found.index(a) < found.index(b) for a, b in edges if a in reached)


def test_strengths_of_several_sources_and_parts_by_hand():
    graph = KnowledgeGraph()
    graph.add(Concept("magpie", **NOTES), Concept("crow", **NOTES))
    graph.add(Relation("magpie", "is-a", "crow", **NOTES))
    said = [("magpie", 0.2, ""), ("magpie", 0.4, ""), ("magpie", 0.25, "wing"), ("crow", 1, "wing")]
    for subject, strength, part in said:
        graph.add(
            Relation(subject, "has-attribute", "black", strength=strength, part=part, **NOTES)
        )
    graph.add(Relation("crow", "has-attribute", "large", strength=0.5, **NOTES))
    assert graph.attributes("magpie") == {"black": pytest.approx(0.3)}
    assert graph.attributes("magpie", part="wing") == {"black": 0.25}
    inherited = graph.attributes("magpie", inherited=True)
    assert inherited == {"black": pytest.approx(0.3), "large": 0.5}


def test_an_add_that_fails_changes_nothing(birds):
    before = KnowledgeGraph.from_networkx(birds.to_networkx())
    osprey = Concept("osprey", **NOTES)
    other = Concept("robin", rank="genus", where="b.csv:2", **NOTES)
    with pytest.raises(GraphError, match=r"'robin' is there already and differs .*\(b.csv:2\)"):
        birds.add(osprey, Relation("osprey", "is-a", "bird", **NOTES), other)
    with pytest.raises(GraphError, match="cannot add 'osprey'"):
        birds.add(osprey, "osprey")
    with pytest.raises(GraphError, match="'osprey' is there already"):
        birds.add(osprey, replace(osprey, rank="species"))
    assert birds == before
    birds.add(birds["robin"])
    assert birds == before


def test_a_replaced_concept_is_found_by_its_new_names_only(birds):
    birds.find("european robin")
    birds.replace(replace(birds["robin"], common=("redbreast",)))
    assert birds.find("redbreasts").id == "robin"
    with pytest.raises(ConceptNotFound):
        birds.find("european robin")
    assert ids(birds.lineage("robin")) == ["robin", "bird", "animal"]
    with pytest.raises(ConceptNotFound):
        birds.replace(Concept("osprey", **NOTES))


def test_a_replaced_concept_is_found_among_its_new_kind_only(birds):
    birds.replace(replace(birds["robin"], common=("redbreast",)))
    assert birds.find("redbreasts").id == "robin"
    birds.replace(replace(birds["robin"], kind="attribute"))
    assert birds.find("redbreasts", kind="attribute").id == "robin"
    with pytest.raises(ConceptNotFound, match="no concept is called 'redbreasts'"):
        birds.find("redbreasts")


def test_a_way_up_to_an_id_that_was_never_added_is_refused_with_its_place():
    graph = KnowledgeGraph()
    graph.add(Concept("rose", **NOTES), Relation("rose", "is-a", "rosids", where="p:3", **NOTES))
    with pytest.raises(ConceptNotFound, match=r"'rosids' is no id.*'rose' is-a 'rosids'.*\(p:3\)"):
        graph.lineage("rose")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Concept("", **NOTES), "the id of a concept is ''"),
        (lambda: Concept("a", source=" "), "the source of concept 'a' is ' '"),
        (lambda: Concept("a", kind="thing", **NOTES), "'thing'; it must be one of"),
        (lambda: Concept("a", common="robin", **NOTES), r"such as \['robin'\]"),
        (lambda: Concept("a", common=[7], **NOTES), "common name of concept 'a' is 7"),
        (lambda: Concept("a\ud800", **NOTES), "no valid text"),
        (lambda: Concept("a", descriptions=["red"], **NOTES), "each must be a Text"),
        (lambda: Text("red", source=None), "source is None"),
        (lambda: Relation("a", "eats", "b", **NOTES), "'eats'; it must be one of"),
        (lambda: Relation("a", "is-a", "b", strength=0.5, **NOTES), "is-a holds or does not"),
        (lambda: Relation("a", "is-a", "b", part="c", **NOTES), "only has-attribute takes one"),
        (lambda: Relation("a", "similar-to", "b", strength=90, **NOTES), "90.0; .* by 100"),
        (lambda: Relation("a", "similar-to", "b", strength=float("nan"), **NOTES), "nan"),
        (lambda: Relation("a", "similar-to", "b", strength="1", **NOTES), "must be a number"),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(GraphError, match=said):
        make()


@given(st.data())
@settings(max_examples=40)
def test_there_and_back_through_networkx_loses_nothing(make_graphs, data):
    graph = data.draw(make_graphs(json=False))
    plain = graph.to_networkx()
    again = KnowledgeGraph.from_networkx(plain)
    assert again == graph
    assert nx.utils.graphs_equal(again.to_networkx(), plain)


def test_a_concept_in_an_attributes_place_stays_a_concept():
    graph = KnowledgeGraph()
    graph.add(Concept("a", **NOTES), Relation("a", "has-attribute", "a", **NOTES))
    assert KnowledgeGraph.from_networkx(graph.to_networkx())["a"].kind == "concept"


def test_a_users_graph_keeps_its_own_keys():
    theirs = nx.MultiDiGraph(made="today")
    theirs.add_node(1, name="robin", colour=(1, 2))
    theirs.add_node("2", common="bird", rank="class")
    theirs.add_edge(1, "2", key="is_a", year=1758)
    theirs.add_edge(1, "red", relation="has-attribute", strength=0.5, part="breast")
    graph = KnowledgeGraph.from_networkx(theirs, source="a friend")
    assert graph.find("ROBIN").id == "1"
    assert ids(graph.lineage("robin")) == ["1", "2"]
    assert graph["red"].kind == "attribute"
    assert graph.attributes("robin", part="breast") == {"red": 0.5}
    back = graph.to_networkx()
    assert back.graph == {"made": "today"}
    assert back.nodes["1"]["colour"] == (1, 2)
    assert back.nodes["1"]["name"] == "robin"
    assert back.edges["1", "2", "is_a"]["year"] == 1758
    assert theirs.nodes[1] == {"name": "robin", "colour": (1, 2)}, "theirs is left as it was"


def test_a_networkx_graph_that_says_what_cannot_be_is_refused():
    with pytest.raises(GraphError, match="cannot take in a Graph: edges must run"):
        KnowledgeGraph.from_networkx(nx.Graph([("a", "b")]))
    with pytest.raises(GraphError, match="from 'a' to 'b' has the relation 'eats'"):
        KnowledgeGraph.from_networkx(nx.DiGraph([("a", "b", {"relation": "eats"})]))
    with pytest.raises(GraphError, match="nodes 1 and '1' would have the same id"):
        KnowledgeGraph.from_networkx(nx.DiGraph([(1, "1")]))


def test_equality_sees_every_fact(birds):
    same = KnowledgeGraph.from_networkx(birds.to_networkx())
    assert same == birds
    same.add(Relation("robin", "similar-to", "gull", strength=0.1, **NOTES))
    assert same != birds
    birds.add(Relation("robin", "similar-to", "gull", strength=0.2, **NOTES))
    assert same != birds
    assert birds != "birds"


def test_a_hundred_thousand_concepts_take_seconds():
    begin = time.perf_counter()
    graph = KnowledgeGraph()
    for i in range(100_000):
        graph.add(Concept(f"c{i}", common=(f"red-tailed finch {i}",), rank="species", **NOTES))
        if i:
            graph.add(Relation(f"c{i}", "is-a", f"c{i // 10}", **NOTES))
    assert graph.find("Red tailed FINCHES 4711").id == "c4711"
    assert ids(graph.lineage("c4711")) == ["c4711", "c471", "c47", "c4", "c0"]
    with pytest.raises(ConceptNotFound, match="the nearest are 'red tailed finch"):
        graph.find("red taild finch 47112x")
    # About three seconds on a slow machine; anything quadratic would take hours.
    assert time.perf_counter() - begin < 60
