"""Gaussian discriminant analysis: against d x d matrices and its statistics, by hand, in limits."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import GDAHead, InnerProducts, PrototypeHead, Support, ZeroShotHead
from fewshot.errors import SupportError
from fewshot.gda_statistics import GDAStatistics


def unit(x):
    return torch.nn.functional.normalize(x, dim=-1)


def slowly(support, queries):
    """The official recipe with full matrices, a photo at a time."""
    x, labels = unit(support.features).numpy(), support.labels.tolist()
    n, d, k = *x.shape, support.n_classes
    means = [np.mean([v for v, y in zip(x, labels, strict=True) if y == c], 0) for c in range(k)]
    centred = np.stack([v - means[y] for v, y in zip(x, labels, strict=True)])
    covariance = sum(np.outer(v, v) for v in centred) / (n - 1)
    precision = d * np.linalg.pinv((n - 1) * covariance + np.trace(covariance) * np.eye(d))
    answer = [
        [q @ precision @ m + math.log(1 / k) - m @ precision @ m / 2 for m in means]
        for q in unit(queries).numpy()
    ]
    return torch.tensor(np.array(answer))


@pytest.mark.parametrize("d", [3, 6, 30])
@pytest.mark.parametrize("counts", [(3, 1, 2), (6, 5), (2, 2, 2, 2), (4,)])
def test_it_is_the_definition(photo_episode, counts, d):
    support, queries = photo_episode(0, counts, d=d)
    torch.testing.assert_close(GDAHead()(support, queries), slowly(support, queries))


def test_beside_words_it_is_a_weighted_sum(word_episode):
    support, queries = word_episode(1, (3, 1, 2), bias=-2.0)
    words = ZeroShotHead()(support, queries)
    for alpha in (0.0, 0.5, 3.0):
        expected = words + alpha * slowly(support, queries)
        torch.testing.assert_close(GDAHead(alpha)(support, queries), expected)


def test_a_case_by_hand():
    # Photos (4/5, +-3/5) of class 0 and (-4/5, +-3/5) of class 1: means (+-4/5, 0), distances
    # (0, +-3/5), S = diag(0, 36/25), tr S / (n - 1) = 12/25. P = 2 diag(25/12, 25/48).
    # With the query (1, 0): q P m = +-4/5 * 25/6 = +-10/3, m P m = 16/25 * 25/6 = 8/3.
    # Logits: +-10/3 - 4/3 - log 2.
    x = torch.tensor([[0.8, 0.6], [0.8, -0.6], [-0.8, 0.6], [-0.8, -0.6]])
    support = Support(x, torch.tensor([0, 0, 1, 1]), torch.ones(2, dtype=torch.bool))
    expected = torch.tensor([[2 - math.log(2), -14 / 3 - math.log(2)]])
    torch.testing.assert_close(GDAHead()(support, torch.tensor([[5.0, 0.0]])), expected)


def test_statistics_give_the_same_classifier(photo_episode):
    support, queries = photo_episode(2, (5, 2, 4))
    x = unit(support.features)
    weights, intercepts = GDAStatistics.of(x, support.labels, 3).classifier()
    expected = GDAHead()(support, queries)
    torch.testing.assert_close(unit(queries) @ weights + intercepts, expected)


@given(st.integers(0, 10**6), st.integers(1, 9))
def test_statistics_add_up_and_can_be_taken_away(photo_episode, seed, cut):
    support, _ = photo_episode(seed, (4, 3, 3))
    order = torch.randperm(10, generator=torch.Generator().manual_seed(seed))
    x, y = support.features[order], support.labels[order]
    whole = GDAStatistics.of(x, y, 3)
    one, other = GDAStatistics.of(x[:cut], y[:cut], 3), GDAStatistics.of(x[cut:], y[cut:], 3)
    for found, expected in ((one + other, whole), (whole - other, one), (other + one, whole)):
        for name in ("counts", "sums", "squares", "scatter"):
            torch.testing.assert_close(
                getattr(found, name), getattr(expected, name), rtol=1e-12, atol=1e-12
            )


def test_merged_classes_are_those_of_the_merged_labels(photo_episode):
    support, _ = photo_episode(3, (4, 3, 3))
    groups = torch.tensor([1, 0, 1])
    found = GDAStatistics.of(support.features, support.labels, 3).merged(groups)
    expected = GDAStatistics.of(support.features, groups[support.labels], 2)
    for name in ("counts", "sums", "scatter"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))


def test_scatter_is_the_sum_of_squared_distances_from_the_means(photo_episode):
    support, _ = photo_episode(4, (4, 1, 3))
    found = GDAStatistics.of(support.features.float(), support.labels, 3)
    slow = np.zeros((6, 6))
    for c in range(3):
        own = support.features.float().double()[support.labels == c].numpy()
        for row in own:
            slow += np.outer(row - own.mean(0), row - own.mean(0))
    assert found.scatter.dtype == torch.float64
    np.testing.assert_allclose(found.scatter.numpy(), slow, atol=1e-12)


def test_one_shot_is_not_lost(photo_episode):
    # Within classes nothing is known; the official precision would be 0 and all classes alike.
    support, _ = photo_episode(5, (1, 1, 1, 1))
    found = GDAHead()(support, support.features)
    assert found.argmax(-1).tolist() == [0, 1, 2, 3]
    x = unit(support.features)
    shrunk = (x - x.mean(0)).T @ (x - x.mean(0))
    shrunk = shrunk + shrunk.trace() / 3 * torch.eye(6).double()
    weights = 6 * torch.linalg.solve(shrunk, x.T)
    expected = x @ weights + math.log(1 / 4) - (x.T * weights).sum(0) / 2
    torch.testing.assert_close(found, expected)


def test_the_same_photo_twice_is_one_shot(photo_episode):
    support, queries = photo_episode(6, (1, 1, 1))
    twice = Support(support.features.repeat(2, 1), support.labels.repeat(2), support.class_mask)
    for dtype in (torch.float32, torch.float64):
        one = GDAHead()(support.with_features(support.features.to(dtype)), queries.to(dtype))
        two = GDAHead()(twice.with_features(twice.features.to(dtype)), queries.to(dtype))
        assert (one.argmax(-1) == two.argmax(-1)).all()
        # S doubles, and tr(S) / (n - 1) goes from T / 2 to 2 T / 5: between 1.25 and 0.5 of P
        assert (two.amax(-1) - two.amin(-1) > 0.4 * (one.amax(-1) - one.amin(-1))).all()


def test_photos_all_the_same_say_nothing():
    support = Support(torch.ones(3, 4), torch.tensor([0, 1, 1]), torch.ones(2, dtype=torch.bool))
    found = GDAHead()(support, torch.eye(4))
    torch.testing.assert_close(found, torch.full((4, 2), -math.log(2)))


def test_with_spherical_spread_it_is_the_nearest_mean():
    # The spread is the same along every axis, so P is a multiple of I.
    steps = 0.1 * torch.cat([torch.eye(3), -torch.eye(3)]).double()
    one, other = torch.tensor([[1.0, 0, 0], [0, 1.0, 0]]).double()
    x = torch.cat([one + steps, other + steps])
    statistics = GDAStatistics.of(x, torch.tensor([0] * 6 + [1] * 6), 2)
    weights, intercepts = statistics.classifier()
    scores = torch.eye(3).double() @ weights + intercepts
    support = Support(x, torch.tensor([0] * 6 + [1] * 6), torch.ones(2, dtype=torch.bool))
    near = PrototypeHead()(support, torch.eye(3).double())
    # S = 12 * 0.01 / 3 I = 0.04 I, ridge 0.12 / 11; q P m - m P m / 2 is half of P times the
    # prototype's logits but for q P q / 2, which is the same for both classes
    factor = 3 / (0.04 + 0.12 / 11) / 2
    torch.testing.assert_close(scores[:, 0] - scores[:, 1], factor * (near[:, 0] - near[:, 1]))


def test_a_class_without_photos_is_the_average_one(word_episode):
    support, queries = word_episode(7, (3, 0, 2))
    photos = GDAHead()(support, queries) - ZeroShotHead()(support, queries)
    x = unit(support.features)
    both = Support(x, support.labels // 2, torch.ones(2, dtype=torch.bool))
    statistics = GDAStatistics.of(x, both.labels, 2)
    shrunk = statistics.scatter + statistics.scatter.trace() / 4 * torch.eye(6).double()
    middle = statistics.means.mean(0)
    towards = 6 * torch.linalg.solve(shrunk, middle)
    expected = unit(queries) @ towards - math.log(3) - middle @ towards / 2
    torch.testing.assert_close(photos[:, 1], expected)


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_promises(keeps_promises, seed):
    keeps_promises(GDAHead(0.1), seed)


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_promises_without_words(keeps_photo_promises, seed):
    keeps_photo_promises(GDAHead(), seed)


def test_half_precision(answers_half_precision):
    answers_half_precision(GDAHead())


def test_inner_products_must_say_how_wide_features_are(photo_episode):
    support, queries = photo_episode(0)
    inner = replace(InnerProducts.of(support, queries), width=None)
    with pytest.raises(SupportError, match="GDAHead needs the width of the features"):
        GDAHead().logits_from_inner(inner, support.labels, support.class_mask)


def test_wrong_parameters_are_refused():
    for alpha in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"alpha is {alpha}: it must be finite"):
            GDAHead(alpha)


def test_statistics_that_do_not_fit_are_refused():
    one = GDAStatistics.of(torch.eye(2), torch.tensor([0, 1]), 2)
    with pytest.raises(SupportError, match=r"\(2, 2\) and \(3, 2\) \(classes, width\)"):
        one + GDAStatistics.of(torch.eye(2), torch.tensor([0, 1]), 3)
    with pytest.raises(SupportError, match="2 photos of class 1 cannot be taken from 1"):
        one - GDAStatistics.of(torch.eye(2), torch.tensor([1, 1]), 2)
    with pytest.raises(SupportError, match=r"\(k,\), \(k, d\) and \(d, d\), not"):
        GDAStatistics(torch.ones(2), torch.ones(2, 3), torch.eye(2))
    with pytest.raises(SupportError, match="no class has two photos that differ"):
        one.classifier()
    with pytest.raises(SupportError, match="class 1 has no photo"):
        (one - GDAStatistics.of(torch.eye(2)[1:], torch.tensor([1]), 2)).classifier()
