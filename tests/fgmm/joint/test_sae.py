"""SAE against its objective, scipy's Sylvester solver and ridge regression at both ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import solve_sylvester
from sklearn.linear_model import Ridge

from fgmm.joint import SemanticAutoencoder


@pytest.fixture
def task():
    random = torch.Generator().manual_seed(4)
    labels = torch.tensor([0, 1, 2, 3, 0, 0, 2, 1, 3, 3, 0, 1])
    features = torch.randn(12, 5, generator=random, dtype=torch.float64)
    classes = torch.randn(4, 3, generator=random, dtype=torch.float64)
    return features, labels, classes


@pytest.mark.parametrize("lambda_", [0.01, 1.0, 40.0])
def test_against_the_papers_equation_by_scipy(task, lambda_):
    features, labels, classes = task
    x, s = features.numpy().T, classes[labels].numpy().T  # columns, as in the paper
    expected = solve_sylvester(s @ s.T, lambda_ * x @ x.T, (1 + lambda_) * s @ x.T)
    found = SemanticAutoencoder(balance=lambda_ / (1 + lambda_)).fit(*task).weights
    np.testing.assert_allclose(found.T, expected, rtol=1e-8)


@pytest.mark.parametrize("balance", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("penalty", [0.0, 2.0])
def test_the_objective_has_its_minimum_there(task, balance, penalty):
    features, labels, classes = task
    s = classes[labels]
    w = SemanticAutoencoder(balance, penalty).fit(*task).weights.requires_grad_()
    decoded = (features - s @ w.T).square().sum()
    encoded = (features @ w - s).square().sum()
    value = (1 - balance) * decoded + balance * encoded + penalty * w.square().sum()
    (slope,) = torch.autograd.grad(value, [w])
    torch.testing.assert_close(slope, torch.zeros_like(slope), rtol=0, atol=1e-10)


@pytest.mark.parametrize("balance", [1.0, 1 - 1e-9])
def test_with_all_weight_on_encoding_it_is_ridge_from_pictures_to_classes(task, balance):
    features, labels, classes = task
    ridge = Ridge(alpha=0.6, fit_intercept=False).fit(features.numpy(), classes[labels].numpy())
    found = SemanticAutoencoder(balance, penalty=0.6).fit(*task).weights
    np.testing.assert_allclose(found.T, ridge.coef_, rtol=1e-6)


@pytest.mark.parametrize("balance", [0.0, 1e-9])
def test_with_all_weight_on_decoding_it_is_ridge_from_classes_to_pictures(task, balance):
    features, labels, classes = task
    ridge = Ridge(alpha=0.6, fit_intercept=False).fit(classes[labels].numpy(), features.numpy())
    found = SemanticAutoencoder(balance, penalty=0.6).fit(*task).weights
    np.testing.assert_allclose(found, ridge.coef_, rtol=1e-6)


def test_without_penalty_and_with_few_pictures_it_is_the_least_solution():
    random = torch.Generator().manual_seed(1)
    features = torch.randn(3, 6, generator=random, dtype=torch.float64)
    classes = torch.randn(3, 4, generator=random, dtype=torch.float64)
    task = features, torch.arange(3), classes
    for balance, x, y in ((1.0, features, classes), (0.0, classes, features)):
        found = SemanticAutoencoder(balance).fit(*task).weights
        expected = np.linalg.lstsq(x.numpy(), y.numpy(), rcond=None)[0]
        np.testing.assert_allclose(found if balance else found.T, expected, rtol=1e-7, atol=1e-9)
    # between the ends no direction gets a weight by rounding alone
    weights = SemanticAutoencoder(0.5).fit(*task).weights
    outside = np.eye(6) - np.linalg.pinv(features.numpy()) @ features.numpy()
    inside = np.eye(4) - np.linalg.pinv(classes.numpy()) @ classes.numpy()
    np.testing.assert_allclose(outside @ weights.numpy() @ inside, 0, atol=1e-10)


def test_by_hand():
    # One number a picture and a class; both pictures are of class 0, s = 2: S S^T = 8,
    # X X^T = 1 + 9 = 10, S X^T = 2 (1 + 3) = 8. (0.75 * 8 + 1) w + 0.25 * 10 w = 8.
    task = torch.tensor([[1.0], [3.0]]), torch.tensor([0, 0]), torch.tensor([[2.0]])
    found = SemanticAutoencoder(balance=0.25, penalty=1.0).fit(*task).weights
    assert found.item() == pytest.approx(8 / 9.5)


@pytest.mark.parametrize("compare_in", ["classes", "pictures"])
def test_scores_are_cosines_on_the_side_that_was_asked_for(task, compare_in):
    features, _, classes = task
    fitted = SemanticAutoencoder(0.4, compare_in=compare_in).fit(*task)
    scores = fitted.scores(features, classes)
    for i, x in enumerate(features):
        for j, s in enumerate(classes):
            left = x @ fitted.weights if compare_in == "classes" else x
            right = s if compare_in == "classes" else fitted.weights @ s
            cosine = left @ right / (left.norm() * right.norm())
            assert scores[i, j].item() == pytest.approx(cosine.item())


def test_a_vector_of_zeros_scores_zero(task):
    features, _, classes = task
    for compare_in in ("classes", "pictures"):
        fitted = SemanticAutoencoder(compare_in=compare_in).fit(*task)
        assert not fitted.scores(features, 0 * classes).any()
        assert not fitted.scores(0 * features, classes).any()


def test_parameters_out_of_range_are_refused():
    for balance in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=f"balance is {balance}: give 0"):
            SemanticAutoencoder(balance)
    for penalty in (-1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=f"penalty is {penalty}: it must be finite and at"):
            SemanticAutoencoder(penalty=penalty)
    with pytest.raises(ValueError, match="compare_in is 'both': give 'classes' or 'pictures'"):
        SemanticAutoencoder(compare_in="both")
