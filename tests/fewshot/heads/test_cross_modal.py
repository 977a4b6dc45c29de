"""Cross-modal probe: against descent on the vectors themselves, by hand, and in its limits."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import CrossModalHead, Support, Words, ZeroShotHead


def slowly(support, queries, share, rate, steps):
    """One episode; vectors and not coefficients; gradients from autograd; Adam a class."""
    f = functional.normalize(support.features, dim=-1)
    t, scale = support.words.embeddings, support.words.logit_scale
    w, m, v = t.clone(), torch.zeros_like(t), [0.0] * len(t)
    for step in range(steps):
        w.requires_grad_()
        photos = functional.cross_entropy(scale * f @ w.T, support.labels)
        words = functional.cross_entropy(scale * t @ w.T, torch.arange(len(t)))
        (g,) = torch.autograd.grad((1 - share) * photos + share * words, w)
        w = w.detach().clone()
        now = rate * (1 + math.cos(math.pi * step / steps)) / 2
        for c in range(len(t)):
            m[c] = 0.9 * m[c] + 0.1 * g[c]
            v[c] = 0.999 * v[c] + 0.001 * float(g[c] @ g[c])
            length = math.sqrt(v[c] / (1 - 0.999 ** (step + 1))) + 1e-4
            w[c] -= now * m[c] / (1 - 0.9 ** (step + 1)) / length
    return scale * functional.normalize(queries, dim=-1) @ w.T


@pytest.mark.parametrize("share", [0.0, 0.5])
@pytest.mark.parametrize("counts", [(3, 1, 2), (4, 0, 2)])
def test_it_is_descent_on_the_vectors(word_episode, share, counts):
    support, queries = word_episode(0, counts)
    found = CrossModalHead(share, 0.05, 25).fit(support).logits(queries)
    torch.testing.assert_close(found, slowly(support, queries, share, 0.05, 25))


def test_one_step_by_hand():
    # Words along the axes, scale 1, the photo (.8, .6) of class 1 has p_0 = 1 / (1 + e^-.2)
    # = .549834; each word is .268941 sure of the other class. The gradient of w_0, half photos
    # and half words (two of them, so .25 each):
    #   .5 * .549834 (.8, .6) - .25 * .268941 (1, 0) + .25 * .268941 (0, 1) = (.152698, .232186)
    # of length .277900; w_1 has the opposite. The first step is as long as the rate, .1:
    #   w_0 = (1 - .054947, -.083550), w_1 = (.054947, 1.083550), seen by the query (1, 0).
    support = Support(
        torch.tensor([[0.8, 0.6]]),
        torch.tensor([1]),
        torch.ones(2, dtype=torch.bool),
        Words(torch.eye(2), 1.0),
    )
    found = CrossModalHead(0.5, 0.1, 1).fit(support).logits(torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[0.945053, 0.054947]]), atol=1e-4, rtol=0)


def test_words_only_never_looks_at_photos(word_episode):
    support, queries = word_episode(2)
    others = replace(support, features=support.features.flip(0) - 1)
    found = CrossModalHead(1.0).fit(support).logits(queries)
    torch.testing.assert_close(found, CrossModalHead(1.0).fit(others).logits(queries))


def test_without_steps_it_is_zero_shot(word_episode):
    support, queries = word_episode(3, bias=-3.0)
    found = CrossModalHead(steps=0).fit(support).logits(queries)
    torch.testing.assert_close(found, ZeroShotHead().fit(support).logits(queries))


@settings(max_examples=4)
@given(st.integers(0, 10**6))
def test_promises(keeps_promises, seed):
    keeps_promises(CrossModalHead(steps=20), seed)


def test_half_precision(works_in_half_precision):
    works_in_half_precision(CrossModalHead(steps=20))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"share": 1.5}, "share is 1.5: give a number from 0"),
        ({"learning_rate": float("inf")}, "learning_rate is inf"),
    ],
)
def test_wrong_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        CrossModalHead(**wrong)
