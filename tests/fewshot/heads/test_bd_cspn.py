"""BD-CSPN against loops over the paper's definition, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fewshot import BDCSPNHead, PrototypeHead, Support


def slow(x, y, z, k, scale, prior=None):
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    means = [x[y == c].mean(0) for c in range(k)]
    centre = x.mean(0) if prior is None else sum(p * m for p, m in zip(prior, means, strict=True))
    z = z + centre - z.mean(0)
    bonus = np.zeros(k) if prior is None else np.log(prior)

    def cos(a, b):
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    members = [list(x[y == c]) for c in range(k)]
    for row in z:
        members[
            int(np.argmax([scale * cos(row, m) + b for m, b in zip(means, bonus, strict=True)]))
        ].append(row)
    better = []
    for c in range(k):
        w = np.array([math.exp(scale * cos(row, means[c])) for row in members[c]])
        better.append((w[:, None] * np.array(members[c])).sum(0) / w.sum())
    return np.array(
        [[scale * cos(row, m) + b for m, b in zip(better, bonus, strict=True)] for row in z]
    )


@pytest.mark.parametrize("prior", [None, [0.2, 0.5, 0.3]])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_definition(seed, prior):
    rng = np.random.default_rng(seed)
    y = np.array([0, 0, 0, 1, 2, 2])
    x = rng.normal(size=(6, 7)) + 2 * np.eye(7)[y]
    z = rng.normal(size=(8, 7)) + 2 * np.eye(7)[rng.integers(0, 3, 8)] + 0.5
    head = BDCSPNHead(6.0, None if prior is None else torch.tensor(prior, dtype=torch.float64))
    support = Support(torch.tensor(x), torch.tensor(y), torch.ones(3, dtype=torch.bool))
    got = head.fit(support).logits(torch.tensor(z))
    np.testing.assert_allclose(got, slow(x, y, z, 3, 6.0, prior), rtol=1e-9, atol=1e-9)


def test_by_hand():
    two = Support(
        torch.eye(2, dtype=torch.float64), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool)
    )
    got = BDCSPNHead().fit(two).logits(torch.tensor([[1, 0], [0.6, 0.8]], dtype=torch.float64))
    # mean of photos (.5, .5), of queries (.8, .4): the shift is (-.3, .1)
    # shifted queries (.7, .1) and (.3, .9), of squared length .5 and .9
    # (.7, .1) takes class 0 with cosine .7 / sqrt(.5); its weight beside the photo's 1 is
    w = math.exp(10 * (0.7 / math.sqrt(0.5) - 1))
    # (.3, .9) takes class 1 with cosine .9 / sqrt(.9) = sqrt(.9)
    v = math.exp(10 * (math.sqrt(0.9) - 1))
    p0 = ((1 + 0.7 * w) / (1 + w), 0.1 * w / (1 + w))
    p1 = (0.3 * v / (1 + v), (1 + 0.9 * v) / (1 + v))
    first = 10 * (0.7 * p0[0] + 0.1 * p0[1]) / math.sqrt(0.5) / math.hypot(*p0)
    last = 10 * (0.3 * p1[0] + 0.9 * p1[1]) / math.sqrt(0.9) / math.hypot(*p1)
    assert got[0, 0].item() == pytest.approx(first)
    assert got[1, 1].item() == pytest.approx(last)


def test_queries_equal_to_the_photos_change_nothing():
    # no shift, and each prototype is averaged with itself: nearest prototypes by cosine
    x = torch.nn.functional.normalize(torch.tensor([[1.0, 0.2, 0.0], [0.1, 1.0, 0.3]]), dim=-1)
    two = Support(x, torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    torch.testing.assert_close(
        BDCSPNHead().fit(two).logits(x), PrototypeHead("cosine").fit(two).logits(x)
    )


def test_a_shift_of_all_queries_is_undone():
    # unit rows on a circle around the third axis: moving them along it only changes their length,
    # so compare through inner products, where rows need not be unit
    from fewshot.inner_products import InnerProducts

    g = torch.Generator().manual_seed(0)
    x, z = torch.randn(4, 5, generator=g).double(), torch.randn(6, 5, generator=g).double()
    support = Support(x, torch.tensor([0, 0, 1, 1]), torch.ones(2, dtype=torch.bool))
    head, more = BDCSPNHead(), (support.labels, support.class_mask)
    want = head.logits_from_inner(InnerProducts.of(support, z, transductive=True), *more)
    moved = InnerProducts.of(support, z + 3 * x[0], transductive=True)
    torch.testing.assert_close(head.logits_from_inner(moved, *more), want)


def test_a_class_that_no_query_takes_keeps_its_photos():
    x = torch.eye(3)
    three = Support(x, torch.tensor([0, 1, 2]), torch.ones(3, dtype=torch.bool))
    got = BDCSPNHead().fit(three).logits(torch.tensor([[1.0, 0.1, 0.0], [0.1, 1.0, 0.0]]))
    assert torch.isfinite(got).all()


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_scales_are_refused(scale):
    with pytest.raises(ValueError, match="scale is"):
        BDCSPNHead(scale)
