"""CLAP: against descent on the vectors themselves, by hand, and at its minimum."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import CLAPHead, Support, Words, ZeroShotHead


def trust(support):
    """lambda, a class and a photo at a time."""
    f = functional.normalize(support.features, dim=-1)
    found = []
    for c in range(support.n_classes):
        own = [
            float((support.words.logit_scale * (x @ support.words.embeddings.T)).softmax(-1)[c])
            for x, y in zip(f, support.labels.tolist(), strict=True)
            if y == c
        ]
        found.append(sum(own) / len(own) if own else 1.0)
    return torch.tensor(found, dtype=f.dtype)


def without_absent(support):
    """The same episode with no column for classes that do not exist."""
    there = support.class_mask
    words = replace(support.words, embeddings=support.words.embeddings[there])
    labels = (there.cumsum(-1) - 1)[support.labels]
    return Support(support.features, labels, there[there], words)


def objective(support, w, strength):
    f = functional.normalize(support.features, dim=-1)
    cosines = f @ functional.normalize(w, dim=-1).T
    penalty = (trust(support) * (w - support.words.embeddings).square().sum(-1)).mean()
    fit = functional.cross_entropy(support.words.logit_scale * cosines, support.labels)
    return fit + strength * penalty


def slowly(support, strength, steps):
    """One episode; vectors and not coefficients; gradients from autograd; torch's own SGD."""
    f = functional.normalize(support.features, dim=-1)
    scale, k = support.words.logit_scale, support.n_classes
    bound = scale**2 * float(torch.linalg.matrix_norm(f, 2)) ** 2 / (2 * len(f)) + 3 * scale
    rate = 1 / (bound + 2 * strength / k * float(trust(support).max()))
    w = support.words.embeddings.clone().requires_grad_()
    sgd = torch.optim.SGD([w], lr=rate, momentum=0.9)
    for step in range(steps):
        sgd.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2
        sgd.zero_grad()
        objective(support, w, strength).backward()
        sgd.step()
    return w.detach()


def learned(support, **parameters):
    """The class vectors' directions, asked for axis by axis."""
    axes = torch.eye(support.features.shape[-1], dtype=support.features.dtype)
    return CLAPHead(**parameters).fit(support).logits(axes).T / support.words.logit_scale


@pytest.mark.parametrize("strength", [0.0, 5.0])
@pytest.mark.parametrize("scale", [2.0, 20.0])
@pytest.mark.parametrize("counts", [(3, 1, 2), (4, 0, 2), (3, None, 2), (None, 2, 0, 1)])
def test_it_is_descent_on_the_vectors(word_episode, strength, counts, scale):
    support, _ = word_episode(0, counts, scale=scale)
    there = support.class_mask
    expected = functional.normalize(slowly(without_absent(support), strength, 40), dim=-1)
    found = learned(support, strength=strength, steps=40)
    torch.testing.assert_close(found[there], expected)
    assert (found[~there] == float("-inf")).all()


def test_a_case_by_hand():
    # Words along the axes, scale 10, the photo (.8, .6) of class 1: zero-shot logits 8 and 6, so
    # lambda_1 = 1 / (1 + e^2) = .119203, and lambda_0 = 1 for want of photos. A penalty as strong
    # as 1e5 allows one small step, -gradient / (2 strength lambda_c / 2 classes):
    #   gradient_0 =  .880797 * 10 * ((.8, .6) - .8 (1, 0)) = (0, 5.284782):  -5.284782e-5
    #   gradient_1 = -.880797 * 10 * ((.8, .6) - .6 (0, 1)) = (-7.046376, 0):
    #                                   7.046376 / (1e5 * .119203) = 5.911240e-4
    support = Support(
        torch.tensor([[0.8, 0.6]]).double(),
        torch.tensor([1]),
        torch.ones(2, dtype=torch.bool),
        Words(torch.eye(2).double(), 10.0),
    )
    found = learned(support, strength=1e5)
    assert found[0, 1].item() == pytest.approx(-5.284782e-5, rel=0.01)
    assert found[1, 0].item() == pytest.approx(5.911240e-4, rel=0.01)


@settings(max_examples=5)
@given(st.integers(0, 10**6), st.floats(1, 200), st.floats(0, 1000))
def test_at_any_scale_training_lowers_the_objective(word_episode, seed, scale, strength):
    support, _ = word_episode(seed, (3, 1, 2), scale=scale)
    before = objective(support, support.words.embeddings, strength)
    # without the penalty any length will do; with it, take the best one a direction allows
    directions = learned(support, strength=strength, steps=200)
    lengths = (directions * support.words.embeddings).sum(-1, keepdim=True).clamp(min=1e-3)
    after = objective(support, directions * lengths, strength)
    assert after <= before + 1e-9


def test_it_stops_at_the_minimum(word_episode):
    support, _ = word_episode(3, (3, 2, 2))
    directions = learned(support, strength=20.0, steps=1500)
    lengths = torch.ones(3, 1, dtype=torch.float64, requires_grad=True)
    for _ in range(200):  # the penalty also fixes lengths, which no logit shows
        (slope,) = torch.autograd.grad(objective(support, lengths * directions, 20.0), lengths)
        lengths = (lengths - 0.05 * slope).detach().requires_grad_()
    w = (lengths * directions).detach().requires_grad_()
    objective(support, w, 20.0).backward()
    start = support.words.embeddings.clone().requires_grad_()
    objective(support, start, 20.0).backward()
    assert w.grad.norm() < 1e-4 * start.grad.norm()


def test_an_endless_penalty_is_zero_shot(word_episode):
    support, queries = word_episode(4)
    found = CLAPHead(strength=1e9).fit(support).logits(queries)
    torch.testing.assert_close(
        found, ZeroShotHead().fit(support).logits(queries), atol=1e-5, rtol=0
    )


@settings(max_examples=4)
@given(st.integers(0, 10**6))
def test_promises(keeps_promises, seed):
    keeps_promises(CLAPHead(steps=20), seed)


def test_half_precision(works_in_half_precision):
    works_in_half_precision(CLAPHead(steps=20))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"strength": -1.0}, "strength is -1.0: give a finite number"),
        ({"steps": 3.0}, "steps is 3.0: give a whole number"),
        ({"steps": 2.5}, "steps is 2.5: give a whole number"),
    ],
)
def test_wrong_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        CLAPHead(**wrong)
