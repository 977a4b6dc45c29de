"""DeViSE against loops over the hinge loss, a linear programme and small cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from fgmm.joint import DeViSE
from fgmm.joint.devise import rank_loss


@pytest.fixture
def task():
    random = torch.Generator().manual_seed(6)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    features = torch.randn(8, 2, generator=random, dtype=torch.float64)
    classes = torch.randn(3, 2, generator=random, dtype=torch.float64)
    return features, labels, classes


def loss_by_loops(weights, features, labels, classes, margin):
    total = 0.0
    for v, y in zip(features, labels.tolist(), strict=True):
        for j in range(len(classes)):
            if j != y:
                t_y, t_j = (classes[c] / classes[c].norm() for c in (y, j))
                total += max(0.0, margin - (v @ weights @ t_y - v @ weights @ t_j).item())
    return total / len(features)


def test_the_loss_against_loops(task):
    features, labels, classes = task
    fitted = DeViSE(steps=3, margin=0.3).fit(*task)
    expected = loss_by_loops(fitted.weights, *task, 0.3)
    found = rank_loss(fitted.scores(features, classes), labels, 0.3).item()
    assert found == pytest.approx(expected)
    assert expected > 0


def test_the_loss_by_hand():
    scores = torch.tensor([[1.0, 0.95, 0.0], [0.2, 0.5, 0.45]])
    # 0.05 for the first; for the second, of class 0: 0.1 + 0.3 and 0.1 + 0.25
    found = rank_loss(scores, torch.tensor([0, 0]), 0.1)
    assert found.item() == pytest.approx((0.05 + 0.4 + 0.35) / 2)


def test_training_reaches_the_minimum_of_a_linear_programme():
    # the loss is piecewise linear in M: minimise the sum of slacks xi >= 0 with
    # xi >= margin - v M (t_y - t_j)
    random = torch.Generator().manual_seed(6)
    labels = torch.arange(24) % 3
    classes = torch.tensor([[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8]], dtype=torch.float64)
    features = classes[labels] + torch.randn(24, 2, generator=random, dtype=torch.float64)
    margin = 0.1
    unit = (classes / classes.norm(dim=1, keepdim=True)).numpy()
    rows = [
        np.outer(v, unit[y] - unit[j]).ravel()
        for v, y in zip(features.numpy(), labels.tolist(), strict=True)
        for j in range(3)
        if j != y
    ]
    n = len(rows)
    left = np.hstack([-np.array(rows), -np.eye(n)])
    best = linprog(
        np.r_[np.zeros(4), np.ones(n)],
        A_ub=left,
        b_ub=np.full(n, -margin),
        bounds=[(None, None)] * 4 + [(0, None)] * n,
    )
    least = best.fun / len(features)
    assert least > 0.01  # or there would be nothing to compare
    fitted = DeViSE(margin, steps=2000, learning_rate=0.001).fit(features, labels, classes)
    found = rank_loss(fitted.scores(features, classes), labels, margin).item()
    assert least <= found + 1e-9
    assert found == pytest.approx(least, rel=0.02)


def test_pictures_that_can_be_told_apart_end_without_loss():
    names = torch.eye(4)
    fitted = DeViSE().fit(names, torch.tensor([2, 0, 3, 1]), names)
    scores = fitted.scores(names, names)
    assert rank_loss(scores, torch.tensor([2, 0, 3, 1]), 0.1).item() == 0
    assert scores.argmax(1).tolist() == [2, 0, 3, 1]


def test_scores_are_inner_products_with_unit_class_vectors(task):
    features, _, classes = task
    fitted = DeViSE(steps=5).fit(*task)
    scores = fitted.scores(features, classes)
    torch.testing.assert_close(scores, fitted.scores(features, 7 * classes))
    for i, j in ((0, 0), (3, 2), (7, 1)):
        expected = features[i] @ fitted.weights @ classes[j] / classes[j].norm()
        assert scores[i, j].item() == pytest.approx(expected.item())


def test_the_length_of_class_vectors_does_not_matter_in_training(task):
    features, labels, classes = task
    lengths = torch.tensor([[7.0], [0.5], [2.0]], dtype=torch.float64)
    one = DeViSE(steps=20).fit(features, labels, classes).weights
    other = DeViSE(steps=20).fit(features, labels, lengths * classes).weights
    torch.testing.assert_close(one, other)


def test_a_seed_gives_the_same_map_and_leaves_torchs_alone(task):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one, other = (DeViSE(steps=3, seed=9).fit(*task).weights for _ in range(2))
    assert torch.equal(one, other)
    assert not torch.equal(one, DeViSE(steps=3, seed=8).fit(*task).weights)
    assert torch.equal(torch.get_rng_state(), state)


def test_it_trains_where_gradients_are_off(task):
    expected = DeViSE(steps=3).fit(*task).weights
    with torch.no_grad():
        assert torch.equal(DeViSE(steps=3).fit(*task).weights, expected)
    assert not expected.requires_grad


def test_parameters_out_of_range_are_refused():
    with pytest.raises(ValueError, match="margin is 0: it must be finite and above 0"):
        DeViSE(margin=0)
    with pytest.raises(ValueError, match="steps is -1"):
        DeViSE(steps=-1)
    with pytest.raises(ValueError, match="learning_rate is nan"):
        DeViSE(learning_rate=float("nan"))
