"""ESZSL against its objective, a slow solver and ridge regression."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fgmm.joint import ESZSL


@pytest.fixture
def task():
    random = torch.Generator().manual_seed(3)
    labels = torch.tensor([0, 1, 2, 3, 0, 0, 2, 1, 3, 3])
    features = torch.randn(10, 3, generator=random, dtype=torch.float64)
    classes = torch.randn(4, 2, generator=random, dtype=torch.float64)
    return features, labels, classes


def signs(labels, k):
    y = -np.ones((len(labels), k))
    for i, c in enumerate(labels.tolist()):
        y[i, c] = 1
    return y


def objective(weights, features, labels, classes, gamma, lambda_):
    """The paper's: the error, and three penalties."""
    x, s, v = features, classes, weights
    y = torch.tensor(signs(labels, len(classes)))
    error = (x @ v @ s.T - y).square().sum()
    penalty = gamma * (v @ s.T).square().sum() + lambda_ * (x @ v).square().sum()
    return error + penalty + gamma * lambda_ * v.square().sum()


@pytest.mark.parametrize(("gamma", "lambda_"), [(1.0, 1.0), (0.01, 5.0), (30.0, 0.2)])
def test_the_objective_has_its_minimum_there(task, gamma, lambda_):
    weights = ESZSL(gamma, lambda_).fit(*task).weights.requires_grad_()
    value = objective(weights, *task, gamma, lambda_)
    (slope,) = torch.autograd.grad(value, [weights])
    torch.testing.assert_close(slope, torch.zeros_like(slope), rtol=0, atol=1e-10)
    # convex, so a point without slope is the minimum; a step away is higher
    step = torch.randn(weights.shape, generator=torch.Generator().manual_seed(0)).double()
    assert objective(weights + 1e-3 * step, *task, gamma, lambda_) > value


def test_against_least_squares_on_every_pair_of_picture_and_class(task):
    # |X V S^T - Y|^2 with its penalties, as one tall system in the entries of V
    features, labels, classes = (x.numpy() for x in task)
    gamma, lambda_ = 0.7, 2.0
    tall_x = np.vstack([features, np.sqrt(gamma) * np.eye(3)])
    tall_s = np.vstack([classes, np.sqrt(lambda_) * np.eye(2)])
    target = np.zeros((len(tall_x), len(tall_s)))
    target[:10, :4] = signs(torch.tensor(labels), 4)
    rows = [np.outer(x, s).ravel() for x in tall_x for s in tall_s]
    expected = np.linalg.lstsq(np.array(rows), target.ravel(), rcond=None)[0].reshape(3, 2)
    found = ESZSL(gamma, lambda_).fit(*task).weights.numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_by_hand():
    # one number a picture, one a class: V = (4 + 1 + g)^-1 (X^T Y S) (1 + 1 + l)^-1,
    # X^T Y = (2 - 1, -2 + 1), times S = (1, -1)^T gives 2
    features, classes = torch.tensor([[2.0], [1.0]]), torch.tensor([[1.0], [-1.0]])
    fitted = ESZSL(gamma=5.0, lambda_=2.0).fit(features, torch.tensor([0, 1]), classes)
    assert fitted.weights.item() == pytest.approx(2 / (10 * 4))
    scores = fitted.scores(torch.tensor([[10.0]]), torch.tensor([[1.0], [3.0]]))
    torch.testing.assert_close(scores, torch.tensor([[0.5, 1.5]]))


def test_with_one_hot_classes_it_is_ridge_regression_onto_signs(task):
    from sklearn.linear_model import Ridge

    features, labels, _ = task
    one_hot = torch.eye(4, dtype=torch.float64)
    scores = ESZSL(gamma=0.8, lambda_=3.0).fit(features, labels, one_hot).scores(features, one_hot)
    ridge = Ridge(alpha=0.8, fit_intercept=False).fit(features.numpy(), signs(labels, 4))
    # S^T S + lambda I is then (1 + lambda) I
    np.testing.assert_allclose(scores * 4, ridge.predict(features.numpy()), rtol=1e-9)


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["gamma", "lambda_"])
def test_penalties_must_be_positive(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}: it must be finite and above 0"):
        ESZSL(**{name: value})
