"""Logistic regression: against scikit-learn, its own gradient, by hand, and in its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from fewshot import LogisticHead, RidgeHead, Support
from fewshot.precision import positive_gram
from fewshot.solvers.logistic import solve_logistic


def scikit_learns(support, queries, cost):
    """Decision values of scikit-learn's minimum, a column a class."""
    model = LogisticRegression(C=cost, tol=1e-12, max_iter=100_000)
    model.fit(support.features.numpy(), support.labels.numpy())
    found = torch.tensor(model.decision_function(queries.numpy()))
    return torch.stack([-found / 2, found / 2], -1) if found.ndim == 1 else found


@pytest.mark.parametrize("cost", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("counts", [(5, 5, 5), (1, 1, 1, 1), (6, 1, 3, 2), (4, 2), (1, 1)])
def test_it_is_scikit_learns(photo_episode, counts, cost):
    support, queries = photo_episode(0, counts)
    found = LogisticHead(cost, normalise=False).fit(support).logits(queries)
    torch.testing.assert_close(found, scikit_learns(support, queries, cost), rtol=1e-4, atol=1e-4)


def test_on_unit_rows_it_is_scikit_learns(photo_episode):
    support, queries = photo_episode(1, (9, 2, 5), d=3)  # more photos than numbers in each
    unit, asked = (torch.nn.functional.normalize(x, dim=-1) for x in (support.features, queries))
    found = LogisticHead(20.0).fit(support).logits(queries)
    expected = scikit_learns(support.with_features(unit), asked, 20.0)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def slow_gradient(x, labels, weights, intercepts, cost):
    """Of the objective in the docstring, a photo and a class at a time."""
    by_weights, by_intercepts = weights.copy(), np.zeros(len(intercepts))
    for row, y in zip(x, labels, strict=True):
        scores = [row @ weights[:, c] + b for c, b in enumerate(intercepts)]
        total = sum(math.exp(v - max(scores)) for v in scores)
        for c, v in enumerate(scores):
            residual = math.exp(v - max(scores)) / total - (c == y)
            by_weights[:, c] += cost * residual * row
            by_intercepts[c] += cost * residual
    return by_weights, by_intercepts


@pytest.mark.parametrize("cost", [1e-4, 1.0, 1e4])
def test_at_the_minimum_nothing_pulls(photo_episode, cost):
    support, _ = photo_episode(2, (4, 1, 3))
    x, exist = support.features, support.class_mask
    weight = torch.tensor([[cost]], dtype=torch.float64)
    gram = positive_gram(x @ x.mT, support.labels)
    a, b = solve_logistic(gram, support.one_hot, exist, weight)
    weights = (x.mT @ a).numpy()
    pulls = slow_gradient(x.numpy(), support.labels.tolist(), weights, b[0].numpy(), cost)
    start = slow_gradient(x.numpy(), support.labels.tolist(), 0 * weights, [0.0] * 3, cost)
    size = np.linalg.norm(np.concatenate([p.ravel() for p in start]))
    assert max(np.abs(p).max() for p in pulls) < 1e-7 * size


def test_a_case_by_hand():
    # Photos +1 and -1 on a line, two classes. By symmetry b = 0 and the weights are (w, -w).
    # Two photos at half of C: the objective is C log(1 + exp(-2 w)) + w^2, least where
    # w = C / (1 + exp(2 w)). For w = log(3) / 2 that is w = C / 4, so C = 2 log 3.
    # The logits of the query 3 are 3 w and -3 w.
    x = torch.tensor([[1.0], [-1.0]])
    support = Support(x, torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    head = LogisticHead(2 * math.log(3), normalise=False)
    w = math.log(3) / 2
    found = head.fit(support).logits(torch.tensor([[3.0]]))
    torch.testing.assert_close(found, torch.tensor([[3 * w, -3 * w]]))


def test_a_weak_fit_leaves_the_shares_of_the_classes(photo_episode):
    # Weights vanish with C; the intercepts, not penalised, give the shares 3/6, 1/6, 2/6.
    found = LogisticHead(1e-8)(*photo_episode(3, (3, 1, 2))).softmax(-1)
    shares = torch.tensor([3.0, 1, 2]).double() / 6
    torch.testing.assert_close(found, shares.expand(7, 3), rtol=0, atol=1e-6)


def test_for_small_costs_it_is_linear_in_them(photo_episode):
    # The first step from zero: W = C X^T (Y - 1/k), as ridge's at a heavy penalty is X^T Y / p.
    support, queries = photo_episode(4, (2, 2, 2))
    found = LogisticHead(1e-6).fit(support).logits(queries) * 1e6
    sums = RidgeHead(1e9).fit(support).logits(queries) * 1e9
    difference = (found - found.mean(-1, keepdim=True)) - (sums - sums.mean(-1, keepdim=True))
    constant = difference.mean(0)  # of the intercepts
    torch.testing.assert_close(difference, constant.expand(7, 3), rtol=0, atol=1e-4)


def test_all_episodes_of_a_batch_get_there(photo_episode):
    # Easy, hard and hopeless ones together; each alone is the same.
    episodes = [photo_episode(i, (5, 5, 5), d=d) for i, d in enumerate((4, 4, 4))]
    mixed = torch.stack([s.features * f for (s, _), f in zip(episodes, (1e-3, 1, 30), strict=True)])
    labels = torch.stack([s.labels for s, _ in episodes])
    labels[1] = labels[1].roll(1)
    batch = Support(mixed, labels, torch.ones(3, 3, dtype=torch.bool))
    queries = torch.stack([q for _, q in episodes])
    head = LogisticHead(10.0, normalise=False)
    found = head.fit(batch).logits(queries)
    for i in range(3):
        one = Support(mixed[i], labels[i], batch.class_mask[i])
        expected = scikit_learns(one, queries[i], 10.0)
        torch.testing.assert_close(found[i], expected, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(head.fit(one).logits(queries[i]), found[i], rtol=1e-7, atol=1e-7)


def test_the_same_photo_in_two_classes_is_no_obstacle():
    x = torch.ones(2, 3)
    support = Support(x, torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    found = LogisticHead().fit(support).logits(torch.eye(3))
    torch.testing.assert_close(found, torch.zeros(3, 2), atol=1e-5, rtol=0)


def test_one_class_has_the_logit_zero(photo_episode):
    assert torch.equal(LogisticHead()(*photo_episode(5, (3,))), torch.zeros(7, 1).double())


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.sampled_from([0.1, 10.0]), st.booleans())
def test_promises(keeps_photo_promises, seed, cost, normalise):
    keeps_photo_promises(LogisticHead(cost, normalise), seed, tolerance=1e-6)


def test_half_precision(answers_half_precision):
    answers_half_precision(LogisticHead())


@pytest.mark.parametrize("cost", [0.0, -1.0, float("nan"), float("inf")])
def test_wrong_costs_are_refused(cost):
    with pytest.raises(ValueError, match=f"C is {cost}: it must be positive and finite"):
        LogisticHead(cost)
