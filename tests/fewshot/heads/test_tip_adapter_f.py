"""Tip-Adapter-F: against descent on the keys themselves, by hand, and beside Tip-Adapter."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import Support, TipAdapterFHead, TipAdapterHead, Words


def slowly(support, queries, alpha, beta, rate, steps):
    """One episode; keys and not coefficients; gradients from autograd; Adam a key."""
    f = functional.normalize(support.features, dim=-1)
    t, y, scale = support.words.embeddings, support.labels, support.words.logit_scale
    shots = [int((y == c).sum()) for c in range(len(t))]
    seen = [c for c in range(len(t)) if shots[c]]
    worth = torch.zeros(len(f), len(t), dtype=f.dtype)
    for i, label in enumerate(y.tolist()):
        worth[i] = torch.tensor([0.0 if shots[c] else 1 / len(seen) for c in range(len(t))])
        worth[i, label] = 1.0
        worth[i] *= len(f) / len(seen) / shots[label]

    def logits(z, keys):
        return scale * z @ t.T + alpha * torch.exp(beta * (z @ keys.T - 1)) @ worth

    keys, m, v = f.clone(), torch.zeros_like(f), [0.0] * len(f)
    for step in range(steps):
        keys.requires_grad_()
        (g,) = torch.autograd.grad(functional.cross_entropy(logits(f, keys), y), keys)
        keys = keys.detach().clone()
        now = rate * (1 + math.cos(math.pi * step / steps)) / 2
        for i in range(len(f)):
            m[i] = 0.9 * m[i] + 0.1 * g[i]
            v[i] = 0.999 * v[i] + 0.001 * float(g[i] @ g[i])
            length = math.sqrt(v[i] / (1 - 0.999 ** (step + 1))) + 3.2e-3
            keys[i] -= now * m[i] / (1 - 0.9 ** (step + 1)) / length
    return logits(functional.normalize(queries, dim=-1), keys)


@pytest.mark.parametrize("counts", [(3, 1, 2), (4, 0, 2)])
def test_it_is_descent_on_the_keys(word_episode, counts):
    support, queries = word_episode(0, counts)
    head = TipAdapterFHead(2.0, 3.0, learning_rate=0.05, steps=15)
    found = head.fit(support).logits(queries)
    torch.testing.assert_close(found, slowly(support, queries, 2.0, 3.0, 0.05, 15))


def test_one_step_by_hand():
    # One photo f = (.8, .6) of class 1: its own key grows along f, whatever the gradient's
    # strength, by the rate .1 (all but 3.2e-3 of it). Scale 1, alpha = beta = 1.
    # The logits of f are .8 and .6 + 1: error .310026 on class 1, so the gradient is as long as
    # .310026, and the key becomes 1 + .1 * .310026 / .313226 = 1.098978 times f.
    # The query f:  .8  and  .6 + exp(1.098978 - 1) = .6 + 1.104042.  (V of class 0 is 0: "sum".)
    support = Support(
        torch.tensor([[0.8, 0.6]]),
        torch.tensor([1]),
        torch.ones(2, dtype=torch.bool),
        Words(torch.eye(2), 1.0),
    )
    head = TipAdapterFHead(1.0, 1.0, "sum", learning_rate=0.1, steps=1)
    found = head.fit(support).logits(torch.tensor([[0.8, 0.6]]))
    torch.testing.assert_close(found, torch.tensor([[0.8, 1.704042]]), atol=1e-5, rtol=0)


def test_without_steps_it_is_tip_adapter(word_episode):
    support, queries = word_episode(1, (3, 0, 2))
    found = TipAdapterFHead(steps=0).fit(support).logits(queries)
    torch.testing.assert_close(found, TipAdapterHead().fit(support).logits(queries))


def test_training_tells_its_photos_better_apart(word_episode):
    support, _ = word_episode(2, (4, 4, 4), scale=1.0)
    before, after = (
        functional.cross_entropy(head.fit(support).logits(support.features), support.labels)
        for head in (TipAdapterHead(), TipAdapterFHead())
    )
    assert after < before


def test_wild_training_does_not_overflow(word_episode):
    support, queries = word_episode(3, scale=1.0)
    head = TipAdapterFHead(beta=500.0, learning_rate=10.0, steps=50)
    assert torch.isfinite(head.fit(support).logits(queries)).all()


@settings(max_examples=4)
@given(st.integers(0, 10**6))
def test_promises(keeps_promises, seed):
    keeps_promises(TipAdapterFHead(steps=10), seed)


def test_half_precision(works_in_half_precision):
    works_in_half_precision(TipAdapterFHead())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"alpha": -1.0}, "alpha is -1.0"), ({"learning_rate": 0.0}, "learning_rate is 0.0")],
)
def test_wrong_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        TipAdapterFHead(**wrong)
