"""Tip-Adapter: against loops, by hand, and in its limits."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import Support, TipAdapterHead, Words, ZeroShotHead
from fewshot.heads.tip_adapter import cache_values


def slowly(support, queries, alpha, beta, values):
    """Equation 6, an image and a class at a time."""
    x, t = support.features.tolist(), support.words.embeddings.tolist()
    labels, k = support.labels.tolist(), support.n_classes
    shots = [labels.count(c) for c in range(k)]
    seen = [c for c in range(k) if shots[c]]
    average = sum(shots) / len(seen)

    def unit(v):
        return [a / math.sqrt(sum(b * b for b in v)) for a in v]

    def dot(a, b):
        return sum(p * q for p, q in zip(a, b, strict=True))

    answer = []
    for query in map(unit, queries.tolist()):
        votes = [0.0] * k
        for photo, c in zip(map(unit, x), labels, strict=True):
            worth = 1.0 if values == "sum" else average / shots[c]
            votes[c] += worth * math.exp(-beta * (1 - dot(query, photo)))
        if values == "mean":
            middle = sum(votes) / len(seen)
            votes = [v if shots[c] else middle for c, v in enumerate(votes)]
        scale = support.words.logit_scale
        answer.append([scale * dot(query, t[c]) + alpha * votes[c] for c in range(k)])
    return torch.tensor(answer, dtype=torch.float64)


@pytest.mark.parametrize("values", ["mean", "sum"])
@pytest.mark.parametrize("counts", [(3, 1, 2), (4, 0, 2), (1, 1, 1)])
def test_it_is_the_definition(word_episode, values, counts):
    support, queries = word_episode(0, counts)
    found = TipAdapterHead(2.0, 3.0, values).fit(support).logits(queries)
    torch.testing.assert_close(found, slowly(support, queries, 2.0, 3.0, values))


def test_a_case_by_hand():
    # Words along the axes, scale 10. Photos: two of class 0 along x, one of class 1 along y.
    # The query (0.6, 0.8) has cosines 0.6 with x and 0.8 with y.
    # sum:  10 * 0.6 + 2 exp(-2 * 0.4) = 6 + 2 * 0.449329 = 6.898658
    #       10 * 0.8 + 1 exp(-2 * 0.2) = 8 + 0.670320      = 8.670320
    # mean: 1.5 photos a class, so     6 + 1.5 * 0.449329 = 6.673994
    #                                  8 + 1.5 * 0.670320 = 9.005480
    support = Support(
        torch.tensor([[1.0, 0.0], [5.0, 0.0], [0.0, 2.0]]),
        torch.tensor([0, 0, 1]),
        torch.ones(2, dtype=torch.bool),
        Words(torch.eye(2), 10.0),
    )
    query = torch.tensor([[3.0, 4.0]])
    for values, expected in (("sum", [6.898658, 8.670320]), ("mean", [6.673994, 9.005480])):
        found = TipAdapterHead(beta=2.0, values=values).fit(support).logits(query)
        torch.testing.assert_close(found, torch.tensor([expected]))


def test_without_strength_it_is_zero_shot(word_episode):
    support, queries = word_episode(1)
    found = TipAdapterHead(alpha=0.0).fit(support).logits(queries)
    assert torch.equal(found, ZeroShotHead().fit(support).logits(queries))


def test_without_sharpness_every_photo_votes_alike(word_episode):
    support, queries = word_episode(2, (4, 1, 2))
    words = ZeroShotHead().fit(support).logits(queries)
    votes = TipAdapterHead(beta=0.0, values="sum").fit(support).logits(queries) - words
    torch.testing.assert_close(votes, torch.tensor([4.0, 1, 2]).double().expand(len(queries), 3))
    votes = TipAdapterHead(beta=0.0).fit(support).logits(queries) - words
    torch.testing.assert_close(votes, torch.full_like(votes, 7 / 3))


def test_values_agree_where_shots_are_equal(word_episode):
    support, queries = word_episode(3, (2, 2, 2))
    mean = TipAdapterHead(values="mean").fit(support).logits(queries)
    torch.testing.assert_close(mean, TipAdapterHead(values="sum").fit(support).logits(queries))


def test_the_same_photo_again_does_not_outvote():
    # As often as class 0's photo is given, class 1 keeps the query that looks like its own.
    photos = torch.tensor([[1.0, 0.0]] * 30 + [[0.0, 1.0]])
    labels = torch.tensor([0] * 30 + [1])
    words = Words(torch.full((2, 2), 0.5**0.5), 1.0)  # nothing in them for either
    support = Support(photos, labels, torch.ones(2, dtype=torch.bool), words)
    query = torch.tensor([[0.6, 0.8]])
    assert TipAdapterHead(values="sum").fit(support).logits(query).argmax() == 0
    assert TipAdapterHead().fit(support).logits(query).argmax() == 1


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_every_class_holds_the_same_weight(counts):
    labels = torch.tensor([c for c, n in enumerate(counts) for _ in range(n)]).long()
    worth = cache_values(labels, torch.ones(len(counts), dtype=torch.bool), torch.ones(1), "mean")
    totals = worth.sum(0)
    torch.testing.assert_close(totals, totals[:1].expand_as(totals))
    assert (totals > 0).all() == (len(labels) > 0)


@settings(max_examples=5)
@given(st.integers(0, 10**6), st.sampled_from(["mean", "sum"]))
def test_promises(keeps_promises, seed, values):
    keeps_promises(TipAdapterHead(values=values), seed)


def test_half_precision(works_in_half_precision):
    works_in_half_precision(TipAdapterHead())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alpha": -1.0}, "alpha is -1.0: give a finite number"),
        ({"beta": float("nan")}, "beta is nan"),
        ({"values": "median"}, "values is 'median': use 'mean' or 'sum'"),
    ],
)
def test_wrong_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        TipAdapterHead(**wrong)
