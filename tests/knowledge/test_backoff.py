"""The deepest node that clears a floor, by hand, by slow loops, and on many pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge import Answer, Concept, KnowledgeGraph, Relation, Taxonomy, back_off
from knowledge.errors import GraphError

NOTES = {"source": "notes"}
NOTHING = Answer(None, 1.0)


@pytest.fixture
def three(birds) -> Taxonomy:
    return Taxonomy.of(birds, ["herring", "common-gull", "robin"])


@pytest.mark.parametrize(
    ("row", "floor", "wanted"),
    [
        ([0.95, 0.03, 0.02], 0.9, "herring"),
        ([0.5, 0.45, 0.05], 0.9, "gull"),
        ([0.4, 0.3, 0.3], 0.9, "bird"),
        ([0.3, 0.3, 0.4], 0.55, "gull"),  # not above the most probable candidate
        ([0.1, 0.7, 0.2], 0.8, "gull"),  # 0.1 + 0.7 falls short of 0.8 by rounding
        ([1.0, 0.0, 0.0], 1.0, "herring"),
        ([0.1, 0.2, 0.7], 0.05, "robin"),  # all clear it: the most probable of the candidates
    ],
)
def test_by_hand(three, row, floor, wanted):
    (answer,) = back_off(three, row, floor)
    assert answer.node == wanted
    assert answer.probability == pytest.approx(
        three.roll_up(row)[three.rows([wanted])].item(), abs=0
    )


def test_levels_are_skipped_and_nothing_may_be_left(three):
    some = three.at_rank("species", "kingdom")
    (answer,) = back_off(some, [0.5, 0.45, 0.05], 0.9)
    assert answer == Answer("animal", 1.0)
    assert back_off(three.at_rank("species"), [0.5, 0.45, 0.05], 0.9) == (NOTHING,)
    assert back_off(three.at_depth(9).at_depth(0), [0.5, 0.45, 0.05]) == (NOTHING,), (
        "no node at all"
    )


def test_a_long_branch_does_not_win_for_being_long():
    graph = KnowledgeGraph()
    graph.add(*(Concept(id, **NOTES) for id in ["apple", "carton", "drink", "milk"]))
    graph.add(
        Relation("carton", "is-a", "milk", **NOTES), Relation("milk", "is-a", "drink", **NOTES)
    )
    taxonomy = Taxonomy.of(graph, ["apple", "carton"])
    assert back_off(taxonomy, [0.7, 0.3], 0.25)[0].node == "apple"
    assert back_off(taxonomy, [0.3, 0.7], 0.6)[0].node == "carton", (
        "as probable as milk, and deeper"
    )


@given(st.integers(0, 10**6), st.floats(0.501, 1))
def test_in_a_tree_above_one_half_it_is_the_one_with_none_below(make_dag, seed, floor):
    graph, plain = make_dag(seed, n=12, parents=1)
    taxonomy = Taxonomy.of(graph)
    rng = np.random.default_rng(seed)
    row = rng.dirichlet(np.full(len(taxonomy.candidates), 0.3))
    clear = {n for n, p in zip(taxonomy.nodes, taxonomy.roll_up(row), strict=True) if p >= floor}
    lowest = [node for node in clear if clear.isdisjoint(plain.predecessors(node))]
    (answer,) = back_off(taxonomy, row, floor)
    assert lowest == ([answer.node] if answer.node else [])
    deepest = max(clear, key=lambda n: taxonomy.depths[taxonomy.rows([n])].item(), default=None)
    assert answer.node == deepest


@pytest.mark.parametrize("floor", [0.05, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("seed", range(8))
def test_any_graph_against_the_definition(make_dag, seed, floor):
    graph, _ = make_dag(seed, n=12)
    taxonomy = Taxonomy.of(graph)
    rows = np.random.default_rng(seed).dirichlet(np.full(len(taxonomy.candidates), 0.4), size=6)
    sizes = (taxonomy.members.toarray() > 0).sum(1)
    answers = back_off(taxonomy, rows, floor)
    assert len(answers) == 6
    for row, answer in zip(taxonomy.roll_up(rows), answers, strict=True):
        clear = [
            (sizes[i], -p, -taxonomy.depths[i], i) for i, p in enumerate(row) if p >= floor - 1e-6
        ]
        if clear:
            assert answer == Answer(taxonomy.nodes[min(clear)[-1]], -min(clear)[1])
        else:
            assert answer == NOTHING


def test_answers_are_right_as_often_as_they_say(make_dag):
    """Truth drawn from the probabilities themselves: calibrated, so the floor holds."""
    graph, _ = make_dag(4, n=40, parents=1)
    taxonomy = Taxonomy.of(graph)
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.full(len(taxonomy.candidates), 0.2), size=4000)
    truth = [rng.choice(len(row), p=row) for row in rows]
    answers = back_off(taxonomy, rows, 0.8)
    said = [(a, t) for a, t in zip(answers, truth, strict=True) if a.node]
    members = taxonomy.members.toarray()
    right = [members[taxonomy.rows([a.node]).item(), t] for a, t in said]
    assert len(said) > 1000
    # Four standard errors of a share of some 3,000.
    assert np.mean(right) == pytest.approx(np.mean([a.probability for a, _ in said]), abs=0.03)
    assert np.mean(right) > 0.8


@pytest.mark.parametrize("floor", [0, -0.1, 1.1, float("nan")])
def test_a_floor_that_is_none_is_refused(three, floor):
    with pytest.raises(GraphError, match=r"floor is .*: give one above 0"):
        back_off(three, [1, 0, 0], floor)
