"""Pools: episodes that are no block of memory, and heads that take one episode at a time."""

from __future__ import annotations

import pytest
import torch

import fewshot
from fewshot import (
    EpisodeSampler,
    InnerProductHead,
    NearestNeighbourHead,
    PrototypeHead,
    SimpleShotHead,
    TunedHead,
    label_support,
    load_head,
)
from fewshot.pools import FeaturePool
from fewshot.registry import HEADS


def made(n_classes: int = 4, n: int = 12, d: int = 5):
    draw = torch.Generator().manual_seed(0)
    labels = [i % n_classes for i in range(n_classes * n)]
    centres = torch.randn(n_classes, d, generator=draw, dtype=torch.float64)
    noise = torch.randn(len(labels), d, generator=draw, dtype=torch.float64)
    return centres[torch.tensor(labels)] + noise, labels


@pytest.mark.parametrize(("n_way", "n_shot"), [(1, 1), (1, 3), (2, 1)])
def test_an_episode_of_one_class_is_answered(n_way, n_shot):
    # with one class an episode's indices have strides of their own
    x, y = made()
    found = fewshot.evaluate(
        PrototypeHead(), x, y, n_way=n_way, n_shot=n_shot, n_query=2, n_episodes=200
    )
    assert len(found.accuracies) == 200
    if n_way == 1:
        assert found.mean == 1.0


class Alone(PrototypeHead):
    """Prototypes that refuse more than one episode at once."""

    batched = False

    def fit(self, support):
        assert len(support.features) == 1
        return super().fit(support)


def test_a_head_that_is_not_batched_gets_one_episode_at_a_time(monkeypatch):
    monkeypatch.setattr(FeaturePool, "gram_pays", lambda *_: False)
    x, y = made()
    told = {"n_way": 3, "n_shot": 2, "n_query": 4, "n_episodes": 30}
    found = fewshot.evaluate(Alone(), x, y, **told)
    whole = fewshot.evaluate(PrototypeHead(), x, y, **told)
    assert found.accuracies.tolist() == whole.accuracies.tolist()
    pool = FeaturePool(x, None, None, None, n_episodes=30)
    sampler = EpisodeSampler(y, 3, 2, 4)
    assert pool.prepare(Alone(), sampler).tile == 1
    assert pool.prepare(PrototypeHead(), sampler).tile > 1


FAR = [
    PrototypeHead(),
    NearestNeighbourHead(distance="euclidean"),
    NearestNeighbourHead(2, "euclidean"),
    TunedHead([PrototypeHead(), PrototypeHead(scale=2.0)]),
]


@pytest.mark.parametrize("pools", [1, 2])
@pytest.mark.parametrize("gram", [True, False])
@pytest.mark.parametrize("head", FAR, ids=["mean", "nearest", "two nearest", "tuned"])
def test_features_far_from_zero_are_told_apart_in_single_precision(head, gram, pools, monkeypatch):
    # squared lengths of 5e6 leave float32 steps of 0.5, and distances here are about 5
    monkeypatch.setattr(FeaturePool, "gram_pays", lambda *_: gram)
    x, y = made()
    told = {"n_way": 4, "n_shot": 2, "n_query": 4, "n_episodes": 60}

    def accuracies(features):
        queries = {"query_features": features.flip(0) + 0.25, "query_labels": y[::-1]}
        return fewshot.evaluate(head, features, y, **told, **(queries if pools == 2 else {}))

    near, far = accuracies(x), accuracies((x + 1000).float())
    assert (near.accuracies - far.accuracies).abs().mean() < 0.002
    assert near.mean < 0.95


def test_only_heads_that_do_not_feel_a_shift_say_so():
    x, y = made()
    shift = torch.linspace(-3, 4, 5, dtype=torch.float64)
    claimed = [h for h in map(load_head, HEADS) if getattr(h, "shift_invariant", False)]
    for head in [*claimed, *FAR]:
        assert isinstance(head, InnerProductHead)
        logits = [
            head.fit(label_support(x[:9] + by, y[:9])[0]).logits(x[9:] + by) for by in (0, shift)
        ]
        torch.testing.assert_close(*logits)
    assert PrototypeHead().shift_invariant
    for head in (PrototypeHead("cosine"), NearestNeighbourHead(), SimpleShotHead()):
        assert not head.shift_invariant
    assert not TunedHead([PrototypeHead(), PrototypeHead("cosine")]).shift_invariant
