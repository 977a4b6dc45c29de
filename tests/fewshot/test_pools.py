"""Pools: episodes that are no block of memory, and heads that take one episode at a time."""

from __future__ import annotations

import pytest
import torch

import fewshot
from fewshot import EpisodeSampler, PrototypeHead


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
    monkeypatch.setattr("fewshot.pools.FeaturePool.gram_pays", lambda *_: False)
    x, y = made()
    told = {"n_way": 3, "n_shot": 2, "n_query": 4, "n_episodes": 30}
    found = fewshot.evaluate(Alone(), x, y, **told)
    whole = fewshot.evaluate(PrototypeHead(), x, y, **told)
    assert found.accuracies.tolist() == whole.accuracies.tolist()
    pool = fewshot.pools.FeaturePool(x, None, None, None, n_episodes=30)
    sampler = EpisodeSampler(y, 3, 2, 4)
    assert pool.prepare(Alone(), sampler).tile == 1
    assert pool.prepare(PrototypeHead(), sampler).tile > 1
