"""TaskRes: against descent on the vectors themselves, by hand, and against zero-shot."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import Support, TaskResHead, Words, ZeroShotHead


def slowly(support, queries, alpha, rate, steps):
    """One episode; vectors and not coefficients; gradients from autograd; Adam a class."""
    f = functional.normalize(support.features, dim=-1)
    z = functional.normalize(queries, dim=-1)
    t, scale = support.words.embeddings, support.words.logit_scale
    x = torch.zeros_like(t)
    m, v = torch.zeros_like(t), [0.0] * len(t)
    for step in range(steps):
        x.requires_grad_()
        w = functional.normalize(t + alpha * x, dim=-1)
        (g,) = torch.autograd.grad(functional.cross_entropy(scale * f @ w.T, support.labels), x)
        x = x.detach().clone()
        now = rate * (1 + math.cos(math.pi * step / steps)) / 2
        for c in range(len(t)):
            m[c] = 0.9 * m[c] + 0.1 * g[c]
            v[c] = 0.999 * v[c] + 0.001 * float(g[c] @ g[c])
            length = math.sqrt(v[c] / (1 - 0.999 ** (step + 1))) + 1e-4
            x[c] -= now * m[c] / (1 - 0.9 ** (step + 1)) / length
    return scale * z @ functional.normalize(t + alpha * x, dim=-1).T


@pytest.mark.parametrize("counts", [(3, 1, 2), (4, 0, 2)])
def test_it_is_descent_on_the_vectors(word_episode, counts):
    support, queries = word_episode(0, counts)
    found = TaskResHead(0.7, 0.05, 25).fit(support).logits(queries)
    torch.testing.assert_close(found, slowly(support, queries, 0.7, 0.05, 25))


def test_one_step_by_hand():
    # Words along the axes, the photo (.8, .6) of class 1. The gradient of a cosine is at right
    # angles to its class vector, and the first step is as long as the rate, .1:
    #     x_0 = (0, -.1), x_1 = (.1, 0):  w_0 = (1, -.05), w_1 = (.05, 1), of length 1.001249
    # The query (1, 0):  10 / 1.001249 = 9.98752  and  10 * .05 / 1.001249 = .499376
    support = Support(
        torch.tensor([[0.8, 0.6]]),
        torch.tensor([1]),
        torch.ones(2, dtype=torch.bool),
        Words(torch.eye(2), 10.0),
    )
    found = TaskResHead(0.5, 0.1, 1).fit(support).logits(torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[9.98752, 0.499376]]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("still", [{"alpha": 0.0}, {"steps": 0}])
def test_what_does_not_move_is_zero_shot(word_episode, still):
    support, queries = word_episode(1, bias=-3.0)
    found = TaskResHead(**still).fit(support).logits(queries)
    torch.testing.assert_close(found, ZeroShotHead().fit(support).logits(queries))


@settings(max_examples=4)
@given(st.integers(0, 10**6))
def test_promises(keeps_promises, seed):
    keeps_promises(TaskResHead(steps=20), seed)


def test_half_precision(works_in_half_precision):
    works_in_half_precision(TaskResHead(steps=20))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alpha": -0.5}, "alpha is -0.5"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0: it must be positive"),
        ({"steps": -1}, "steps is -1: give a whole number"),
    ],
)
def test_wrong_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        TaskResHead(**wrong)
