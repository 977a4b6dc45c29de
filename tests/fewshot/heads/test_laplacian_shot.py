"""LaplacianShot against loops over the paper's update, by hand, and where it must be SimpleShot."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fewshot import Background, LaplacianShotHead, SimpleShotHead, Support


def softmax(a):
    e = np.exp(a - a.max())
    return e / e.sum()


def corrected(x, y, z, k, prior=None):
    """Queries moved onto the photos, and means of photos and of the queries that took a class."""
    means = [x[y == c].mean(0) for c in range(k)]
    centre = x.mean(0) if prior is None else sum(p * m for p, m in zip(prior, means, strict=True))
    z = z + centre - z.mean(0)

    def cos(a, b):
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    members = [list(x[y == c]) for c in range(k)]
    for row in z:
        scores = [10 * cos(row, m) for m in means]
        if prior is not None:
            scores = [v + math.log(p) for v, p in zip(scores, prior, strict=True)]
        members[int(np.argmax(scores))].append(row)
    prototypes = []
    for c in range(k):
        weights = [math.exp(10 * cos(row, means[c])) for row in members[c]]
        prototypes.append(np.average(members[c], axis=0, weights=weights))
    return prototypes, z


def slow(x, y, z, k, lmd, neighbours, rounds, rectified=False, prior=None):
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    q = len(z)
    prototypes = [x[y == c].mean(0) for c in range(k)]
    if rectified:
        prototypes, z = corrected(x, y, z, k, prior)
    unary = np.array([[np.sum((row - p) ** 2) for p in prototypes] for row in z])
    if prior is not None:
        unary = unary - np.log(prior)
    near = []
    for i in range(q):
        others = sorted((np.sum((z[i] - z[j]) ** 2), j) for j in range(q) if j != i)
        near.append([j for _, j in others[:neighbours]])
    logits = -unary
    for _ in range(rounds):
        belief = [softmax(row) for row in logits]
        logits = np.array([-unary[i] + lmd * sum(belief[j] for j in near[i]) for i in range(q)])
    return logits


def case(seed, k=3, q=9, d=6):
    rng = np.random.default_rng(seed)
    y = np.array([0, 0, 0, 1, 2, 2])
    x = rng.normal(size=(6, d)) + 2 * np.eye(d)[y]
    z = rng.normal(size=(q, d)) + 2 * np.eye(d)[rng.integers(0, k, q)]
    return x, y, z, Support(torch.tensor(x), torch.tensor(y), torch.ones(k, dtype=torch.bool))


@pytest.mark.parametrize(("lmd", "neighbours", "rounds"), [(1.0, 2, 20), (0.3, 1, 1), (1.5, 5, 7)])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_definition(seed, lmd, neighbours, rounds):
    x, y, z, support = case(seed)
    head = LaplacianShotHead(lmd, neighbours, rounds, rectified=False)
    got = head.fit(support).logits(torch.tensor(z))
    np.testing.assert_allclose(got, slow(x, y, z, 3, lmd, neighbours, rounds), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("prior", [None, [0.7, 0.1, 0.2], [0.05, 0.05, 0.9]])
@pytest.mark.parametrize("rectified", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_with_correction_and_a_prior_it_is_the_definition(seed, rectified, prior):
    x, y, z, support = case(seed)
    shares = None if prior is None else torch.tensor(prior, dtype=torch.float64)
    head = LaplacianShotHead(1.0, 2, 5, rectified=rectified, class_prior=shares)
    want = slow(x, y, z, 3, 1.0, 2, 5, rectified, prior)
    np.testing.assert_allclose(
        head.fit(support).logits(torch.tensor(z)), want, rtol=1e-9, atol=1e-9
    )


def test_by_hand():
    two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    got = LaplacianShotHead(neighbours=1, rounds=1, rectified=False).fit(two).logits(torch.eye(2))
    # squared distances 0 and 2: the first belief is (s, 1 - s), s = 1 / (1 + e^-2) = 0.8808
    # the other query votes the other way: (0 + 1 - s, -2 + s)
    s = 1 / (1 + math.exp(-2))
    want = torch.tensor([[1 - s, s - 2], [s - 2, 1 - s]])
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("with_background", [False, True])
def test_without_neighbours_it_is_simple_shot(with_background):
    *_, z, support = case(5)
    background = None
    if with_background:
        mean = torch.linspace(-1, 1, 6, dtype=torch.float64)
        background = Background(mean, torch.eye(6), torch.eye(6), 9, "here", "made up")
    support = Support(support.features, support.labels, support.class_mask, None, background)
    z = torch.tensor(z)
    want = SimpleShotHead().fit(support).logits(z)
    got = LaplacianShotHead(lmd=0.0, rectified=False).fit(support).logits(z)
    torch.testing.assert_close(got, want)


def test_few_real_queries_have_few_neighbours():
    # two real queries and neighbours=5: each has one neighbour, padding none
    *_, z, support = case(6)
    z = torch.tensor(z)
    mask = torch.tensor([False, True, False, False, True, False, False, False, False])
    head = LaplacianShotHead(neighbours=5, rectified=False)
    got = head.fit(support).logits(z, query_mask=mask)[mask]
    torch.testing.assert_close(got, head.fit(support).logits(z[mask]))


def test_neighbours_pull_a_doubtful_query_over():
    # query 0 is a hair nearer to class 1; its two neighbours are surely of class 0
    two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    angle = torch.tensor([46.0, 1.0, 0.0, 90.0]).deg2rad()
    z = torch.stack([angle.cos(), angle.sin()], -1)
    alone = LaplacianShotHead(lmd=0.0, rectified=False).fit(two).logits(z)
    joined = LaplacianShotHead(rectified=False).fit(two).logits(z)
    assert alone[0].argmax() == 1
    assert joined[0].argmax() == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lmd", -1.0),
        ("lmd", float("nan")),
        ("neighbours", 0),
        ("neighbours", 1.5),
        ("rounds", 0),
        ("rounds", 20.0),
    ],
)
def test_bad_parameters_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is"):
        LaplacianShotHead(**{name: value})
