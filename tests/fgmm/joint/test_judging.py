"""Judging by loops over classes and pictures, and by hand; controls that change what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from fewshot.metrics import macro_accuracy
from fgmm.errors import DatasetError
from fgmm.joint import calibrated
from fgmm.joint.controls import exchanged, scrambled
from fgmm.joint.judging import (
    SeenUnseen,
    beside_seen,
    by_class,
    cross_calibrated,
    harmonic_interval,
    harmonic_mean,
    pick_gamma,
)


def made(seed: int, k: int = 6, n: int = 60, favour: float = 1.5):
    """Scores that favour the first half of the classes, which are the seen ones."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(k), rng.integers(k, size=n - k)])
    seen = np.arange(k) < k // 2
    scores = rng.normal(size=(n, k)) + 1.5 * np.eye(k)[truth] + favour * seen
    return torch.from_numpy(scores), truth, seen


def slowly(scores, truth, seen, gamma):
    """Accuracy of each class, picture by picture."""
    found = {}
    for c in sorted(set(truth.tolist())):
        answers = []
        for row in np.flatnonzero(truth == c):
            own = scores[row].tolist()
            own = [s - gamma if seen[i] else s for i, s in enumerate(own)]
            answers.append(own.index(max(own)) == c)
        found[c] = sum(answers) / len(answers)
    return found


@given(st.integers(0, 1000), st.floats(-3, 3))
def test_accuracies_are_those_of_a_loop(seed, gamma):
    scores, truth, seen = made(seed)
    own = slowly(scores, truth, seen, gamma)
    found = beside_seen(scores, truth, seen, gamma)
    assert found.unseen.tolist() == [v for c, v in own.items() if not seen[c]]
    assert found.seen.tolist() == [v for c, v in own.items() if seen[c]]
    plain = by_class(calibrated(scores, torch.from_numpy(seen), gamma), truth)
    assert plain.tolist() == list(own.values())
    best = calibrated(scores, torch.from_numpy(seen), gamma).argmax(1).tolist()
    assert plain.mean() == pytest.approx(macro_accuracy(truth.tolist(), best))


def test_a_class_without_a_picture_has_no_accuracy():
    scores, truth, seen = torch.eye(3), np.array([0, 1, 1]), np.array([True, False, False])
    assert np.isnan(by_class(scores, truth)[2])
    assert [len(side) for side in beside_seen(scores, truth, seen)] == [1, 1]


@given(st.integers(0, 1000))
def test_no_gamma_of_a_grid_is_better_than_the_one_picked(seed):
    scores, truth, seen = made(seed, n=40)
    picked = beside_seen(scores, truth, seen, pick_gamma([(scores, truth, seen)])).harmonic
    for gamma in np.linspace(-4, 6, 101):
        assert beside_seen(scores, truth, seen, gamma).harmonic <= picked + 1e-12


def test_gamma_is_0_where_no_class_is_favoured():
    scores = 10 * torch.eye(4)
    assert pick_gamma([(scores, np.arange(4), np.array([True, True, False, False]))]) == 0


def test_gamma_for_one_half_is_picked_on_the_other(monkeypatch):
    """Each picture is judged once, by a gamma for which its class was not looked at."""
    from fgmm.joint import judging

    scores, truth, seen = made(3, k=8, n=200)
    looked = []

    def pick(folds):
        looked.append(set(folds[0][1].tolist()))
        return pick_gamma(folds)

    monkeypatch.setattr(judging, "pick_gamma", pick)
    found = cross_calibrated(scores, truth, seen)
    first, second = looked
    assert not first & second
    assert first | second == set(range(8))
    for half in looked:
        assert sum(seen[c] for c in half) == 2, "half of the four seen ones"
    own = {}
    for half, other in ((first, second), (second, first)):
        rows = np.isin(truth, sorted(half))
        gamma = pick_gamma([(scores[rows], truth[rows], seen)])
        own |= {c: v for c, v in slowly(scores, truth, seen, gamma).items() if c in other}
    assert found.unseen.tolist() == [own[c] for c in range(8) if not seen[c]]
    assert found.seen.tolist() == [own[c] for c in range(8) if seen[c]]
    assert found.harmonic > beside_seen(scores, truth, seen).harmonic


