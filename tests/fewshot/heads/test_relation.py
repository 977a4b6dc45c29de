"""Relation networks on vectors: against loops, by hand, and where nothing is learned."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import MetaBaselineHead, RelationHead, Support, check_head
from fewshot.errors import SupportError


def trained(width, hidden=3, seed=0, scale=2.0, size=0.3):
    head, draw = RelationHead(width, hidden, scale, seed), torch.Generator().manual_seed(seed + 9)
    head.out.data = size * torch.randn(hidden, generator=draw)
    head.offset.data = 0.3 * torch.randn(hidden, generator=draw)
    return head.eval()


def slowly(head, support, queries):
    """The equation a pair and a hidden number at a time."""
    x = [row / row.norm() for row in support.features.double()]
    z = [row / row.norm() for row in queries.double()]
    d, answer = len(x[0]), torch.full((len(z), support.n_classes), -math.inf, dtype=torch.float64)
    for c in range(support.n_classes):
        own = [row for row, y in zip(x, support.labels.tolist(), strict=True) if y == c]
        if not own:
            continue
        mean = sum(own) / len(own)
        mean = mean / mean.norm()
        for i, q in enumerate(z):
            pair = [float(q[j] * mean[j]) * math.sqrt(d) for j in range(d)]
            pair += [abs(float(q[j] - mean[j])) * math.sqrt(d) for j in range(d)]
            score = float(q @ mean)
            for h in range(head.hidden):
                seen = sum(float(head.compare[h, j]) * pair[j] for j in range(2 * d))
                score += float(head.out[h]) * max(0.0, seen + float(head.offset[h]))
            answer[i, c] = head.scale * score
    return answer


@pytest.mark.parametrize("counts", [(3, 1, 2), (2, None, 1)])
def test_it_is_the_definition(photo_episode, counts):
    support, queries = photo_episode(0, counts)
    head = trained(6)
    torch.testing.assert_close(head.fit(support).logits(queries), slowly(head, support, queries))


def test_a_case_by_hand():
    # One hidden number that adds the two distances, less sqrt(2), and counts double. d = 2. Query
    # (1, 0) and class (1, 0): distances 0 and 0, cut off at 0; the cosine, 1, is left. Class
    # (0, 1): distances 1 and 1, so 2 sqrt(2) - sqrt(2); cosine 0, logit 2 sqrt(2).
    head = RelationHead(2, 1, scale=1.0)
    head.compare.data = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    head.offset.data, head.out.data = torch.tensor([-math.sqrt(2)]), torch.tensor([2.0])
    two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    found = head.fit(two).logits(torch.tensor([[3.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[1.0, 2 * math.sqrt(2)]]))


@pytest.mark.parametrize("head", [RelationHead(scale=3.0), RelationHead(6, scale=3.0)], ids=repr)
def test_without_its_network_it_is_the_cosine(photo_episode, head):
    support, queries = photo_episode(1, (3, 2, 4))
    unit = torch.nn.functional.normalize(support.features, dim=-1)
    expected = MetaBaselineHead(3.0).fit(support.with_features(unit)).logits(queries)
    torch.testing.assert_close(head.eval().fit(support).logits(queries), expected)


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_a_class_is_judged_by_itself(photo_episode, seed):
    """Unlike in FEAT, other classes change nothing, and the order of photos neither."""
    support, queries = photo_episode(seed, (2, 1, 3))
    head = trained(6, seed=seed % 7)
    whole = head.fit(support).logits(queries)
    turn = torch.randperm(6, generator=torch.Generator().manual_seed(seed))
    turned = Support(support.features[turn], support.labels[turn], support.class_mask)
    torch.testing.assert_close(head.fit(turned).logits(queries), whole)
    two = support.labels < 2
    fewer = Support(support.features[two], support.labels[two], support.class_mask[:2])
    torch.testing.assert_close(head.fit(fewer).logits(queries), whole[:, :2])


def test_it_keeps_the_promises_of_heads_when_trained():
    check_head(trained(12, 5, size=0.05))


def test_features_of_another_width_are_refused(photo_episode):
    support, _ = photo_episode(3)
    with pytest.raises(SupportError, match="RelationHead was made for features of width 5"):
        RelationHead(5).fit(support)


@pytest.mark.parametrize(
    ("given_", "told"),
    [({"hidden": 0}, "hidden is 0"), ({"scale": 0.0}, "scale is 0.0"), ({"width": -2}, "width")],
)
def test_wrong_parameters_are_refused(given_, told):
    with pytest.raises(ValueError, match=told):
        RelationHead(**given_)
