"""TransCLIP against loops over the objective's updates, by hand, and where words alone are left."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fewshot import Support, TransCLIPHead, Words, ZeroShotHead
from fewshot.errors import SupportError


def unit(a):
    return a / np.linalg.norm(a, axis=-1, keepdims=True)


def softmax(a):
    e = np.exp(a - a.max())
    return e / e.sum()


def slow(x, y, f, t, scale, likelihood, neighbour_weight, photo_weight, neighbours, rounds):
    k, q, d = len(t), len(f), f.shape[1]
    zero_shot = np.array([softmax(scale * row) for row in f @ t.T])
    lam = 1 - 0.5 * len(set(y.tolist())) / k
    w = np.zeros((q, q))
    for i in range(q):
        others = sorted((-(f[i] @ f[j]), j) for j in range(q) if j != i)
        for minus, j in others[:neighbours]:
            w[i, j] = max(-minus, 0.0)
    mu = []
    for c in range(k):
        surest = np.argsort(-zero_shot[:, c])[:8]
        mu.append(unit(x[y == c].sum(0) if (y == c).any() else f[surest].sum(0)))
    mu, sigma, z = np.array(mu), np.full(d, 1 / d), zero_shot.copy()
    for _ in range(rounds):
        density = np.array([[-0.5 * np.sum((r - m) ** 2 / sigma) for m in mu] for r in f])
        for _ in range(5):
            votes = w @ z + w.T @ z
            exponent = lam * np.log(zero_shot) + likelihood * density + neighbour_weight * votes
            z = np.array([softmax(row) for row in exponent])
        rows = np.concatenate([f, x])
        mine = np.eye(k)[y].reshape(-1, k) * photo_weight / max(len(y), 1)
        weights = np.concatenate([z / q, mine])
        mu = np.array([np.average(rows, axis=0, weights=weights[:, c]) for c in range(k)])
        spread = sum(weights[:, c] @ (rows - mu[c]) ** 2 for c in range(k))
        sigma = np.maximum(spread / weights.sum(), 0.01 / d)
    return z


@pytest.mark.parametrize("labels", [[], [0, 0, 1, 2], [0, 2, 2]])
@pytest.mark.parametrize("seed", range(2))
def test_it_is_the_definition(seed, labels):
    rng = np.random.default_rng(seed)
    y = np.array(labels, dtype=np.int64)
    t = unit(rng.normal(size=(3, 6)))
    x = unit(rng.normal(size=(len(y), 6)) * 0.4 + t[y])
    f = unit(rng.normal(size=(11, 6)) * 0.4 + t[rng.integers(0, 3, 11)])
    support = Support(
        torch.tensor(x),
        torch.tensor(y),
        torch.ones(3, dtype=torch.bool),
        words=Words(torch.tensor(t), logit_scale=8.0, logit_bias=-3.0),
    )
    head = TransCLIPHead(0.3, 0.4, 0.7, 2, 6)
    got = head.fit(support).logits(torch.tensor(f)).softmax(-1)
    want = slow(x, y, f, t, 8.0, 0.3, 0.4, 0.7, 2, 6)
    np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-9)


def words_only(k=2, d=2, scale=10.0):
    return Support(
        torch.zeros(0, d),
        torch.zeros(0, dtype=torch.int64),
        torch.ones(k, dtype=torch.bool),
        words=Words(torch.eye(k, d), logit_scale=scale),
    )


def test_by_hand():
    # two equal queries, no Gaussians: each has the other as its one neighbour, with cosine 1, and
    # is the other's too, so w + w^T = 2. With m the margin of class 0 over class 1 in words,
    #   z <- sigmoid(m + weight * 2 * (z - (1 - z)))   five times
    queries = torch.tensor([[0.8, 0.6], [0.8, 0.6]], dtype=torch.float64)
    head = TransCLIPHead(likelihood=0.0, neighbour_weight=0.25, neighbours=1, rounds=1)
    got = head.fit(words_only(scale=2.0)).logits(queries).softmax(-1)[0, 0]
    margin = 2 * (0.8 - 0.6)
    z = 1 / (1 + math.exp(-margin))
    for _ in range(5):
        z = 1 / (1 + math.exp(-(margin + 0.25 * 2 * (2 * z - 1))))
    assert got.item() == pytest.approx(z)


def test_without_gaussians_and_neighbours_words_are_left():
    g = torch.Generator().manual_seed(0)
    queries = torch.randn(6, 4, generator=g)
    support = words_only(3, 4)
    head = TransCLIPHead(likelihood=0.0, neighbour_weight=0.0)
    want = ZeroShotHead().fit(support).logits(queries).softmax(-1)
    torch.testing.assert_close(head.fit(support).logits(queries).softmax(-1), want)


def test_classes_come_from_the_list_not_from_the_queries():
    # five classes, queries of two: a peer counts the classes of the query labels
    g = torch.Generator().manual_seed(1)
    queries = torch.eye(5)[[0, 3, 0, 3, 3]] + 0.1 * torch.randn(5, 5, generator=g)
    got = TransCLIPHead().fit(words_only(5, 5)).logits(queries)
    assert got.shape == (5, 5)
    assert got.argmax(-1).tolist() == [0, 3, 0, 3, 3]


def test_photos_move_a_class_that_words_misplace():
    # words of the two classes are nearly the same; photos are not
    t = torch.nn.functional.normalize(torch.tensor([[1.0, 0.01, 0, 0], [1.0, 0, 0.01, 0]]), dim=-1)
    x = torch.tensor([[0.7, 0.0, 0.7, 0.0], [0.7, 0.7, 0.0, 0.0]])  # the words are crossed
    support = Support(
        x, torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool), Words(t, logit_scale=10.0)
    )
    queries = x[[0, 0, 0, 1, 1, 1]] + 0.01 * torch.arange(24.0).reshape(6, 4) / 24
    head = TransCLIPHead(likelihood=1.0)
    assert ZeroShotHead().fit(support).logits(queries).argmax(-1).tolist() == [1, 1, 1, 0, 0, 0]
    assert head.fit(support).logits(queries).argmax(-1).tolist() == [0, 0, 0, 1, 1, 1]


def test_words_are_needed():
    bare = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    with pytest.raises(SupportError, match="needs words"):
        TransCLIPHead().fit(bare)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("likelihood", -1.0),
        ("neighbour_weight", float("nan")),
        ("photo_weight", 0.0),
        ("neighbours", 0),
        ("neighbours", 1.5),
        ("rounds", 0),
        ("rounds", 3.0),
    ],
)
def test_bad_parameters_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is"):
        TransCLIPHead(**{name: value})
