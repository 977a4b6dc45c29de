"""Prototypes: against loops, scikit-learn and numpy, by hand, and in their limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestCentroid

from fewshot import NearestNeighbourHead, PrototypeHead, Support


def slowly(support, queries, distance, scale):
    """Equations 1 and 2, a photo, a class and a coordinate at a time."""
    x, labels = support.features.tolist(), support.labels.tolist()
    d, answer = len(x[0]), []
    for query in queries.tolist():
        row = []
        for c in range(support.n_classes):
            own = [v for v, y in zip(x, labels, strict=True) if y == c]
            mean = [sum(v[j] for v in own) / len(own) for j in range(d)]
            if distance == "euclidean":
                row.append(-scale * sum((a - b) ** 2 for a, b in zip(query, mean, strict=True)))
            else:
                dot = sum(a * b for a, b in zip(query, mean, strict=True))
                row.append(scale * dot / math.hypot(*query) / math.hypot(*mean))
        answer.append(row)
    return torch.tensor(answer, dtype=torch.float64)


@pytest.mark.parametrize(("distance", "scale"), [("euclidean", 0.7), ("cosine", 4.0)])
@pytest.mark.parametrize("counts", [(3, 1, 2), (1, 1), (5,), (2, 7, 1, 4)])
def test_it_is_the_definition(photo_episode, counts, distance, scale):
    support, queries = photo_episode(0, counts)
    found = PrototypeHead(distance, scale).fit(support).logits(queries)
    torch.testing.assert_close(found, slowly(support, queries, distance, scale))


@pytest.mark.parametrize("seed", range(5))
def test_the_answer_is_that_of_scikit_learns_nearest_centroid(photo_episode, seed):
    support, queries = photo_episode(seed, (3, 1, 2, 5), n_queries=40)
    model = NearestCentroid().fit(support.features.numpy(), support.labels.numpy())
    found = PrototypeHead().fit(support).logits(queries).argmax(-1)
    assert found.tolist() == model.predict(queries.numpy()).tolist()


def test_cosines_by_hand():
    # Class 0 has (2, 0) and (0, 2): mean (1, 1). Class 1 has (0, 5). The query (3, 4) of length 5:
    #   cos with (1, 1): 7 / (5 sqrt 2);   with (0, 5): 4 / 5;   times 10.
    x = torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 5.0]])
    support = Support(x, torch.tensor([0, 0, 1]), torch.ones(2, dtype=torch.bool))
    found = PrototypeHead("cosine").fit(support).logits(torch.tensor([[3.0, 4.0]]))
    torch.testing.assert_close(found, torch.tensor([[14 / math.sqrt(2), 8.0]]))


def test_distances_by_hand():
    # The same means (1, 1) and (0, 5); from (3, 4): 4 + 9 = 13 and 9 + 1 = 10.
    x = torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 5.0]])
    support = Support(x, torch.tensor([0, 0, 1]), torch.ones(2, dtype=torch.bool))
    for scale, factor in ((None, 1.0), (0.5, 0.5)):
        found = PrototypeHead(scale=scale).fit(support).logits(torch.tensor([[3.0, 4.0]]))
        torch.testing.assert_close(found, factor * torch.tensor([[-13.0, -10.0]]))


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_of_one_photo_a_class_it_is_the_nearest_photo(photo_episode, distance):
    support, queries = photo_episode(1, (1, 1, 1))
    found = PrototypeHead(distance, 3.0).fit(support).logits(queries)
    near = NearestNeighbourHead(1, distance, 3.0).fit(support).logits(queries)
    torch.testing.assert_close(found, near)


def test_a_photo_given_twice_counts_twice(photo_episode):
    support, queries = photo_episode(2, (2, 2))
    order = [0, 0, 1, 2, 3]
    twice = Support(support.features[order], support.labels[order], support.class_mask)
    found = PrototypeHead().fit(twice).logits(queries)
    mean = (2 * support.features[0] + support.features[1]) / 3
    torch.testing.assert_close(found[:, 0], -(queries - mean).square().sum(-1))


def test_a_query_at_the_mean_has_no_distance_and_a_cosine_of_zero_is_finite():
    x = torch.tensor([[1e3, 1.0], [-1e3, -1.0]])
    support = Support(x, torch.tensor([0, 0]), torch.ones(1, dtype=torch.bool))
    found = PrototypeHead().fit(support).logits(torch.zeros(1, 2))
    assert found.item() == 0
    assert PrototypeHead("cosine").fit(support).logits(torch.ones(1, 2)).item() == 0  # mean is 0


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.sampled_from(["euclidean", "cosine"]))
def test_promises(keeps_photo_promises, seed, distance):
    keeps_photo_promises(PrototypeHead(distance, 2.0), seed)


@given(st.integers(0, 10**6))
def test_turning_and_moving_everything_changes_no_distance(photo_episode, seed):
    support, queries = photo_episode(seed)
    draw = torch.Generator().manual_seed(seed)
    turn = torch.linalg.qr(torch.randn(6, 6, generator=draw, dtype=torch.float64)).Q
    move = torch.randn(6, generator=draw, dtype=torch.float64)
    moved = support.with_features(support.features @ turn + move)
    found = PrototypeHead().fit(moved).logits(queries @ turn + move)
    torch.testing.assert_close(found, PrototypeHead().fit(support).logits(queries))


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_half_precision(answers_half_precision, distance):
    answers_half_precision(PrototypeHead(distance))


def test_the_scale_changes_no_answer(photo_episode):
    support, queries = photo_episode(3)
    for distance in ("euclidean", "cosine"):
        answers = [
            PrototypeHead(distance, scale).fit(support).logits(queries).argmax(-1).tolist()
            for scale in (None, 1e-3, 50.0)
        ]
        assert answers[0] == answers[1] == answers[2]
        assert len(np.unique(answers[0])) > 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"distance": "manhattan"}, "distance is 'manhattan': use 'euclidean' or 'cosine'"),
        ({"scale": 0.0}, "scale is 0.0: it must be positive"),
        ({"scale": float("nan")}, "scale is nan"),
        ({"scale": float("inf")}, "scale is inf"),
    ],
)
def test_wrong_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        PrototypeHead(**wrong)
