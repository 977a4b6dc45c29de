"""Matching networks: against loops, by hand, and in their limits."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import MatchingHead, NearestNeighbourHead, Support


def slowly(support, queries, scale):
    """Equations 1 and 2, a query at a time."""
    x, labels = support.features.tolist(), support.labels.tolist()

    def cosine(a, b):
        dot = sum(p * q for p, q in zip(a, b, strict=True))
        return dot / math.sqrt(sum(p * p for p in a)) / math.sqrt(sum(q * q for q in b))

    answer = []
    for query in queries.tolist():
        weights = [math.exp(scale * cosine(query, photo)) for photo in x]
        attention = [w / sum(weights) for w in weights]
        row = [0.0] * support.n_classes
        for a, c in zip(attention, labels, strict=True):
            row[c] += a
        answer.append([math.log(p) for p in row])
    return torch.tensor(answer, dtype=torch.float64)


@pytest.mark.parametrize("scale", [1.0, 10.0, 100.0])
def test_it_is_the_definition(photo_episode, scale):
    support, queries = photo_episode(0, (5, 1, 3, 2))
    found = MatchingHead(scale).fit(support).logits(queries)
    torch.testing.assert_close(found, slowly(support, queries, scale))


def test_a_case_by_hand():
    # Cosines of the query (1, 0): 1 and 0 with class 0's photos, -1 with class 1's.
    # Scale log 2: terms 2, 1 and 1/2, together 7/2. Probabilities 3 / 3.5 and 0.5 / 3.5.
    x = torch.tensor([[3.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])
    support = Support(x, torch.tensor([0, 0, 1]), torch.ones(2, dtype=torch.bool))
    found = MatchingHead(math.log(2)).fit(support).logits(torch.tensor([[5.0, 0.0]])).exp()
    torch.testing.assert_close(found, torch.tensor([[6 / 7, 1 / 7]]))


def test_negative_cosines_still_tell_classes_apart():
    # With relu both cosines would be 0 and the classes equal.
    x = torch.tensor([[-1.0, 0.0], [-1.0, 1.0]])
    support = Support(x, torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    found = MatchingHead().fit(support).logits(torch.tensor([[1.0, 0.0]]))
    assert found[0, 1] - found[0, 0] > 29  # 100 (1 - 1/sqrt 2) = 29.3


def test_a_far_class_keeps_its_logit_in_single_precision():
    # exp(-200) is 0 in float32; the logarithm of the exact attention is not.
    x = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    support = Support(x, torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    found = MatchingHead().fit(support).logits(torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[0.0, -200.0]]))


def test_a_sharp_attention_is_the_nearest_neighbour(photo_episode):
    support, queries = photo_episode(1, (3, 2, 4))
    near = NearestNeighbourHead(scale=1.0).fit(support).logits(queries)
    found = MatchingHead(1e6).fit(support).logits(queries) / 1e6
    expected = near - near.amax(-1, keepdim=True)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)  # log 4 / 1e6


def test_without_sharpness_it_counts_photos(photo_episode):
    support, queries = photo_episode(2, (3, 1, 2))
    found = MatchingHead(1e-9).fit(support).logits(queries).exp()
    expected = torch.tensor([3.0, 1, 2]).double().div(6).expand(len(queries), 3)
    torch.testing.assert_close(found, expected)


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.sampled_from([1.0, 100.0]))
def test_promises(keeps_photo_promises, seed, scale):
    keeps_photo_promises(MatchingHead(scale), seed)


@given(st.integers(0, 10**6))
def test_probabilities_add_up_to_one(photo_episode, seed):
    found = MatchingHead()(*photo_episode(seed, (2, None, 3)))
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(7).double())


def test_half_precision(answers_half_precision):
    answers_half_precision(MatchingHead(10.0))


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_wrong_scales_are_refused(scale):
    with pytest.raises(ValueError, match=f"scale is {scale}: it must be positive and finite"):
        MatchingHead(scale)
