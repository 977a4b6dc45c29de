"""Both sides see the same episodes, and the bytes are those of the episode."""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np
import pytest
import torch

import fewshot
from fewshot import EpisodeSampler


@pytest.fixture
def sides(benchmark_module):
    return benchmark_module("episode_sides")


@pytest.fixture
def small(sides):
    return sides.made_up_features(8, 12, 16, noise=1.0)


def test_the_features_are_hard_but_not_too_hard(sides):
    x, y = sides.made_up_features()
    assert x.shape == (3000, 512)
    assert Counter(Counter(y).values()) == {60: 50}
    assert torch.allclose(x.norm(dim=1), torch.ones(3000), atol=1e-5)
    found = sides.ours(fewshot.PrototypeHead(), x, y, (5, 5, 15), 200)
    assert 0.6 < found.mean < 0.85


def test_rows_come_class_by_class_photos_first(sides, small):
    _, y = small
    episodes = EpisodeSampler(y, 3, 2, 4, seed=1).sample(0, 20)
    rows = sides.rows_by_class(episodes)
    assert rows.shape == (20, 3 * 6)
    for e in range(20):
        for c in range(3):
            part = rows[e, 6 * c : 6 * c + 6].tolist()
            assert {y[r] for r in part} == {int(episodes.classes[e, c])}
            assert set(part[:2]) <= set(episodes.support[e].tolist())
            assert set(part[2:]) <= set(episodes.query[e].tolist())
        assert len(set(rows[e].tolist())) == 18


def test_sklearn_sees_the_episodes_of_evaluate(sides, small):
    """The same objective on the same episodes: the same accuracies, one by one."""
    x, y = small
    sampler = EpisodeSampler(y, 3, 2, 4, seed=0)
    mine = fewshot.evaluate(
        fewshot.LogisticHead(), x, y, n_way=3, n_shot=2, n_query=4, n_episodes=15, progress=False
    )
    theirs = sides.sklearn_accuracies(x, y, sampler, 15)
    assert 0.4 < theirs.mean() < 1
    assert np.abs(mine.accuracies.numpy() - theirs).max() <= 1 / 12 + 1e-9  # a tie may tip
    assert np.mean(mine.accuracies.numpy() == theirs) > 0.8


def test_easyfsl_sees_the_episodes_of_evaluate(sides, small):
    if not sides.has_easyfsl():
        pytest.skip(f"easyfsl is not installed: {sides.INSTALL}")
    from easyfsl.methods import PrototypicalNetworks

    x, y = small
    sampler = EpisodeSampler(y, 3, 2, 4, seed=0)
    mine = fewshot.evaluate(
        fewshot.PrototypeHead(), x, y, n_way=3, n_shot=2, n_query=4, n_episodes=15, progress=False
    )
    theirs = sides.easyfsl_accuracies(PrototypicalNetworks(), x, y, sampler, 15)
    assert mine.accuracies.numpy() == pytest.approx(theirs)
    assert len(set(theirs)) > 2
    assert 0 < sides.easyfsl_run(PrototypicalNetworks(), x, y, (3, 2, 4), 5) <= 1


def test_bytes_of_an_episode_by_hand(benchmark_module):
    """Two ways, one shot, two queries a class: s = 2, q = 4, k = 2, rows 8 * (2 + 4 + 2) = 64.

    Prototypes: 2 * 2 + 4 * 2 + 4 lengths = 16 floats. Transductive: 16 more between queries.
    Words add (2 + 4 + 2) * 2 = 16. From features: (2 + 4) * 10, and 2 * 10 of words.
    """
    count = benchmark_module("episode_traffic").episode_bytes
    sizes = (2, 1, 2)
    assert count(fewshot.PrototypeHead(), sizes, 10, words=False) == 64 + 4 * 16
    assert count(fewshot.TIMHead(), sizes, 10, words=False) == 64 + 4 * 32
    assert count(fewshot.ZeroShotHead(), sizes, 10, words=True) == 64 + 4 * 32
    assert count(fewshot.FusedHead(), sizes, 10, words=False) == 64 + 4 * 60
    assert count(fewshot.FusedHead(), sizes, 10, words=True) == 64 + 4 * 80


def test_bandwidth_is_bytes_over_the_best_time(benchmark_module):
    """A clock that takes 2 s, then 1 s, then 4 s: a megabyte in the best of them."""
    times = iter([0.0, 2.0, 10.0, 11.0, 20.0, 24.0])
    found = benchmark_module("episode_traffic").bandwidth(1, 3, lambda: next(times))
    assert found == 2**20


def test_the_other_side_is_scaled_by_what_it_did(benchmark_module, small):
    """A clock that only the work moves: theirs takes a second an episode, ours a second a run."""
    module = benchmark_module("episodes")
    x, y = small
    now = [0.0]
    evaluate = module.ours

    def ours(*options):
        now[0] += 1.0
        return evaluate(*options)

    module.ours = ours
    module.SIZES = (3, 2, 4)
    args = argparse.Namespace(episodes=50, pairs=2, seconds=30.0, clock=lambda: now[0])
    head = fewshot.PrototypeHead()

    def run(n):
        now[0] += n

    def theirs(sampler, n):
        k, s, q = module.SIZES
        one = fewshot.evaluate(
            head, x, y, n_way=k, n_shot=s, n_query=q, n_episodes=n, progress=False
        )
        return one.accuracies.numpy()

    found = module.compare(head, run, theirs, x, y, args)
    assert found["episodes"] == (50, 30)
    assert found["theirs a second"] == pytest.approx(1.0)
    assert found["ours a second"] == pytest.approx(50.0)
    assert found["ratio"] == pytest.approx(50.0)
    assert found["difference"] == (0.0, 0.0)
    assert found["episodes alike"] == 1.0
