"""TIM against loops over the paper's closed updates, by hand, and by the objective it lowers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fewshot import SimpleShotHead, Support, TIMHead


def unit(a):
    return a / np.linalg.norm(a, axis=1, keepdims=True)


def probabilities(rows, w, tau):
    out = []
    for row in rows:
        e = np.exp([-tau / 2 * np.sum((row - c) ** 2) for c in w])
        out.append(e / e.sum())
    return np.array(out)


def slow_weights(x, y, z, k, tau, lam, alpha, rounds, prior):
    w = np.array([x[y == c].mean(0) for c in range(k)])
    s, q = len(x), len(z)
    for _ in range(rounds):
        ps, pq = probabilities(x, w, tau), probabilities(z, w, tau)
        sharp = pq ** (1 + alpha)
        target = sharp * np.sqrt(prior / sharp.sum(0))
        target /= target.sum(1, keepdims=True)
        new = []
        for c in range(k):
            above, below = 0.0, 0.0
            for i in range(s):
                t = float(y[i] == c)
                above = above + lam / (1 + alpha) * (t * x[i] + ps[i, c] * (w[c] - x[i]))
                below += lam / (1 + alpha) * t
            for i in range(q):
                above = above + s / q * (target[i, c] * z[i] + pq[i, c] * (w[c] - z[i]))
                below += s / q * target[i, c]
            new.append(above / below)
        w = np.array(new)
    return w


def objective(x, y, z, w, tau, lam, alpha, prior):
    ps, pq = probabilities(x, w, tau), probabilities(z, w, tau)
    mean = pq.mean(0)
    cross = -np.mean([math.log(ps[i, y[i]]) for i in range(len(x))])
    entropy = -np.mean((pq * np.log(pq)).sum(1))
    return lam * cross + (mean * np.log(mean / prior)).sum() + alpha * entropy


def case(seed, q=10, d=8):
    rng = np.random.default_rng(seed)
    y = np.array([0, 0, 0, 1, 2, 2])
    x = rng.normal(size=(6, d)) + 2 * np.eye(d)[y]
    z = rng.normal(size=(q, d)) + 2 * np.eye(d)[rng.integers(0, 3, q)]
    return x, y, z, Support(torch.tensor(x), torch.tensor(y), torch.ones(3, dtype=torch.bool))


@pytest.mark.parametrize("prior", [None, [0.2, 0.5, 0.3]])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_definition(seed, prior):
    x, y, z, support = case(seed)
    head = TIMHead(10.0, 0.4, 0.3, 12, None if prior is None else torch.tensor(prior))
    got = head.fit(support).logits(torch.tensor(z))
    x, z = unit(x), unit(z)
    known = np.full(3, 1 / 3) if prior is None else np.float32(prior).astype(float)
    w = slow_weights(x, y, z, 3, 10.0, 0.4, 0.3, 12, known / known.sum())
    want = [[-5.0 * np.sum((row - c) ** 2) for c in w] for row in z]
    np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-8)


def test_by_hand():
    two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    head = TIMHead(temperature=2.0, photo_weight=1.0, certainty=0.0, rounds=1)
    got = head.fit(two).logits(torch.eye(2))
    # photos and queries are both e0, e1; weights start there. Squared distances are 0 and 2, so
    # p = 1 / (1 + e^-2) for the own class. Columns of p sum to 1: q = p. Every row weighs 1.
    #   photos,  class 0: e0 + p (e0 - e0), then (1 - p)(e0 - e1)
    #   queries, class 0: p e0 + p (e0 - e0), then (1 - p) e1 + (1 - p)(e0 - e1) = (1 - p) e0
    # their sum is (3 - p) e0 - (1 - p) e1 [1 + (1-p) + p + (1-p) = 3 - p], the weight 1 + 1 = 2
    p = 1 / (1 + math.exp(-2))
    a, b = (3 - p) / 2, -(1 - p) / 2
    own, other = -((1 - a) ** 2 + b**2), -((1 - b) ** 2 + a**2)
    torch.testing.assert_close(got, torch.tensor([[own, other], [other, own]]))


def test_without_rounds_it_is_simple_shot():
    *_, z, support = case(4)
    z = torch.tensor(z)
    want = 7.5 * SimpleShotHead().fit(support).logits(z)
    torch.testing.assert_close(TIMHead(rounds=0).fit(support).logits(z), want)


@pytest.mark.parametrize("seed", range(4))
def test_the_objective_goes_down(seed):
    x, y, z, support = case(seed)
    x, z, prior = unit(x), unit(z), np.full(3, 1 / 3)
    first = slow_weights(x, y, z, 3, 15.0, 0.1, 0.1, 0, prior)
    last = slow_weights(x, y, z, 3, 15.0, 0.1, 0.1, 150, prior)
    before = objective(x, y, z, first, 15.0, 0.1, 0.1, prior)
    assert objective(x, y, z, last, 15.0, 0.1, 0.1, prior) < before
    got = TIMHead().fit(support).logits(torch.tensor(z)).softmax(-1)
    np.testing.assert_allclose(got, probabilities(z, last, 15.0), rtol=1e-6, atol=1e-8)


def test_shares_come_near_the_prior():
    *_, z, support = case(6, q=40)
    z, prior = torch.tensor(z), torch.tensor([0.6, 0.1, 0.3])

    def distance(head):
        return (head.fit(support).logits(z).softmax(-1).mean(0) - prior).abs().sum()

    assert distance(TIMHead(class_prior=prior)) < distance(TIMHead(rounds=0))
    assert distance(TIMHead(class_prior=prior)) < distance(TIMHead())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0.0),
        ("photo_weight", 0.0),
        ("certainty", -0.1),
        ("rounds", -1),
        ("rounds", 2.0),
    ],
)
def test_bad_parameters_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is"):
        TIMHead(**{name: value})
