"""Nearest photos: against loops, by hand, and in their limits."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import NearestNeighbourHead, PrototypeHead, Support


def slowly(support, queries, neighbours, distance, scale):
    """The definition, a query and a class at a time."""
    x, labels = support.features.tolist(), support.labels.tolist()

    def similarity(a, b):
        if distance == "euclidean":
            return -sum((p - q) ** 2 for p, q in zip(a, b, strict=True))
        dot = sum(p * q for p, q in zip(a, b, strict=True))
        return dot / math.sqrt(sum(p * p for p in a)) / math.sqrt(sum(q * q for q in b))

    answer = []
    for query in queries.tolist():
        row = []
        for c in range(support.n_classes):
            own = sorted(
                (similarity(query, p) for p, y in zip(x, labels, strict=True) if y == c),
                reverse=True,
            )[:neighbours]
            row.append(scale * sum(own) / len(own))
        answer.append(row)
    return torch.tensor(answer, dtype=torch.float64)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@pytest.mark.parametrize("neighbours", [1, 2, 3, 10])
def test_it_is_the_definition(photo_episode, neighbours, distance):
    support, queries = photo_episode(0, (5, 1, 3, 2))
    found = NearestNeighbourHead(neighbours, distance, 3.0).fit(support).logits(queries)
    torch.testing.assert_close(found, slowly(support, queries, neighbours, distance, 3.0))


def test_a_case_by_hand():
    # On a line, the query at 0; class 0 at 1, 2 and 9, class 1 at -2 and 3.
    # Squared distances 1, 4, 81 and 4, 9. One neighbour: 1 and 4. Two: 5/2 and 13/2.
    # Three: 86/3, and 13/2 as class 1 has only two.
    x = torch.tensor([[1.0], [2.0], [9.0], [-2.0], [3.0]])
    support = Support(x, torch.tensor([0, 0, 0, 1, 1]), torch.ones(2, dtype=torch.bool))
    for neighbours, expected in ((1, [-1, -4]), (2, [-2.5, -6.5]), (3, [-86 / 3, -6.5])):
        head = NearestNeighbourHead(neighbours, "euclidean")
        found = head.fit(support).logits(torch.tensor([[0.0]]))
        torch.testing.assert_close(found, torch.tensor([expected], dtype=torch.float32))


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_of_one_shot_it_is_the_prototype(photo_episode, distance):
    support, queries = photo_episode(1, (1, 1, 1))
    expected = PrototypeHead(distance).fit(support).logits(queries)
    for neighbours in (1, 4):
        found = NearestNeighbourHead(neighbours, distance).fit(support).logits(queries)
        torch.testing.assert_close(found, expected)


def test_of_all_neighbours_the_cosine_is_that_of_the_mean_of_unit_photos(photo_episode):
    support, queries = photo_episode(2, (4, 2, 3))
    unit = torch.nn.functional.normalize(support.features, dim=-1)
    means = torch.stack([unit[support.labels == c].mean(0) for c in range(3)])
    expected = torch.nn.functional.normalize(queries, dim=-1) @ means.T
    found = NearestNeighbourHead(4, scale=1.0).fit(support).logits(queries)
    torch.testing.assert_close(found, expected)


def test_more_photos_of_the_same_do_not_win(photo_episode):
    support, queries = photo_episode(3, (2, 2, 2))
    again = Support(
        torch.cat([support.features, support.features[:2].repeat(5, 1)]),
        torch.cat([support.labels, torch.zeros(10, dtype=torch.int64)]),
        support.class_mask,
    )
    head = NearestNeighbourHead()
    expected = head.fit(support).logits(queries)
    torch.testing.assert_close(head.fit(again).logits(queries), expected)


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.sampled_from([1, 3]), st.sampled_from(["cosine", "euclidean"]))
def test_promises(keeps_photo_promises, seed, neighbours, distance):
    keeps_photo_promises(NearestNeighbourHead(neighbours, distance), seed)


@pytest.mark.parametrize("neighbours", [1, 2])
def test_half_precision(answers_half_precision, neighbours):
    answers_half_precision(NearestNeighbourHead(neighbours))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"neighbours": 0}, "neighbours is 0: give a whole number of at least 1"),
        ({"neighbours": 1.5}, "neighbours is 1.5: give a whole number of at least 1"),
        ({"distance": "manhattan"}, "distance is 'manhattan': use 'cosine' or 'euclidean'"),
        ({"scale": 0.0}, "scale is 0.0: it must be positive"),
    ],
)
def test_wrong_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        NearestNeighbourHead(**wrong)
