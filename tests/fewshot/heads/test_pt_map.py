"""PT-MAP against loops on features, by hand, against linear assignment; and peers' faults."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from fewshot import PTMAPHead, Support
from fewshot.heads.pt_map import share_out


def unit(a):
    return a / np.linalg.norm(a, axis=1, keepdims=True)


def slow(x, y, z, k, power, sharpness, step, rounds, prior):
    x, z = unit(x), unit(z)
    x, z = (unit(np.sign(a) * (np.abs(a) + 1e-6) ** power) for a in (x, z))
    x = unit(x - sum(p * x[y == c].mean(0) for c, p in enumerate(prior)))
    z = unit(z - z.mean(0))
    q = len(z)
    centres = np.array([x[y == c].mean(0) for c in range(k)])

    def plan():
        p = np.array([[math.exp(-sharpness * np.sum((r - m) ** 2)) for m in centres] for r in z])
        for _ in range(3000):
            p *= q * np.asarray(prior) / p.sum(0)
            p /= p.sum(1, keepdims=True)
        return p

    for _ in range(rounds):
        p = plan()
        for c in range(k):
            n = (y == c).sum() + p[:, c].sum()
            mean = (x[y == c].sum(0) + (p[:, c, None] * z).sum(0)) / n
            centres[c] += step * (mean - centres[c])
    return plan()


@pytest.mark.parametrize("prior", [[1 / 3, 1 / 3, 1 / 3], [0.2, 0.5, 0.3]])
@pytest.mark.parametrize("seed", range(2))
def test_it_is_the_definition(seed, prior):
    rng = np.random.default_rng(seed)
    y = np.array([0, 0, 0, 1, 2, 2])
    x = rng.normal(size=(6, 7)) + 2 * np.eye(7)[y]
    z = rng.normal(size=(8, 7)) + 2 * np.eye(7)[rng.integers(0, 3, 8)]
    weights = torch.tensor(prior, dtype=torch.float64)
    head = PTMAPHead(0.5, 4.0, 0.3, 4, class_prior=weights)
    support = Support(torch.tensor(x), torch.tensor(y), torch.ones(3, dtype=torch.bool))
    got = head.fit(support).logits(torch.tensor(z)).softmax(-1)
    np.testing.assert_allclose(got, slow(x, y, z, 3, 0.5, 4.0, 0.3, 4, prior), atol=1e-4)


def shares(cost, mass):
    cost, mass = torch.tensor(cost, dtype=torch.float64), torch.tensor(mass, dtype=torch.float64)
    real = torch.ones(1, cost.shape[-1], dtype=torch.float64)
    return share_out(cost, mass.unsqueeze(-1), real, torch.ones_like(mass).unsqueeze(-1))[0]


def test_sharing_by_hand():
    # no preference: each of two queries is split as the masses are
    assert shares([[1, 1], [1, 1]], [1.5, 0.5])[:, 0].tolist() == pytest.approx([0.75, 0.25])
    # symmetric costs 0 and c, equal masses: already right once rows are normalised
    p = 1 / (1 + math.exp(-3))
    assert shares([[0, 3], [3, 0]], [1, 1]).flatten().tolist() == pytest.approx(
        [p, 1 - p, 1 - p, p]
    )
    # scaling keeps cross ratios: rows (a, 1 - a), (b, 1 - b) with a + b = 1.5 and odds ratio e^6;
    # from a / (1 - a) * (1 - b) / b = e^6
    a, b = shares([[0, 3], [3, 0]], [1.5, 0.5])[0].tolist()
    assert a + b == pytest.approx(1.5, abs=1e-5)
    assert a / (1 - a) * (1 - b) / b == pytest.approx(math.exp(6), rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_sharp_sharing_comes_near_linear_assignment(seed):
    # the plan minimises cost minus entropy, and entropy is at most 4 log 4: so its cost lies
    # between that of the best assignment and 4 log 4 more. A random plan costs about 110.
    cost = 55 * np.random.default_rng(seed).random((4, 4))
    rows, columns = linear_sum_assignment(cost)
    best, got = cost[rows, columns].sum(), (shares(cost, [1.0] * 4).numpy() * cost).sum()
    assert best - 1e-3 <= got <= best + 4 * math.log(4)


def photos(k=5, d=6):
    g = torch.Generator().manual_seed(0)
    centres = torch.randn(k, d, generator=g)
    return centres, Support(centres, torch.arange(k), torch.ones(k, dtype=torch.bool))


@pytest.mark.parametrize("q", [2, 3, 7, 11])
def test_shares_sum_to_one_for_any_number_of_queries(q):
    # a peer gives every class q // k queries: rows of zeros for q < k, of 0.714 for q = 7, k = 5
    centres, support = photos()
    g = torch.Generator().manual_seed(1)
    z = centres[torch.arange(q) % 5] + 0.1 * torch.randn(q, 6, generator=g)
    logits = PTMAPHead().fit(support).logits(z)
    got = logits.softmax(-1)
    torch.testing.assert_close(got.sum(-1), torch.ones(q))
    torch.testing.assert_close(got.sum(0), torch.full((5,), q / 5), atol=2e-4, rtol=0)
    assert len(set(logits.argmax(-1).tolist())) > 1


def test_the_power_keeps_signs():
    # a peer cuts negative numbers off, half of a vision-language feature, and forgets the length
    x = torch.tensor([[0.09, -0.16, 0.25, -0.36]])
    got = PTMAPHead().transform(x)
    torch.testing.assert_close(got.norm(dim=-1), torch.ones(1))
    # square roots .3, -.4, .5, -.6 (lengths drop out) over sqrt(.86)
    want = torch.tensor([[0.3, -0.4, 0.5, -0.6]]) / math.sqrt(0.86)
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)
    assert torch.equal(PTMAPHead().transform(-x), -got)


def test_a_first_power_only_normalises():
    x = torch.tensor([[3.0, -4.0]])
    torch.testing.assert_close(PTMAPHead(power=1.0).transform(x), torch.tensor([[0.6, -0.8]]))


def test_skewed_queries_need_the_prior():
    # 36 queries of class 0 and 4 of class 1: equal masses must mislabel 16, the right ones none
    two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    angle = torch.cat([torch.linspace(0, 30, 36), torch.linspace(60, 90, 4)]).deg2rad()
    z = torch.stack([angle.cos(), angle.sin()], -1)
    truth = torch.tensor([0] * 36 + [1] * 4)
    known = PTMAPHead(power=1.0, class_prior=torch.tensor([36.0, 4.0]))
    assert (known.fit(two).logits(z).argmax(-1) == truth).all()
    assert (PTMAPHead(power=1.0).fit(two).logits(z).argmax(-1) == 0).sum() < 30


@pytest.mark.parametrize(
    ("name", "value"),
    [("power", 0.0), ("sharpness", -1.0), ("step", 1.5), ("rounds", -1), ("rounds", 2.0)],
)
def test_bad_parameters_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is"):
        PTMAPHead(**{name: value})
