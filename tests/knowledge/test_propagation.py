"""Propagation against the dense inverse, networkx's PageRank, its limits, and by hand."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge import Adjacency, Concept, KnowledgeGraph, Relation, convolve, propagate
from knowledge.errors import GraphError

NOTES = {"source": "notes"}
NAN = float("nan")


@pytest.fixture
def joined(make_dag):
    """A factory: adjacency of a graph of 15 concepts, some alone, and values of 4 columns."""

    def make(seed: int) -> tuple[Adjacency, np.ndarray]:
        graph, _ = make_dag(seed, n=15)
        rng = np.random.default_rng(seed)
        ids = [c.id for c in graph.concepts()]
        for strength in rng.random(6):
            a, b = rng.choice(ids, 2, replace=False)
            graph.add(Relation(str(a), "similar-to", str(b), strength=strength, **NOTES))
        return Adjacency.of(graph), rng.normal(size=(15, 4))

    return make


def test_by_hand():
    """Two concepts joined: (I - a [[0, 1], [1, 0]])^-1 = [[1, a], [a, 1]] / (1 - a^2)."""
    graph = KnowledgeGraph()
    graph.add(*(Concept(id, **NOTES) for id in "ab"), Relation("a", "is-a", "b", **NOTES))
    adjacency = Adjacency.of(graph)
    for a in (0.0, 0.25, 0.9):
        wanted = np.array([1, a]) / (1 + a)
        assert propagate(adjacency, [1.0, 0.0], alpha=a) == pytest.approx(wanted, abs=2e-6)
    assert propagate(adjacency, [1.0, 0.0], alpha=0.25, steps=2) == pytest.approx(
        [0.75 + 0.0625, 0.25 * 0.75]
    )
    assert convolve(adjacency, [4.0, 0.0], steps=1).tolist() == pytest.approx([2, 2])


@pytest.mark.parametrize("kind", ["symmetric", "row"])
@pytest.mark.parametrize("alpha", [0.0, 0.01, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("seed", range(4))
def test_against_the_dense_inverse(joined, seed, alpha, kind):
    adjacency, values = joined(seed)
    dense = adjacency.normalised(kind).toarray()
    wanted = (1 - alpha) * np.linalg.inv(np.eye(15) - alpha * dense) @ values
    degrees = adjacency.weights.toarray().sum(1)
    lengths = np.where(degrees > 0, degrees, 1) if kind == "row" else np.ones(15)
    scale = np.sqrt(lengths)[:, None]
    for tolerance in (1e-2, 1e-6, 1e-12):
        found = propagate(adjacency, values, alpha=alpha, normalisation=kind, tolerance=tolerance)
        error = np.linalg.norm(scale * (found - wanted), axis=0)
        assert (error <= tolerance * np.linalg.norm(scale * wanted, axis=0) + 1e-13).all()


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
@pytest.mark.parametrize("kind", ["symmetric", "row"])
def test_steps_against_slow_loops(joined, steps, kind):
    adjacency, start = joined(7)
    dense = adjacency.normalised(kind).toarray().tolist()
    looped = adjacency.normalised(kind, self_loops=True).toarray().tolist()
    walked, smoothed = start.tolist(), start.tolist()
    for _ in range(steps):
        walked = [
            [
                0.3 * start[i][d] + 0.7 * sum(dense[i][j] * walked[j][d] for j in range(15))
                for d in range(4)
            ]
            for i in range(15)
        ]
        smoothed = [
            [sum(looped[i][j] * smoothed[j][d] for j in range(15)) for d in range(4)]
            for i in range(15)
        ]
    found = propagate(adjacency, start, alpha=0.7, steps=steps, normalisation=kind)
    assert found == pytest.approx(np.array(walked))
    found = convolve(adjacency, start, steps=steps, normalisation=kind)
    assert found == pytest.approx(np.array(smoothed))


@pytest.mark.parametrize("kind", ["symmetric", "row"])
def test_limits(joined, kind):
    adjacency, values = joined(3)

    def ask(**how):
        return propagate(adjacency, values, normalisation=kind, tolerance=1e-13, **how)

    assert (ask(alpha=0) == values).all()
    assert ask(alpha=1e-9) == pytest.approx(values, abs=1e-7)
    assert ask(alpha=0.8, steps=0) == pytest.approx(values)
    errors = [np.abs(ask(alpha=0.8, steps=k) - ask(alpha=0.8)).max() for k in (5, 20, 80, 300)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-12, "many steps come to the solution"


def test_many_convolutions_make_what_hangs_together_alike(joined):
    """Rows become the mean of their component, weighted by degree (with the loop)."""
    adjacency, values = joined(5)
    looped = adjacency.weights.toarray() + np.eye(15)
    found = convolve(adjacency, values, steps=3000, normalisation="row")
    for part in nx.connected_components(nx.from_numpy_array(looped)):
        rows = sorted(part)
        weight = looped[rows].sum(1)
        mean = weight @ values[rows] / weight.sum()
        assert found[rows] == pytest.approx(np.tile(mean, (len(rows), 1)), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_personalised_pageranks(joined, seed):
    """Row i of the operator is networkx's PageRank that restarts at i, and sums to one."""
    adjacency, _ = joined(seed)
    plain = nx.from_numpy_array(adjacency.weights.toarray())
    found = propagate(adjacency, np.eye(15), alpha=0.85, normalisation="row", tolerance=1e-12)
    assert found.sum(1) == pytest.approx(np.ones(15))
    for i in range(15):
        rank = nx.pagerank(plain, alpha=0.85, personalization={i: 1}, tol=1e-12, max_iter=1000)
        assert found[i] == pytest.approx([rank[j] for j in range(15)], abs=1e-9)


