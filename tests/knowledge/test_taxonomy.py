"""Probabilities that add up in a tree, and in what is none."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge import Concept, KnowledgeGraph, Relation, Taxonomy
from knowledge.errors import ConceptNotFound, CyclicGraph, GraphError

NOTES = {"source": "notes"}
NAN = float("nan")


def rolled(taxonomy, probabilities) -> dict[str, float]:
    return dict(zip(taxonomy.nodes, taxonomy.roll_up(probabilities).tolist(), strict=True))


def bare(graph):
    for concept in graph.concepts():
        graph.replace(replace(concept, rank=""))
    return graph


def random_rows(rng, rows, columns):
    """Some probabilities are 0, so that some nodes are impossible."""
    found = rng.dirichlet(np.ones(columns), size=rows) * (rng.random((rows, columns)) < 0.7)
    found[:, 0] += 1e-3
    return found / found.sum(1, keepdims=True)


def test_by_hand(birds):
    taxonomy = Taxonomy.of(birds, ["herring", "robin", "common gull"])
    assert taxonomy.candidates == ("herring", "robin", "common-gull")
    assert taxonomy.nodes == ("animal", "bird", "gull", "robin", "common-gull", "herring")
    assert taxonomy.depths.tolist() == [0, 1, 2, 2, 3, 3]
    assert rolled(taxonomy, [0.5, 0.3, 0.2]) == pytest.approx(
        {"animal": 1, "bird": 1, "gull": 0.7, "robin": 0.3, "common-gull": 0.2, "herring": 0.5}
    )
    assert rolled(taxonomy.at_rank("family"), [0.5, 0.3, 0.2]) == pytest.approx({"gull": 0.7})
    assert taxonomy.at_rank("family").uncovered == ("robin",)
    assert taxonomy.at_rank("family", "species").uncovered == ()
    assert taxonomy.at_depth(2).nodes == ("gull", "robin")
    assert taxonomy.at_depth(3).nodes == ("robin", "common-gull", "herring")
    assert taxonomy.at_depth(99).nodes == taxonomy.at_depth(3).nodes
    assert taxonomy.at_depth(0).nodes == ("animal",)
    assert taxonomy.rows(["gull", birds["bird"]]).tolist() == [2, 1]


def test_a_candidate_with_two_parents_counts_once_where_they_meet():
    graph = KnowledgeGraph()
    for id, parents in {
        "mule": "hd",
        "horse": "h",
        "donkey": "d",
        "h": "e",
        "d": "e",
        "e": "",
    }.items():
        graph.add(Concept(id, **NOTES), *(Relation(id, "is-a", p, **NOTES) for p in parents))
    found = rolled(Taxonomy.of(graph, ["mule", "horse", "donkey"]), [0.6, 0.3, 0.1])
    assert found["h"] == pytest.approx(0.9)
    assert found["d"] == pytest.approx(0.7), "the two overlap, and sum to more than one"
    assert found["e"] == pytest.approx(1.0)


def test_a_candidate_above_another_keeps_its_own_and_adds_the_other(birds):
    found = rolled(Taxonomy.of(birds, ["gull", "herring", "robin"]), [0.2, 0.5, 0.3])
    assert found["gull"] == pytest.approx(0.7)
    assert found["herring"] == pytest.approx(0.5)
    assert found["bird"] == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(40))
def test_against_the_definition(make_dag, seed):
    """Sum over the distinct candidates among a node and its descendants, by networkx."""
    graph, plain = make_dag(seed, n=13)
    rng = np.random.default_rng(seed)
    some = [str(id) for id in rng.permutation(sorted(plain))[: rng.integers(1, 13)]]
    candidates = None if seed % 2 else some
    taxonomy = Taxonomy.of(graph, candidates)
    if candidates is None:
        assert set(taxonomy.candidates) == {id for id in plain if plain.in_degree(id) == 0}
    rows = random_rows(rng, 3, len(taxonomy.candidates))
    found = taxonomy.roll_up(rows)
    above = set(taxonomy.candidates).union(*(nx.descendants(plain, c) for c in taxonomy.candidates))
    assert set(taxonomy.nodes) == above
    for j, node in enumerate(taxonomy.nodes):
        under = nx.ancestors(plain, node) | {node}
        for i, row in enumerate(rows):
            wanted = sum(p for p, c in zip(row, taxonomy.candidates, strict=True) if c in under)
            assert found[i, j] == pytest.approx(wanted, abs=1e-12)
    for depth in range(4):
        level = taxonomy.at_depth(depth)
        assert level.uncovered == ()
        ends = set(taxonomy.candidates)
        at = zip(taxonomy.nodes, taxonomy.depths, strict=True)
        assert level.nodes == tuple(n for n, d in at if d == depth or (d < depth and n in ends))
    for rank in set(taxonomy.ranks):
        kept = taxonomy.at_rank(rank)
        assert kept.nodes == tuple(n for n in taxonomy.nodes if graph[n].rank == rank)
        assert (kept.roll_up(rows) == found[:, taxonomy.rows(kept.nodes)]).all()


@given(st.integers(0, 10**6))
def test_in_trees_levels_sum_to_one_and_parents_never_to_less(make_dag, seed):
    graph, plain = make_dag(seed, n=12, parents=1)
    taxonomy = Taxonomy.of(graph)
    (row,) = random_rows(np.random.default_rng(seed), 1, len(taxonomy.candidates))
    for depth in range(5):
        assert taxonomy.at_depth(depth).roll_up(row).sum() == pytest.approx(1)
    found = rolled(taxonomy, row)
    assert all(found[child] <= found[parent] + 1e-12 for child, parent in plain.edges)
    assert all(0 <= p <= 1 for p in found.values())


def test_one_row_is_as_many_rows(birds):
    taxonomy = Taxonomy.of(birds)
    rows = random_rows(np.random.default_rng(0), 5, 3)
    many = taxonomy.roll_up(rows)
    assert many.shape == (5, 6)
    for row, wanted in zip(rows, many, strict=True):
        assert (taxonomy.roll_up(row) == wanted).all()
    assert taxonomy.roll_up(np.empty((0, 3))).shape == (0, 6)
    assert taxonomy.roll_up(rows.astype(np.float32)) == pytest.approx(many, abs=1e-6)


def test_it_stays_as_it_was_made(birds):
    taxonomy = Taxonomy.of(birds)
    birds.add(Concept("osprey", **NOTES), Relation("osprey", "is-a", "bird", **NOTES))
    assert "osprey" not in taxonomy.nodes
    for frozen in (taxonomy.depths, taxonomy.members.data, taxonomy.at_depth(1).members.indices):
        with pytest.raises(ValueError, match="read-only"):
            frozen[0] = 5


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda g: Taxonomy.of(g, ["osprey"]), ConceptNotFound, "osprey"),
        (lambda g: Taxonomy.of(g, ["robin", "Robins"]), GraphError, "give it once"),
        (lambda g: Taxonomy.of(g, []), GraphError, "at least one concept"),
        (lambda g: Taxonomy.of(KnowledgeGraph()), GraphError, "no candidates"),
        (
            lambda g: Taxonomy.of(g).at_rank("tribe"),
            GraphError,
            "'tribe'; the ranks here are class",
        ),
        (
            lambda g: Taxonomy.of(g).at_rank(),
            GraphError,
            "no rank is given: give one",
        ),
        (lambda g: Taxonomy.of(g).at_rank("class", ""), GraphError, "'';? .*ranks here are class"),
        (lambda g: Taxonomy.of(g).at_rank("familly"), GraphError, "'familly'; .* is 'family'; the"),
        (lambda g: Taxonomy.of(bare(g)).at_rank("family"), GraphError, "no node here has a rank"),
        (lambda g: Taxonomy.of(g).at_depth(-1), GraphError, "depth is -1"),
        (lambda g: Taxonomy.of(g).rows(["wren"]), ConceptNotFound, "'wren' is none"),
        (lambda g: Taxonomy.of(g).roll_up([0.5, 0.5]), GraphError, "there are 3 candidates"),
        (lambda g: Taxonomy.of(g).roll_up([0.5, 0.5, NAN]), GraphError, "NaN"),
        (lambda g: Taxonomy.of(g).roll_up([0.5, 0.3, 0.1]), GraphError, "sum to 0.9;"),
    ],
)
def test_what_cannot_be_is_refused(birds, ask, error, message):
    with pytest.raises(error, match=message):
        ask(birds)


def test_ranks_are_compared_without_capitals(birds):
    birds.replace(replace(birds["gull"], rank="Family"))
    taxonomy = Taxonomy.of(birds)
    for rank in ("family", "FAMILY", "Family"):
        assert taxonomy.at_rank(rank).nodes == ("gull",)


def test_a_circle_is_refused(birds):
    birds.add(Relation("animal", "is-a", "gull", **NOTES))
    with pytest.raises(CyclicGraph, match="circle of 3: 'animal', 'bird', 'gull'"):
        Taxonomy.of(birds, ["robin"])
