"""Ridge regression: against its equation, scikit-learn, by hand, and in its limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from fewshot import PrototypeHead, RidgeHead, Support


def slowly(support, queries, penalty):
    """The primal: each class's weights from d x d normal equations, summed a photo at a time."""
    x, d = support.features.numpy(), support.features.shape[-1]
    gram, answer = penalty * np.eye(d), []
    for row in x:
        gram = gram + np.outer(row, row)
    for c in range(support.n_classes):
        pull = np.zeros(d)
        for row, y in zip(x, support.labels.tolist(), strict=True):
            pull += (y == c) * row
        answer.append(queries.numpy() @ np.linalg.inv(gram) @ pull)
    return torch.tensor(np.stack(answer, 1))


@pytest.mark.parametrize("penalty", [0.01, 1.0, 50.0])
@pytest.mark.parametrize("d", [3, 20])
def test_it_is_the_definition(photo_episode, penalty, d):
    support, queries = photo_episode(0, (3, 1, 2), d=d)
    found = RidgeHead(penalty, normalise=False).fit(support).logits(queries)
    torch.testing.assert_close(found, slowly(support, queries, penalty))


def test_it_is_scikit_learns(photo_episode):
    support, queries = photo_episode(1, (3, 4, 2))
    unit, asked = (torch.nn.functional.normalize(x, dim=-1) for x in (support.features, queries))
    model = Ridge(alpha=0.3, fit_intercept=False).fit(unit.numpy(), support.one_hot.numpy())
    found = RidgeHead(0.3, 2.0, -1.0).fit(support).logits(queries)
    torch.testing.assert_close(found, 2 * torch.tensor(model.predict(asked.numpy())) - 1)


def test_a_case_by_hand():
    # One photo a class, (1, 0) and (3/5, 4/5), penalty 1: the matrix [[2, .6], [.6, 2]] has the
    # determinant 3.64 and the inverse [[2, -.6], [-.6, 2]] / 3.64. The query (1, 0) has the
    # products 1 and 3/5 with them: logits (2 - .36) / 3.64 and (-.6 + 1.2) / 3.64.
    x = torch.tensor([[2.0, 0.0], [3.0, 4.0]])
    support = Support(x, torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    found = RidgeHead().fit(support).logits(torch.tensor([[7.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[1.64, 0.6]]) / 3.64)


def test_without_penalty_the_photos_get_their_labels_back(photo_episode):
    support, _ = photo_episode(2, (2, 1, 2), d=8)
    found = RidgeHead(1e-9).fit(support).logits(support.features)
    torch.testing.assert_close(found, support.one_hot, atol=1e-6, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("penalty", [1e-12, 1e-30])
def test_equal_photos_with_next_to_no_penalty_share_their_class(penalty, dtype):
    # X X^T is all ones, singular but for the penalty. As it vanishes, s equal photos a class give
    # the least-squares answer: the mean label, 1/2 and 1/2; where labels agree, 1 and 0.
    x = torch.tensor([[3.0, 4.0]], dtype=dtype).expand(4, 2)
    for labels, expected in (([0, 0, 1, 1], [0.5, 0.5]), ([0, 0, 0, 1], [0.75, 0.25])):
        support = Support(x, torch.tensor(labels), torch.ones(2, dtype=torch.bool))
        found = RidgeHead(penalty).fit(support).logits(x[:1])
        assert found.dtype == dtype
        torch.testing.assert_close(found, torch.tensor([expected], dtype=dtype), atol=1e-3, rtol=0)


def test_under_a_heavy_penalty_it_is_the_sum_of_photos(photo_episode):
    # (X X^T + p I)^-1 -> I / p; with equal shots the prototypes' inner products, in other units
    support, queries = photo_episode(3, (3, 3, 3))
    unit = torch.nn.functional.normalize(support.features, dim=-1)
    asked = torch.nn.functional.normalize(queries, dim=-1)
    found = 1e8 / 3 * RidgeHead(1e8).fit(support).logits(queries)
    means = torch.stack([unit[support.labels == c].mean(0) for c in range(3)])
    torch.testing.assert_close(found, asked @ means.T, rtol=1e-6, atol=1e-6)
    cosines = PrototypeHead("cosine", 1.0).fit(support.with_features(unit)).logits(asked)
    torch.testing.assert_close(found / means.norm(dim=1), cosines, rtol=1e-6, atol=1e-6)


def test_length_of_features_carries_no_meaning(photo_episode):
    support, queries = photo_episode(4)
    lengths = torch.arange(1, 7).double().unsqueeze(1)
    found = RidgeHead().fit(support.with_features(lengths * support.features)).logits(9 * queries)
    torch.testing.assert_close(found, RidgeHead().fit(support).logits(queries))


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.sampled_from([0.1, 50.0]), st.booleans())
def test_promises(keeps_photo_promises, seed, penalty, normalise):
    keeps_photo_promises(RidgeHead(penalty, 3.0, 1.0, normalise), seed)


def test_half_precision(answers_half_precision):
    answers_half_precision(RidgeHead())


def test_heads_that_change_features_alike_say_so():
    one, other, raw = RidgeHead(1.0), RidgeHead(2.0), RidgeHead(normalise=False)
    assert one.transform_key() == other.transform_key()
    assert one.transform_key() != raw.transform_key() == PrototypeHead().transform_key()


@pytest.mark.parametrize("name", ["penalty", "scale"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_wrong_parameters_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}: it must be positive and finite"):
        RidgeHead(**{name: value})
