"""Answers at other levels, beside a slow search over every node."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgmm.class_knowledge.levels import Level, Levels
from knowledge import Concept, KnowledgeGraph, Relation
from knowledge.errors import GraphError

IDS = ["ruby", None, "sapphire", "emerald", "opal"]
LABELS = ["Ruby!", "unicorn", "sapphire", "emerald", "opal"]
PROBABILITIES = torch.tensor([0.4, 0.04, 0.3, 0.2, 0.06])


def test_rolling_up_by_hand(stones):
    families = Levels(stones, IDS, LABELS).roll_up(PROBABILITIES, "family")
    told = [(level.label, level.rank, round(level.probability, 6)) for level in families]
    assert told == [
        ("corundum", "family", 0.7),
        ("beryl", "family", 0.2),
        ("opal", "species", 0.06),  # of no family: itself
        ("unicorn", "", 0.04),  # the graph does not know it
    ]
    species = Levels(stones, IDS, LABELS).roll_up(PROBABILITIES, "species")
    best = ["Ruby!", "sapphire", "emerald", "opal", "unicorn"]
    assert [level.label for level in species] == best
    with pytest.raises(GraphError, match=r"'order'; the ranks here are family, species"):
        Levels(stones, IDS, LABELS).roll_up(PROBABILITIES, "order")


def test_backing_off_by_hand(stones):
    levels = Levels(stones, IDS, LABELS)
    assert levels.back_off(PROBABILITIES, 0.4).label == "Ruby!"
    assert levels.back_off(PROBABILITIES, 0.7).label == "corundum"
    root = levels.back_off(PROBABILITIES, 0.9)
    assert (root.label, round(root.probability, 6)) == ("stone", 0.96)
    assert levels.back_off(PROBABILITIES, 0.97) == Level(None, "", 1.0)
    assert str(root) == "stone, 0.960"
    assert str(levels.back_off(PROBABILITIES, 0.7)) == "corundum (family), 0.700"
    assert str(Level(None, "", 1.0)) == "no answer"


@pytest.mark.parametrize("id", ["1", "candidate 1", "family 1"])
def test_ids_may_be_of_any_kind(id):
    """What the graph does not know is not taken for a concept, whatever that is called."""
    graph = KnowledgeGraph()
    graph.add(Concept(id, rank="species", source="s"), Concept("family", source="s"))
    graph.add(Relation(id, "is-a", "family", source="s"))
    levels = Levels(graph, [id, None], ["first", "second"])
    told = [(one.label, one.rank) for one in levels.roll_up(torch.tensor([0.25, 0.75]), "species")]
    assert told == [("second", ""), ("first", "species")]
    assert levels.back_off(torch.tensor([0.75, 0.25]), 0.7).label == "first"


@st.composite
def trees(draw):
    """Leaves with a way up of any length, some unknown, and probabilities."""
    graph = KnowledgeGraph()
    inner = draw(st.integers(1, 5))
    for node in range(inner):
        graph.add(Concept(f"n{node}", rank=f"rank {node % 2}", source="s"))
        if node:
            above = draw(st.integers(0, node - 1))
            graph.add(Relation(f"n{node}", "is-a", f"n{above}", source="s"))
    ids = []
    for leaf in range(draw(st.integers(1, 6))):
        if draw(st.booleans()) or leaf == 0:
            graph.add(Concept(f"leaf {leaf}", source="s"))
            above = draw(st.integers(0, inner - 1))
            graph.add(Relation(f"leaf {leaf}", "is-a", f"n{above}", source="s"))
            ids.append(f"leaf {leaf}")
        else:
            ids.append(None)
    raw = np.array(draw(st.lists(st.integers(1, 9), min_size=len(ids), max_size=len(ids))))
    return graph, ids, torch.tensor(raw / raw.sum())


@settings(max_examples=100, deadline=None)
@given(trees(), st.sampled_from([0.3, 0.5, 0.501, 0.75, 0.9, 1.0]))
def test_against_a_search_over_every_node(given_, floor):
    graph, ids, p = given_
    labels = [f"label {i}" for i in range(len(ids))]
    levels = Levels(graph, ids, labels)
    below = {}  # what each node stands for
    for i, id in enumerate(ids):
        below[labels[i]] = {i}
        for above in graph.lineage(id)[1:] if id else ():
            below.setdefault(above.id, set()).add(i)
    total = {node: sum(float(p[i]) for i in own) for node, own in below.items()}
    enough = [node for node in below if total[node] >= floor - 1e-6]
    answer = levels.back_off(p, floor)
    if not enough:
        assert answer == Level(None, "", 1.0)
    else:
        fewest = min(len(below[node]) for node in enough)
        assert len(below[answer.label]) == fewest
        best = max(total[node] for node in enough if len(below[node]) == fewest)
        assert answer.probability == pytest.approx(best) == pytest.approx(total[answer.label])
    for rank in {graph[node].rank for node in below if node in graph} - {""}:
        rolled = levels.roll_up(p, rank)
        told = {level.label: level.probability for level in rolled}
        at = {node for node in below if node in graph and graph[node].rank == rank}
        covered = set().union(*(below[node] for node in at))
        assert set(told) == at | {labels[i] for i in range(len(ids)) if i not in covered}
        for label, value in told.items():
            assert value == pytest.approx(total[label])
        assert [level.probability for level in rolled] == sorted(told.values(), reverse=True)
        assert {level.label for level in rolled if level.rank == rank} == at
