"""What is joined, by hand and by slow loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from knowledge import Adjacency, Concept, KnowledgeGraph, Relation
from knowledge.errors import ConceptNotFound, GraphError

NOTES = {"source": "notes"}


def test_by_hand(colours):
    found = Adjacency.of(colours)
    assert found.concepts == ("bird", "robin", "wren", "magpie")
    wanted = [[0, 1, 1, 1], [1, 0, 0.5, 0], [1, 0.5, 0, 0], [1, 0, 0, 0]]
    assert (found.weights.toarray() == np.array(wanted)).all()
    assert (Adjacency.of(colours, relations=["similar-to"]).weights.toarray().sum()) == 1
    assert found.rows([colours["wren"], "bird"]).tolist() == [2, 0]


def test_attributes_are_nodes_where_they_join(colours):
    found = Adjacency.of(colours, relations=["has-attribute"])
    assert found.concepts[4:] == ("red", "black", "feathered")
    weights = found.weights.toarray()
    robin, wren, magpie, red, black = found.rows(["robin", "wren", "magpie", "red", "black"])
    assert weights[robin, red] == weights[red, robin] == 0.8, "the mean of two sources"
    assert weights[magpie, black] == 1, "the strongest of two parts"
    assert found.weights[[wren], [red]] == 0
    assert found.weights.nnz == (found.weights.toarray() > 0).sum(), "a strength of 0 joins nothing"


def test_what_is_said_both_ways_or_of_itself_counts_once():
    graph = KnowledgeGraph()
    graph.add(*(Concept(id, **NOTES) for id in "ab"))
    graph.add(
        Relation("a", "similar-to", "b", strength=0.2, **NOTES),
        Relation("b", "similar-to", "a", strength=0.6, **NOTES),
        Relation("a", "similar-to", "a", **NOTES),
    )
    assert Adjacency.of(graph).weights.toarray().tolist() == [[0, 0.6], [0.6, 0]]
    graph.add(Relation("a", "is-a", "b", **NOTES))
    assert Adjacency.of(graph).weights.toarray().tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("self_loops", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_normalised_against_slow_loops(make_dag, seed, self_loops):
    graph, _ = make_dag(seed, n=8)
    graph.add(Concept("alone", **NOTES))
    adjacency = Adjacency.of(graph)
    weights = adjacency.weights.toarray() + self_loops * np.eye(9)
    for i in range(9):
        if weights[i].sum() == 0:
            weights[i, i] = 1
    degrees = [sum(row) for row in weights.tolist()]
    symmetric, row = np.zeros((9, 9)), np.zeros((9, 9))
    for i in range(9):
        for j in range(9):
            symmetric[i, j] = weights[i, j] / math.sqrt(degrees[i] * degrees[j])
            row[i, j] = weights[i, j] / degrees[i]
    found = adjacency.normalised(self_loops=self_loops).toarray()
    assert found == pytest.approx(symmetric)
    assert np.abs(np.linalg.eigvalsh(found)).max() == pytest.approx(1)
    assert adjacency.normalised("row", self_loops=self_loops).toarray() == pytest.approx(row)
    assert row.sum(1) == pytest.approx(np.ones(9))


def test_what_cannot_be_is_refused(colours):
    with pytest.raises(GraphError, match="'symmetric' or 'row'"):
        Adjacency.of(colours).normalised("column")
    for wrong in (["is a"], "isa", []):
        with pytest.raises(GraphError, match="give some of"):
            Adjacency.of(colours, relations=wrong)
    assert Adjacency.of(colours, relations="is-a").weights.nnz == 6
    colours.add(Relation("robin", "is-a", "thrush", **NOTES))
    with pytest.raises(ConceptNotFound, match="'thrush' is no id"):
        Adjacency.of(colours)


def test_what_attributes_are_is_left_out_unless_they_are_nodes(colours):
    colours.add(
        Concept("colour", kind="attribute", **NOTES), Relation("red", "is-a", "colour", **NOTES)
    )
    assert Adjacency.of(colours).weights.nnz == 8
    found = Adjacency.of(colours, relations=["is-a", "has-attribute"])
    assert found.weights.toarray()[tuple(found.rows(["red", "colour"]))] == 1


def test_nothing_is_an_empty_matrix():
    assert Adjacency.of(KnowledgeGraph()).weights.shape == (0, 0)
    assert Adjacency.of(KnowledgeGraph()).normalised().shape == (0, 0)
