"""Parent-child files, Newick and OBO."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge import read_graph
from knowledge.readers import newick


def edges(graph) -> set[tuple[str, str]]:
    return {(fact.subject, fact.target) for fact in graph.relations(kind="is-a")}


@pytest.mark.parametrize(
    "lines",
    [
        ["bird robin", "bird gull", "animal bird"],
        ["bird\trobin", "bird\tgull", "animal\tbird"],
        ["parent,child", "bird,robin", "bird,gull", "animal,bird"],
        ["Child;Parent", "robin;bird", "gull;bird", "bird;animal"],
    ],
)
def test_parents_and_children_in_every_form(read, lines):
    graph = read("tree.txt", *lines)
    assert edges(graph) == {("robin", "bird"), ("gull", "bird"), ("bird", "animal")}
    assert graph.validate()[0].kind == "missing-rank"


def test_names_of_several_words_need_a_first_row(read):
    graph = read("t.csv", "parent,child", "sea bird,herring gull")
    assert edges(graph) == {("herring gull", "sea bird")}


def test_a_list_of_numbered_names_is_no_tree(read):
    with pytest.raises(ValueError, match=r":1: of no format .* parent-child"):
        read("classes.txt", "1 robin", "2 gull", "3 duck")


def test_newick_by_hand(read, tmp_path):
    graph = read(
        "tree.nwk",
        "[&R] ((European_robin:0.1,'it''s a_gull':2e-3)95:1,",
        "(oak,elm)trees [a comment (with) brackets],fern)life;",
    )
    assert edges(graph) == {
        ("European robin", "#1"),
        ("it's a_gull", "#1"),
        ("#1", "life"),
        ("oak", "trees"),
        ("elm", "trees"),
        ("trees", "life"),
        ("fern", "life"),
    }
    assert graph["fern"].where == f"{tmp_path / 'tree.nwk'}:2"


@given(st.lists(st.integers(0, 10**6), max_size=30))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_tree_that_is_written_by_recursion_is_read(tmp_path, choices):
    tree = nx.DiGraph()
    tree.add_node("n0")
    for n, choice in enumerate(choices, 1):
        tree.add_edge(f"n{choice % n}", f"n{n}")

    def text(node: str) -> str:
        below = ",".join(map(text, tree.successors(node)))
        return (f"({below})" if below else "") + node

    path = tmp_path / "t.nwk"
    path.write_text(text("n0") + ";")
    assert edges(read_graph(path, format="newick")) == {(b, a) for a, b in tree.edges}


def test_newick_is_read_without_recursion(write):
    depth = newick.MAX_DEPTH - 1
    graph = read_graph(write("deep.nwk", "(" * depth + "leaf" + ")" * depth + ";"))
    assert len(graph) == depth + 1


def test_obo_by_hand(read, tmp_path):
    graph = read(
        "birds.obo",
        "format-version: 1.2",
        "! a comment",
        "[Term]",
        "id: B:1",
        "name: bird",
        "[Term]",
        "id: B:2",
        "name: robin",
        'synonym: "the \\"redbreast\\"" EXACT []',
        'def: "A small bird." [notes:1]',
        "property_value: has_rank NCBITaxon:species",
        'is_a: B:1 {why="it flies"} ! bird',
        "relationship: eats B:3",
        "[Term]",
        "id: B:4",
        "name: gone",
        "is_obsolete: true",
        "[Typedef]",
        "id: eats",
    )
    robin = graph.find("robin")
    assert (robin.id, robin.rank, robin.synonyms) == ("B:2", "species", ('the "redbreast"',))
    assert [text.text for text in robin.descriptions] == ["A small bird."]
    assert edges(graph) == {("B:2", "B:1")}
    assert len(graph) == 2
    assert robin.where == f"{tmp_path / 'birds.obo'}:6"
