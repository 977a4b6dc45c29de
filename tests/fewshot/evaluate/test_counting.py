"""evaluate: what counts as right, where classes tie or logits are no numbers."""

from __future__ import annotations

import math

import pytest
import torch

import fewshot
from fewshot import (
    Episodes,
    PrototypeHead,
    Words,
    ZeroShotHead,
)
from fewshot.tally import Tally
from tests.fewshot.evaluate.conftest import SIZES, made, texts


def test_calibration_error_is_that_of_a_slow_loop(logits_seen):
    x, y = made(2)
    found = fewshot.evaluate(
        PrototypeHead(scale=0.2), x, y, n_way=(2, 4), n_shot=2, n_query=4, n_episodes=40
    )
    bins = [[] for _ in range(15)]
    for logits, episodes in logits_seen:
        for e, q in (episodes.query_labels >= 0).nonzero().tolist():
            row = [v for v in logits[e, q].tolist() if v > -math.inf]
            total = sum(math.exp(v - max(row)) for v in row)
            sure, own = 1 / total, int(episodes.query_labels[e, q])
            bins[min(int(sure * 15), 14)].append((sure, row[own] == max(row)))
    n = sum(map(len, bins))
    slow = sum(
        len(b) / n * abs(sum(s for s, _ in b) / len(b) - sum(r for _, r in b) / len(b))
        for b in bins
        if b
    )
    assert found.bins[2].tolist() == [len(b) for b in bins]
    assert found.ece == pytest.approx(slow, abs=1e-6)
    assert found.ece > 0.01


def test_a_query_whose_logits_are_nan_counts_as_wrong():
    class Lost(PrototypeHead):
        def logits_from_inner(self, inner, labels, class_mask, *, query_mask=None):
            return super().logits_from_inner(inner, labels, class_mask) * torch.nan

    x, y = made(2)
    assert fewshot.evaluate(Lost(), x, y, n_way=3, n_query=2, n_episodes=5).mean == 0


def tallied(logits, labels):
    """A tile of one episode of classes 0, 1, 2 ... counted."""
    logits = torch.as_tensor(logits, dtype=torch.float64)[None]
    k, n = logits.shape[-1], len(labels)
    tally = Tally(k, torch.device("cpu"))
    none = torch.zeros(1, 0, dtype=torch.int64)
    classes, there = torch.arange(k)[None], torch.ones(1, k, dtype=torch.bool)
    asked = torch.zeros(1, n, dtype=torch.int64)
    tally.add(logits, Episodes(none, none, asked, torch.tensor([labels]), classes, there))
    return [one.tolist() for one in tally.result()]


def test_a_query_with_equal_best_classes_counts_as_one_over_their_number():
    third = 1 / 3
    rows = [[2, 2, 0], [2, 2, 0], [1, 1, 1], [0, 3, 3], [5, -math.inf, 5], [0, 1, 2]]
    accuracies, right, tried, bins = tallied(rows, [0, 1, 2, 0, 2, -1])
    # by hand: 1/2, 1/2, 1/3, 0 (its class is not among the best), 1/2; the last is padding
    assert accuracies == pytest.approx([(0.5 + 0.5 + third + 0 + 0.5) / 5])
    assert right == pytest.approx([0.5, 0.5, third + 0.5])
    assert tried == [2, 1, 2]
    assert sum(bins[1]) == pytest.approx(sum(right))


def test_a_query_without_a_finite_highest_logit_counts_as_wrong():
    inf, nan = math.inf, math.nan
    rows = [[inf, 0, 0], [-inf] * 3, [1, nan, 0], [inf, inf, 0], [nan] * 3, [1, 0, -inf]]
    accuracies, right, *_ = tallied(rows, [0] * 6)
    assert accuracies == pytest.approx([1 / 6])
    assert right == [1, 0, 0]


def test_logits_that_differ_in_their_last_digit_are_no_tie():
    assert tallied([[1.0, 1.0 + 1e-12], [1e6, 1e6 + 1e-9]], [1, 1])[0] == [1]
    assert tallied([[1.0, 1.0 + 1e-12], [1e6, 1e6 + 1e-9]], [0, 0])[0] == [0]


def test_classes_of_the_same_words_share_their_queries_by_a_slow_loop(logits_seen):
    x, y = made(2)
    names, rows = sorted(SIZES), texts().embeddings.clone()
    rows[names.index("tit")] = rows[names.index("crow")]
    told = {"n_way": 4, "n_shot": 1, "n_query": 4, "n_episodes": 30, "words": Words(rows, 15.0)}
    found = fewshot.evaluate(ZeroShotHead(), x, y, **told)
    right, ties = [0.0] * 5, 0
    for logits, episodes in logits_seen:
        for e, q in (episodes.query_labels >= 0).nonzero().tolist():
            row, own = logits[e, q].tolist(), int(episodes.query_labels[e, q])
            best = [place for place, logit in enumerate(row) if logit == max(row)]
            ties += len(best) > 1
            right[int(episodes.classes[e, own])] += (own in best) / len(best)
    assert ties > 50
    assert found.class_right.tolist() == pytest.approx(right)
    assert found.mean == pytest.approx(sum(right) / 30 / 16)
