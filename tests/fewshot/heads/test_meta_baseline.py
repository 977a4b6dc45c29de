"""Meta-Baseline is the cosine to class means, by loops, by hand, and beside its sibling."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import MetaBaselineHead, PrototypeHead, Support


def test_it_is_the_definition(photo_episode):
    support, queries = photo_episode(0, (3, 1, 2))
    found = MetaBaselineHead(7.0).fit(support).logits(queries)
    for i, q in enumerate(queries.tolist()):
        for c in range(3):
            own = [
                x
                for x, y in zip(support.features.tolist(), support.labels.tolist(), strict=True)
                if y == c
            ]
            mean = [sum(column) / len(own) for column in zip(*own, strict=True)]
            dot = sum(a * b for a, b in zip(q, mean, strict=True))
            assert float(found[i, c]) == pytest.approx(7 * dot / math.hypot(*q) / math.hypot(*mean))


def test_a_case_by_hand():
    # Means (1, 1) and (0, 2); the query (2, 0) has the cosines 1 / sqrt(2) and 0.
    x = torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 2.0]])
    support = Support(x, torch.tensor([0, 0, 1]), torch.ones(2, dtype=torch.bool))
    found = MetaBaselineHead(4.0).fit(support).logits(torch.tensor([[2.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[2 * math.sqrt(2), 0.0]]))


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_it_is_the_prototype_head_of_cosines(photo_episode, seed):
    support, queries = photo_episode(seed)
    sibling = PrototypeHead("cosine", 3.0).fit(support).logits(queries)
    assert torch.equal(MetaBaselineHead(3.0).fit(support).logits(queries), sibling)


@settings(max_examples=5)
@given(st.integers(0, 10**6))
def test_promises(keeps_photo_promises, seed):
    keeps_photo_promises(MetaBaselineHead(4.0), seed)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_a_wrong_scale_is_refused(scale):
    with pytest.raises(ValueError, match=f"scale is {scale}"):
        MetaBaselineHead(scale)
