"""Distances and lowest common ancestors: networkx, slow loops, by hand."""

from __future__ import annotations

from itertools import product

import networkx as nx
import numpy as np
import pytest

from knowledge import Concept, KnowledgeGraph, Relation, common_ancestor, taxonomy_distances
from knowledge.ancestry import climb
from knowledge.errors import ConceptNotFound, CyclicGraph, GraphError

NOTES = {"source": "notes"}


def is_a(*pairs: str) -> KnowledgeGraph:
    """``is_a("ab", "ac")``: a is-a b, a is-a c."""
    graph = KnowledgeGraph()
    graph.add(*(Concept(id, **NOTES) for id in sorted(set("".join(pairs)))))
    graph.add(*(Relation(child, "is-a", parent, **NOTES) for child, parent in pairs))
    return graph


def test_by_hand(birds):
    ids = ["herring", "common-gull", "robin", "gull"]
    wanted = [[0, 2, 3, 1], [2, 0, 3, 1], [3, 3, 0, 2], [1, 1, 2, 0]]
    assert taxonomy_distances(birds, ids).tolist() == wanted
    assert common_ancestor(birds, "herring", "common gulls").id == "gull"
    assert common_ancestor(birds, "herring", "robin").id == "bird"
    assert common_ancestor(birds, "herring", "gull").id == "gull"
    assert common_ancestor(birds, "herring", "herring").id == "herring"
    assert common_ancestor(birds, *ids).id == "bird"


def test_the_lowest_is_not_always_the_nearest():
    # a and b are-a z at once, and by long ways an m that is-a z: m is lower, z is nearer.
    graph = is_a("az", "bz", "ax", "xm", "by", "ym", "mz")
    assert common_ancestor(graph, "a", "b").id == "m"
    assert taxonomy_distances(graph, ["a", "b"])[0, 1] == 2


def test_of_several_lowest_the_nearest_then_the_first():
    assert common_ancestor(is_a("ap", "bp", "aq", "bq"), "a", "b").id == "p"
    assert common_ancestor(is_a("ax", "xp", "bp", "aq", "bq"), "a", "b").id == "q"


def test_a_shared_child_joins_nothing():
    graph = is_a("ax", "ay")
    assert common_ancestor(graph, "x", "y") is None
    assert taxonomy_distances(graph, ["x", "y"])[0, 1] == np.inf
    assert taxonomy_distances(graph, []).shape == (0, 0)


@pytest.mark.parametrize("seed", range(30))
def test_trees_against_networkx(make_dag, seed):
    graph, plain = make_dag(seed, n=14, parents=1)  # some have no parent: several trees
    ids = sorted(plain)
    lengths = dict(nx.all_pairs_shortest_path_length(plain.to_undirected()))
    lca = {}
    for tree in nx.weakly_connected_components(plain):
        down = plain.subgraph(tree).reverse()
        lca |= dict(nx.tree_all_pairs_lowest_common_ancestor(down))
    found = taxonomy_distances(graph, ids)
    for (i, a), (j, b) in product(enumerate(ids), repeat=2):
        assert found[i, j] == lengths[a].get(b, np.inf)
        answer = common_ancestor(graph, a, b)
        assert (answer and answer.id) == lca.get((a, b), lca.get((b, a)))


@pytest.mark.parametrize("seed", range(30))
def test_any_graph_against_the_definition(make_dag, seed):
    graph, plain = make_dag(seed, n=12)
    up = {id: nx.single_source_shortest_path_length(plain, id) for id in plain}
    ids = sorted(plain)
    found = taxonomy_distances(graph, ids)
    for (i, a), (j, b) in product(enumerate(ids), repeat=2):
        shared = set(up[a]) & set(up[b])
        assert found[i, j] == min((up[a][c] + up[b][c] for c in shared), default=np.inf)
        lowest = [c for c in shared if not any(c in up[d] for d in shared - {c})]
        wanted = min(((up[a][c] + up[b][c], c) for c in lowest), default=(0, None))[1]
        answer = common_ancestor(graph, a, b)
        assert (answer and answer.id) == wanted


@pytest.mark.parametrize("seed", range(30))
def test_climbing_against_networkx(make_dag, seed):
    graph, plain = make_dag(seed, n=12)
    begin = sorted(plain)[::3]
    found = climb(graph, begin)
    wanted = {
        (top, bottom, steps)
        for bottom in begin
        for top, steps in nx.single_source_shortest_path_length(plain, bottom).items()
    }
    pairs = zip(found.top, found.bottom, found.steps, strict=True)
    triples = [(found.nodes[t], begin[b], s) for t, b, s in pairs]
    assert len(triples) == len(wanted)
    assert set(triples) == wanted
    for node, depth in zip(found.nodes, found.depths, strict=True):
        above = plain.subgraph(nx.descendants(plain, node) | {node})
        assert depth == nx.dag_longest_path_length(above)


def test_what_cannot_be_is_refused(birds):
    with pytest.raises(GraphError, match="no concept is given"):
        common_ancestor(birds)
    with pytest.raises(ConceptNotFound, match="osprey"):
        common_ancestor(birds, "robin", "osprey")
    with pytest.raises(GraphError, match="give it once"):
        taxonomy_distances(birds, ["robin", "Robins"])
    with pytest.raises(CyclicGraph, match="circle of 2: 'b', 'c'; take one"):
        common_ancestor(is_a("ab", "bc", "cb"), "a", "b")
    with pytest.raises(CyclicGraph, match="circle of 1: 'a'"):
        taxonomy_distances(is_a("aa"), ["a"])
    birds.add(Relation("robin", "is-a", "thrush", **NOTES))
    with pytest.raises(ConceptNotFound, match="'thrush' is no id"):
        taxonomy_distances(birds, ["robin"])