@pytest.mark.parametrize(("kept", "what"), [([0, 1, 5], "1 unseen"), ([0, 4, 5], "1 seen")])
def test_one_class_of_a_side_cannot_be_halved(kept, what):
    scores, truth, seen = made(0)
    rows = np.isin(truth, kept)
    with pytest.raises(DatasetError, match=f"of {what} classes: give two or more"):
        cross_calibrated(scores[rows], truth[rows], seen)


def test_harmonic_means_by_hand():
    assert harmonic_mean(0.2, 0.6) == pytest.approx(0.3)
    assert harmonic_mean(0.4, 0.4) == pytest.approx(0.4)
    assert harmonic_mean(0, 0) == 0
    row = SeenUnseen(np.array([0.1, 0.3]), np.array([0.5, 0.7]))
    assert row.harmonic == pytest.approx(0.3)


def test_intervals_of_h_hold_it_and_shrink_with_classes():
    rng = np.random.default_rng(0)
    widths = []
    for k in (10, 1000):
        row = SeenUnseen(rng.uniform(0.2, 0.4, k), rng.uniform(0.5, 0.9, k))
        low, high = harmonic_interval(row)
        assert low < row.harmonic < high
        widths.append(high - low)
        worse = SeenUnseen(row.unseen - 0.1, row.seen)
        ahead = row.harmonic - worse.harmonic
        low, high = harmonic_interval(row, worse)
        assert 0 < low < ahead < high, "paired by class: the same classes are drawn for both"
        assert harmonic_interval(worse, row) == pytest.approx((-high, -low))
    assert widths[1] < widths[0] / 5


@given(st.sets(st.text(max_size=3), min_size=2, max_size=12), st.integers(0, 99))
def test_an_exchange_is_one_ring_and_nobody_keeps_what_is_theirs(items, seed):
    other = exchanged(items, seed)
    assert other == exchanged(sorted(items, reverse=True), seed)
    at, seen = next(iter(sorted(items))), []
    while at not in seen:
        seen.append(at)
        at = other[at]
    assert set(seen) == items == set(other)


def test_every_seed_draws_anew():
    items = [str(at) for at in range(20)]
    assert len({tuple(exchanged(items, seed).values()) for seed in range(5)}) == 5
    assert len({scrambled("antidisestablishment", seed) for seed in range(5)}) == 5


@given(st.text(alphabet="abc de", max_size=30), st.integers(0, 99))
def test_scrambled_words_have_the_same_letters(text, seed):
    words, new = text.split(), scrambled(text, seed).split()
    assert [sorted(word) for word in new] == [sorted(word) for word in words]
    assert scrambled(text, seed) == scrambled(text, seed)


def test_scrambling_shuffles_and_seeds_differ():
    text = "black-throated loon"
    assert len({scrambled(text, seed) for seed in range(5)} | {text}) == 6


def test_the_interval_of_h_is_a_binomials_where_a_class_is_right_or_wrong():
    """S is 1 and four of eight are right: of eight drawn, at most one is in 3.5 % of draws."""
    own = SeenUnseen(np.array([0.0, 1.0] * 4), np.ones(3))
    low, high = (binom.ppf(share, 8, 0.5) / 8 for share in (0.025, 0.975))
    expected = [2 * u / (u + 1) for u in (low, high)]
    assert harmonic_interval(own) == pytest.approx(expected)


def test_the_lead_of_h_is_paired_by_class():
    """Half as good at every class is half the H, whichever classes are drawn."""
    rng = np.random.default_rng(1)
    own = SeenUnseen(rng.random(9), rng.random(12))
    half = SeenUnseen(own.unseen / 2, own.seen / 2)
    expected = [x / 2 for x in harmonic_interval(own)]
    assert harmonic_interval(own, half) == pytest.approx(expected)
