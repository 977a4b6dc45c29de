"""Rows of a judgement: who is ahead, and what the mean of a control's draws is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fgmm.embeddings import Embeddings
from fgmm.joint import JointEmbedding
from fgmm.joint.comparison import JudgedRow, judge_embedding
from fgmm.joint.controls import exchanged
from fgmm.joint.judging import beside_seen
from knowledge import Concept, KnowledgeGraph, Relation


def test_who_is_ahead_and_by_how_much():
    """Paired by class: 0.5, 0.25 and 0 more, whose mean is 0.25."""
    better = JudgedRow(np.array([1.0, 0.5, 0.25]), None, None)
    worse = JudgedRow(np.array([0.5, 0.25, 0.25]), None, None)
    mean, low, high = better.ahead_of(worse)
    assert mean == pytest.approx(0.25)
    assert low < 0.25 < high
    assert worse.ahead_of(better) == pytest.approx((-mean, -high, -low))
    same = JudgedRow(worse.alone + 0.125, None, None)
    assert same.ahead_of(worse) == pytest.approx((0.125,) * 3), "every class as much: no width"


def test_a_control_beside_base_classes_is_the_mean_of_its_draws_on_each_side():
    """Two colours a thing; three things are new, and base classes keep what is theirs."""
    graph = KnowledgeGraph()
    pairs = [(a, b) for a in range(4) for b in range(4) if a != b]
    names = [f"{a}{b}" for a, b in pairs]
    for colour in range(4):
        graph.add(Concept(f"colour {colour}", kind="attribute", source="test"))
    for name, pair in zip(names, pairs, strict=True):
        graph.add(Concept(name, source="test"))
        for colour in pair:
            graph.add(Relation(name, "has-attribute", f"colour {colour}", source="test"))
        graph.add(Relation(name, "has-attribute", f"colour {pair[0]}", part="top", source="test"))
    random = torch.Generator().manual_seed(0)
    labels = names * 4
    known = torch.zeros(len(labels), 8)
    for row, (a, b) in enumerate(pairs * 4):
        known[row, [a, 4 + b]] = 1.0
    noisy = known + 0.4 * torch.randn(known.shape, generator=random)
    vectors = torch.nn.functional.normalize(noisy, dim=1)
    new, base = names[:3], names[3:]
    rows = [at for at, label in enumerate(labels) if label in base]
    learned = JointEmbedding.train(
        graph, Embeddings(vectors[rows], "s"), [labels[at] for at in rows], folds=2
    )
    features = Embeddings(vectors, "s")
    judged = judge_embedding(learned, graph, features, labels, base=base, draws=3)
    every = [*base, *new]
    truth, seen = np.array([every.index(label) for label in labels]), np.arange(12) < 9
    draws = []
    for seed in range(3):
        ring = exchanged(new, seed)
        scores = learned.logits(graph, features, [ring.get(one, one) for one in every])
        draws.append(beside_seen(scores, truth, seen))
    found = judged.rows["swapped knowledge"].beside
    assert found is not None
    assert found.unseen == pytest.approx(np.mean([draw.unseen for draw in draws], axis=0))
    assert found.seen == pytest.approx(np.mean([draw.seen for draw in draws], axis=0))
    assert (judged.new, judged.base) == (tuple(new), tuple(base))
    assert judged.pictures == (12, 36)
