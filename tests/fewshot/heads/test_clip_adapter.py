"""CLIP-Adapter: against torch's own layers and optimiser, and in its limits."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fewshot import CLIPAdapterHead, ZeroShotHead


def slowly(support, queries, head):
    """One episode: two linear layers on *raw* features, autograd and torch's SGD."""
    f, t, y = support.features, support.words.embeddings, support.labels
    inner, outer = head.first_weights(f)
    first = nn.Linear(*inner.shape, bias=False, dtype=f.dtype)
    second = nn.Linear(*outer.shape, bias=False, dtype=f.dtype)
    first.weight.data, second.weight.data = inner.T.clone(), outer.T.clone()
    adapter = nn.Sequential(first, nn.ReLU(), second, nn.ReLU())

    def logits(x):
        bent = head.ratio * adapter(x) + (1 - head.ratio) * x
        return support.words.logit_scale * functional.normalize(bent, dim=-1) @ t.T

    sgd = torch.optim.SGD(adapter.parameters(), lr=1.0, momentum=0.9)
    for step in range(head.steps):
        now = head.learning_rate * (1 + math.cos(math.pi * step / head.steps)) / 2
        sgd.param_groups[0]["lr"] = now
        sgd.zero_grad()
        functional.cross_entropy(logits(f), y).backward()
        sgd.step()
    return logits(queries).detach()


@pytest.mark.parametrize("counts", [(3, 1, 2), (4, 0, 2)])
def test_it_is_two_layers_trained(word_episode, counts):
    support, queries = word_episode(0, counts, d=12)
    head = CLIPAdapterHead(0.3, 2, learning_rate=0.02, steps=30)
    found = head.fit(support).logits(queries)
    torch.testing.assert_close(found, slowly(support, queries, head))
    still = CLIPAdapterHead(0.3, 2, learning_rate=0.02, steps=0).fit(support).logits(queries)
    assert (found - still).abs().max() > 0.1  # training did something


def test_first_weights_are_uniform_and_always_the_same():
    inner, outer = CLIPAdapterHead().first_weights(torch.zeros(1, 400))
    assert (inner.shape, outer.shape) == ((400, 100), (100, 400))
    # uniform in +- b has the variance b^2 / 3: b^2 is 1 / 400 and 1 / 100
    assert inner.abs().max() <= 1 / 20
    assert outer.abs().max() <= 1 / 10
    assert inner.var().item() == pytest.approx(1 / 1200, rel=0.05)
    assert outer.var().item() == pytest.approx(1 / 300, rel=0.05)
    torch.manual_seed(7)
    assert torch.equal(inner, CLIPAdapterHead().first_weights(torch.zeros(3, 5, 400))[0])
    assert not torch.equal(inner, CLIPAdapterHead(seed=1).first_weights(torch.zeros(1, 400))[0])


def test_without_share_it_is_zero_shot(word_episode):
    support, queries = word_episode(1, bias=-3.0)
    found = CLIPAdapterHead(ratio=0.0).fit(support).logits(queries)
    torch.testing.assert_close(found, ZeroShotHead().fit(support).logits(queries))


def test_lengths_carry_no_meaning(word_episode):
    support, queries = word_episode(2)
    longer = support.with_features(support.features * 50)
    found = CLIPAdapterHead(steps=20).fit(support).logits(queries)
    torch.testing.assert_close(found, CLIPAdapterHead(steps=20).fit(longer).logits(queries * 0.1))


@settings(max_examples=4)
@given(st.integers(0, 10**6))
def test_promises(keeps_promises, seed):
    keeps_promises(CLIPAdapterHead(steps=20, reduction=1), seed)


def test_half_precision(works_in_half_precision):
    works_in_half_precision(CLIPAdapterHead(steps=20, reduction=1))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ratio": 1.0}, "ratio is 1.0: give a number of at least 0 and below 1"),
        ({"reduction": 0}, "reduction is 0"),
        ({"reduction": 1.5}, "reduction is 1.5: give a whole number"),
        ({"steps": -2}, "steps is -2"),
    ],
)
def test_wrong_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        CLIPAdapterHead(**wrong)