def test_who_is_alone_keeps_what_it_has():
    graph = KnowledgeGraph()
    graph.add(*(Concept(id, **NOTES) for id in "abc"), Relation("a", "is-a", "b", **NOTES))
    for kind in ("symmetric", "row"):
        how = {"normalisation": kind}
        adjacency = Adjacency.of(graph)
        assert propagate(adjacency, [1.0, 2.0, 5.0], **how)[2] == pytest.approx(5, rel=2e-6)
        assert convolve(adjacency, [1.0, 2.0, 5.0], steps=3, **how)[2] == 5


@given(st.integers(0, 30), st.floats(0, 0.95), st.sampled_from(["symmetric", "row"]))
def test_linear_and_column_by_column(make_dag, seed, alpha, kind):
    adjacency = Adjacency.of(make_dag(seed, n=15)[0])
    values = np.random.default_rng(seed).normal(size=(15, 40))
    how = {"alpha": alpha, "normalisation": kind}
    found = propagate(adjacency, values, **how)
    for column in (0, 17, 39):
        alone = propagate(adjacency, values[:, column], **how)
        assert alone == pytest.approx(found[:, column], rel=1e-12, abs=1e-13)
    assert propagate(adjacency, 2 * values[:, :1] - values[:, 1:2], **how) == pytest.approx(
        2 * found[:, :1] - found[:, 1:2], abs=1e-11
    )
    if kind == "row":  # weighted means stay within what there was
        assert found.max() <= values.max() + 1e-5
        ones = propagate(adjacency, np.ones(15), **how)
        assert ones == pytest.approx(np.ones(15), abs=1e-4)


def test_single_precision_stays_single_and_close(joined):
    adjacency, values = joined(2)
    found = propagate(adjacency, values.astype(np.float32), alpha=0.9)
    assert found.dtype == np.float32
    assert found == pytest.approx(propagate(adjacency, values, alpha=0.9), abs=2e-5)
    assert convolve(adjacency, values.astype(np.float32)).dtype == np.float32
    assert propagate(adjacency, np.ones(15, dtype=int)).dtype == np.float64


def test_what_was_given_is_not_changed(joined):
    adjacency, values = joined(1)
    values = np.ascontiguousarray(values[:, 0])
    before = values.copy()
    for how in ({}, {"steps": 3}, {"steps": 0}, {"alpha": 0}):
        propagate(adjacency, values, **how)[0] = 99
        assert (values == before).all()
    convolve(adjacency, values, steps=0)[0] = 99
    assert (values == before).all()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"alpha": 1}, "alpha is 1; .* give 0 to below 1"),
        ({"alpha": -0.1}, "alpha is -0.1"),
        ({"alpha": NAN}, "alpha is nan"),
        ({"steps": -1}, "steps is -1; give 0 or more"),
        ({"tolerance": 0}, "tolerance is 0"),
        ({"normalisation": "none"}, "'symmetric' or 'row'"),
        ({"values": np.ones(14)}, r"shape \(14,\); the adjacency has 15 concepts"),
        ({"values": np.ones((15, 2, 2))}, "shape"),
        ({"values": np.where(np.arange(15) == 3, NAN, 1.0)}, r"at \(3,\) is nan; .* zeros"),
        ({"values": ["a"] * 15}, "must be numbers"),
    ],
)
def test_what_cannot_be_is_refused(joined, how, message):
    adjacency, values = joined(0)
    with pytest.raises(GraphError, match=message):
        propagate(adjacency, how.pop("values", values), **how)


def test_no_graph_and_no_columns_give_nothing(joined):
    assert propagate(Adjacency.of(KnowledgeGraph()), np.ones((0, 3))).shape == (0, 3)
    assert propagate(joined(0)[0], np.ones((15, 0))).shape == (15, 0)
    with pytest.raises(GraphError, match="steps is -2"):
        convolve(joined(0)[0], np.ones(15), steps=-2)
