"""Photos only: the probe never looks at test, and an episode never asks about what it showed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

WAYS = [f"class {i}" for i in range(6)]


@pytest.fixture
def photos(benchmark_module):
    return benchmark_module("tiny_photos")


def blobs(rng, per_class, noise, centres=None):
    """Points around the first axes, with their keys."""
    centres = np.eye(len(WAYS), 12) if centres is None else centres
    x = np.repeat(centres, per_class, axis=0)
    return x + noise * rng.normal(size=x.shape), np.repeat(WAYS, per_class)


# ---------------------------------------------------------------- probe


@pytest.fixture
def three(pool):
    """Train, val and test of classes that overlap, so that the strength matters."""
    rng = np.random.default_rng(0)
    return [pool(*blobs(rng, n, 0.6)) for n in (6, 12, 20)]


def test_classes_far_apart_are_told_apart(photos, pool):
    rng = np.random.default_rng(1)
    accuracy, _ = photos.linear_probe(*(pool(*blobs(rng, 8, 0.01)) for _ in range(3)))
    assert accuracy.micro == accuracy.macro == 1.0


def test_the_strength_does_not_depend_on_test(photos, three, pool):
    train, val, test = three
    rng = np.random.default_rng(2)
    _, strength = photos.linear_probe(*three)
    for _ in range(3):
        shuffled = pool(test.features.vectors, rng.permutation(test.keys))
        assert photos.linear_probe(train, val, shuffled)[1] == strength


def test_the_strength_is_the_one_best_on_val(photos, three):
    from sklearn.linear_model import LogisticRegression

    train, val, _ = three
    x, y = (p.features.vectors.numpy().astype(np.float64) for p in (train, val))
    mean, root = x.mean(0), x.shape[1] ** 0.5
    scores = {}
    for strength in photos.STRENGTHS:
        fitted = LogisticRegression(C=strength, max_iter=2000).fit((x - mean) * root, train.keys)
        scores[strength] = np.mean(fitted.predict((y - mean) * root) == val.keys)
    assert len(set(scores.values())) > 2  # the choice is one
    chosen = photos.linear_probe(*three)[1]
    assert scores[chosen] == max(scores.values())


def test_the_last_fit_has_seen_val_too(photos, pool):
    """A class of which only val has pictures is known on test."""
    rng = np.random.default_rng(3)
    x, keys = blobs(rng, 8, 0.05)
    rare = keys == WAYS[0]
    twice = np.r_[np.arange(len(keys)), np.flatnonzero(rare)]  # 16 of every class in all
    train, val = pool(x[~rare], keys[~rare]), pool(x[twice], keys[twice])
    test = pool(*blobs(rng, 5, 0.05))
    accuracy, _ = photos.linear_probe(train, val, test)
    assert accuracy.macro == 1.0


# ---------------------------------------------------------------- episodes


@pytest.mark.parametrize("shots", [1, 5])
@pytest.mark.parametrize("same", [True, False])
def test_separable_classes_are_always_right(photos, pool, shots, same):
    rng = np.random.default_rng(4)
    support = pool(*blobs(rng, 25, 0.001))
    query = support if same else pool(*blobs(rng, 20, 0.001))
    found = photos.episodes(support, query, torch.zeros(12), shots, n=50)
    assert found.mean == 1.0
    assert found.half == 0.0
    assert found.interval == (1.0, 1.0)


@pytest.mark.parametrize("same", [True, False])
def test_features_that_say_nothing_are_right_one_time_in_five(photos, pool, same):
    """A picture asked about that was shown would be right always: 1/5 + 4/5 * 1/16 = 1/4."""
    rng = np.random.default_rng(5)
    keys = np.repeat(WAYS, 16)
    support = pool(rng.normal(size=(len(keys), 64)), keys)
    query = support if same else pool(rng.normal(size=(len(keys), 64)), keys)
    found = photos.episodes(support, query, torch.zeros(64), 1, n=400)
    assert found.mean == pytest.approx(0.2, abs=0.025)


def test_the_centre_is_taken_away(photos, pool):
    """A large vector common to all hides the classes; taken away, they are there again."""
    rng = np.random.default_rng(6)
    x, keys = blobs(rng, 20, 0.1)
    common = np.zeros(12)
    common[11] = 3.0
    made = pool(x + common, keys)
    mean = made.features.vectors.mean(0)
    told = [photos.episodes(made, made, c, 1, n=60).mean for c in (torch.zeros(12), mean)]
    # noise and classes shrink alike, but cosines see only the common part until it is gone
    slow = [by_hand(made.features.vectors - c, made.keys) for c in (torch.zeros(12), mean)]
    assert told[1] == pytest.approx(slow[1], abs=0.05)
    assert told[0] == pytest.approx(slow[0], abs=0.05)


def by_hand(x, keys):
    """One-shot accuracy over many episodes, as loops, with a generator of its own."""
    rng = np.random.default_rng(99)
    right = []
    for _ in range(60):
        chosen = rng.choice(WAYS, 5, replace=False)
        shown = {c: rng.choice(np.flatnonzero(keys == c)) for c in chosen}
        for c in chosen:
            for row in np.flatnonzero(keys == c):
                if row != shown[c]:
                    cosine = {
                        k: float(x[row] @ x[s]) / float(x[row].norm() * x[s].norm())
                        for k, s in shown.items()
                    }
                    right.append(max(cosine, key=cosine.get) == c)
    return np.mean(right)


def test_support_and_queries_share_no_picture(photos):
    rng = np.random.default_rng(7)
    rows = np.arange(30, 55)
    for shots, queries in ((1, 15), (5, 15), (5, 20)):
        for _ in range(50):
            shown, asked = photos.draw_rows(rng, rows, rows, shots, queries)
            assert len(set(shown)) == shots
            assert len(set(asked)) == queries
            assert not set(shown) & set(asked)
            assert set(shown) | set(asked) <= set(rows)


def test_few_queries_repeat_rather_than_show_support(photos):
    rng = np.random.default_rng(8)
    shown, asked = photos.draw_rows(rng, np.arange(6), np.arange(6), 5, 15)
    assert len(asked) == 15
    assert len(set(asked)) == 1
    assert not set(shown) & set(asked)
