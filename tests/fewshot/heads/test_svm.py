"""The support vector machine: against scipy, scikit-learn, by hand, and in its limits."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize
from sklearn.svm import LinearSVC

from fewshot import Support, SVMHead
from fewshot.solvers.crammer_singer import solve_crammer_singer


def slowly(x, labels, n_classes, cost):
    """The primal of the docstring, with its slacks, by a general solver: weights (d, k)."""
    d, s = x.shape[1], len(x)
    rows = []
    for i, y in enumerate(labels):
        for c in range(n_classes):
            row = np.zeros(d * n_classes + s)
            row[y * d : (y + 1) * d] += x[i]
            row[c * d : (c + 1) * d] -= x[i]
            row[d * n_classes + i] = 1
            rows.append((row, float(c != y)))
    inner = np.concatenate([np.ones(d * n_classes), np.zeros(s)])
    outer = cost * (1 - inner)
    found = minimize(
        lambda v: (inner * v) @ v / 2 + outer @ v,
        1 - inner,
        jac=lambda v: inner * v + outer,
        constraints=LinearConstraint(np.array([r for r, _ in rows]), [b for _, b in rows], np.inf),
        method="SLSQP",
        options={"ftol": 1e-11, "maxiter": 1000},
    )
    assert found.success
    return found.x[: d * n_classes].reshape(n_classes, d).T


@pytest.mark.parametrize("cost", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("counts", [(3, 1, 2), (2, 3)])
def test_it_is_the_definition(photo_episode, counts, cost):
    support, queries = photo_episode(0, counts, d=3)
    weights = slowly(support.features.numpy(), support.labels.tolist(), len(counts), cost)
    found = SVMHead(cost, normalise=False).fit(support).logits(queries)
    torch.testing.assert_close(found, queries @ torch.tensor(weights), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cost", [0.01, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("d", [3, 40])
def test_it_is_liblinears(photo_episode, cost, d):
    support, queries = photo_episode(1, (6, 3, 5, 4), d=d)
    unit, asked = (torch.nn.functional.normalize(x, dim=-1) for x in (support.features, queries))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LinearSVC(
            multi_class="crammer_singer", C=cost, fit_intercept=False, tol=1e-10, max_iter=10**6
        ).fit(unit.numpy(), support.labels.numpy())
    found = SVMHead(cost).fit(support).logits(queries)
    expected = asked @ torch.tensor(model.coef_.T)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_a_case_by_hand():
    # Photos (1, 0) and (0, 1), a class each: G = I and, by symmetry, A = [[a, -a], [-a, a]].
    # The dual is 2 a^2 - 2 a, least at a = 1/2; C = 0.1 stops it at 0.1, C = 3 does not.
    support = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    for cost, a in ((0.1, 0.1), (3.0, 0.5)):
        found = SVMHead(cost).fit(support).logits(torch.tensor([[4.0, 0.0]]))
        torch.testing.assert_close(found, torch.tensor([[a, -a]]))


def test_a_high_price_leaves_no_margin_violated(photo_episode):
    # Photos of independent directions can be told apart: every margin is 1, at least.
    support, _ = photo_episode(2, (2, 1, 2), d=12)
    logits = SVMHead(1e5).fit(support).logits(support.features)
    own = logits.gather(1, support.labels.unsqueeze(1))
    margins = (own - logits).masked_fill(support.one_hot > 0, float("inf"))
    assert margins.min() > 1 - 1e-5


def test_the_solution_is_feasible_and_its_gap_is_nothing(photo_episode):
    support, _ = photo_episode(3, (5, 2, 4), d=3)
    x, y, cost = support.features, support.one_hot, 2.0
    a = solve_crammer_singer(x @ x.mT, y, support.class_mask, cost)
    assert (a <= cost * y + 1e-9).all()
    assert a.sum(-1).abs().max() < 1e-9
    weights = x.mT @ a
    scores = x @ weights
    own = scores.gather(1, support.labels.unsqueeze(1))
    violated = (1 - y + scores - own).amax(-1).sum()
    primal = weights.square().sum() / 2 + cost * violated
    dual = (y * a).sum() - weights.square().sum() / 2
    assert abs(primal - dual) < 1e-8 * primal


def test_parts_of_a_large_batch_are_solved_one_by_one(photo_episode, monkeypatch):
    supports = [photo_episode(i, (2, 2, 2))[0] for i in range(6)]
    x, y, exist = (
        torch.stack([getattr(s, name) for s in supports]).reshape(2, 3, *shape)
        for name, shape in (("features", (6, 6)), ("one_hot", (6, 3)), ("class_mask", (3,)))
    )
    whole = solve_crammer_singer(x @ x.mT, y, exist, 1.0)
    monkeypatch.setattr("fewshot.solvers.crammer_singer._NUMBERS_AT_ONCE", 2 * 3 * 6 * 6)
    parts = solve_crammer_singer(x @ x.mT, y, exist, 1.0)
    torch.testing.assert_close(parts, whole, rtol=1e-9, atol=1e-9)


def test_the_same_photo_in_two_classes_is_no_obstacle():
    support = Support(torch.ones(2, 3), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    found = SVMHead(1.0).fit(support).logits(torch.eye(3))
    torch.testing.assert_close(found, torch.zeros(3, 2), atol=1e-4, rtol=0)


def test_one_class_has_the_logit_zero(photo_episode):
    found = SVMHead()(*photo_episode(5, (3,)))
    torch.testing.assert_close(found, torch.zeros(7, 1).double(), atol=1e-9, rtol=0)


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.sampled_from([0.1, 10.0]), st.booleans())
def test_promises(keeps_photo_promises, seed, cost, normalise):
    keeps_photo_promises(SVMHead(cost, 2.0, normalise), seed, tolerance=2e-5)


def test_half_precision(answers_half_precision):
    answers_half_precision(SVMHead())


@pytest.mark.parametrize("name", ["C", "scale"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_wrong_parameters_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}: it must be positive and finite"):
        SVMHead(**{name: value})
