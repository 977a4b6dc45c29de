"""Each finding, by hand, with its places."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge import Concept, Finding, KnowledgeGraph, Relation

NOTES = {"source": "notes"}


def graph_of(*facts) -> KnowledgeGraph:
    graph = KnowledgeGraph()
    graph.add(*facts)
    return graph


def concept(id, line=0, **fields) -> Concept:
    return Concept(id, where=f"c.csv:{line}" if line else "", **{"rank": "x", **NOTES, **fields})


def relation(subject, kind, target, line=0, **fields) -> Relation:
    where = f"r.csv:{line}" if line else ""
    return Relation(subject, kind, target, where=where, **{**NOTES, **fields})


RED = concept("red", kind="attribute", rank="")


def test_a_sound_graph_has_no_findings(birds):
    assert birds.validate() == []
    assert KnowledgeGraph().validate() == []


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            [concept("a"), concept("b", 7, rank="")],
            Finding("missing-rank", "'b' has no rank", "c.csv:7"),
        ),
        (
            [concept("a", rank=""), concept("b", rank="")],
            Finding("missing-rank", "none of the 2 concepts has a rank"),
        ),
        (
            [concept("a", 1, common=["Robin"]), concept("b", 2, synonyms=["róbin"])],
            Finding(
                "duplicate-name", "2 concepts are called 'robin': 'a', 'b'", "c.csv:1, c.csv:2"
            ),
        ),
        (
            [concept("a"), relation("a", "is-a", "a", 3)],
            Finding("self-loop", "'a' is-a itself", "r.csv:3"),
        ),
        (
            [concept("a"), relation("a", "is-a", "b", 4)],
            Finding("dangling-id", "'a' is-a 'b', and no concept has the id 'b'", "r.csv:4"),
        ),
        (
            [concept("a"), RED, relation("a", "has-attribute", "red", 5, part="wing")],
            Finding(
                "dangling-id",
                "'a' has-attribute 'red' at 'wing', and no concept has the id 'wing'",
                "r.csv:5",
            ),
        ),
        (
            [concept("a"), concept("b", 1), relation("a", "has-attribute", "b", 2)],
            Finding(
                "wrong-kind",
                "'a' has-attribute 'b', and 'b' is of kind concept, not attribute",
                "r.csv:2, c.csv:1",
            ),
        ),
        (
            [
                concept("a"),
                RED,
                relation("a", "has-attribute", "red", 1, strength=0.9),
                relation("a", "has-attribute", "red", 2, strength=0.1, source="others"),
            ],
            Finding(
                "contradictory-strength",
                "'a' has-attribute 'red': 0.1 ('others') and 0.9 ('notes')",
                "r.csv:1, r.csv:2",
            ),
        ),
        (
            [concept("a"), concept("b"), *(relation("a", "is-a", "b", n) for n in (1, 2))],
            Finding(
                "duplicate-relation",
                "'a' is-a 'b' is said more than once by one source",
                "r.csv:1, r.csv:2",
            ),
        ),
        (
            [
                *(concept(id) for id in "abcd"),
                relation("a", "is-a", "b", 1),
                relation("b", "is-a", "c", 2),
                relation("c", "is-a", "a", 3),
                relation("c", "is-a", "d", 4),
            ],
            Finding("cycle", "is-a runs in a circle: 'a', 'b', 'c'", "r.csv:1, r.csv:2, r.csv:3"),
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, Finding) else "",
)
def test_each_finding_by_hand(facts, expected):
    assert graph_of(*facts).validate() == [expected]


def test_the_same_attribute_of_two_parts_is_no_contradiction():
    wing, tail = concept("wing", kind="part"), concept("tail", kind="part")
    facts = [
        relation("a", "has-attribute", "red", part=part.id, strength=strength)
        for part, strength in ((wing, 0.1), (tail, 0.9))
    ]
    assert graph_of(concept("a"), RED, wing, tail, *facts).validate() == []


def test_a_long_list_is_cut_and_a_line_reads_well():
    found = graph_of(*(concept(str(i), common=["gull"]) for i in range(50))).validate()
    assert str(found[0]).endswith("'7', and 42 more")
    assert str(Finding("cycle", "round and round", "a:1")) == "a:1: cycle: round and round"


@given(st.data())
@settings(max_examples=40)
def test_it_never_raises(make_graphs, data):
    found = data.draw(make_graphs(json=True)).validate()
    assert found == sorted(found, key=lambda finding: finding.kind)


def reversed_trees(graph) -> list[str]:
    return [found.message for found in graph.validate() if found.kind == "reversed-tree"]


TREE = [("bird", "gull"), ("bird", "thrush"), ("thrush", "robin"), ("thrush", "blackbird")]


def test_a_tree_from_parent_to_child_is_told():
    plain = nx.DiGraph(TREE)
    (message,) = reversed_trees(KnowledgeGraph.from_networkx(plain))
    assert message.startswith("everything is above 'bird' and nothing has two children")
    assert reversed_trees(KnowledgeGraph.from_networkx(plain.reverse())) == []


@pytest.mark.parametrize(
    "edges",
    [
        [("bird", "gull"), ("bird", "thrush"), ("gull", "kelp gull")],  # one with two parents
        [("a", "b"), ("a", "c"), ("d", "e"), ("d", "f")],  # two lowest ones
        [("mule", "horse"), ("mule", "ass"), ("horse", "x"), ("horse", "y"), ("ass", "x")],
        [("a", "b"), ("b", "c"), ("c", "d")],  # a path
        [("a", "b"), ("b", "a")],
    ],
)
def test_what_may_be_meant_is_not_called_upside_down(edges):
    assert reversed_trees(KnowledgeGraph.from_networkx(nx.DiGraph(edges))) == []


def test_attributes_and_parts_have_no_say_in_it():
    plain = nx.DiGraph(TREE)
    plain.add_edge("robin", "red", relation="has-attribute")
    plain.add_edge("gull", "red", relation="has-attribute")
    assert len(reversed_trees(KnowledgeGraph.from_networkx(plain))) == 1


@given(st.integers(0, 10**6))
def test_no_random_tree_the_right_way_up_is_told(make_dag, seed):
    graph, _ = make_dag(seed, n=9, parents=1)
    assert reversed_trees(graph) == []
