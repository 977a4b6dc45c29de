"""A learned map under other heads: against the map done by hand, and where it is nothing."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import (
    Background,
    FEATHead,
    LogisticHead,
    MetaBaselineHead,
    ProjectedHead,
    PrototypeHead,
    RidgeHead,
    SimpleShotHead,
    Support,
    SVMHead,
    ZeroShotHead,
    check_head,
    evaluate,
)

BELOW = [
    MetaBaselineHead(),
    PrototypeHead(),
    RidgeHead(0.5),
    SVMHead(1.0),
    LogisticHead(),
    SimpleShotHead(),
]


def trained(below, width, seed=0, size=0.3):
    head = ProjectedHead(below, width)
    draw = torch.Generator().manual_seed(seed)
    head.matrix.data = size * torch.randn(width, width, generator=draw)
    return head.eval()


def plain_background(d):
    eye = torch.eye(d, dtype=torch.float64)
    return Background(0.3 * torch.ones(d, dtype=torch.float64), eye, 2 * eye, 10, "here", "made up")


@pytest.mark.parametrize("below", BELOW, ids=repr)
def test_the_head_below_sees_mapped_features(photo_episode, below):
    support, queries = photo_episode(0, (3, 1, 2))
    head, known = trained(below, 6), plain_background(6)

    def mapped(rows):
        done = []
        for row in rows:
            z = (row - known.mean) / (row - known.mean).norm()
            done.append(z + head.matrix.double() @ z)
        return torch.stack(done)

    given_ = Support(support.features, support.labels, support.class_mask, background=known)
    there = Support(mapped(support.features), support.labels, support.class_mask)
    expected = below.fit(there).logits(mapped(queries))
    torch.testing.assert_close(head.fit(given_).logits(queries), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("width", [None, 6])
def test_without_a_map_it_is_the_head_below_on_unit_rows(photo_episode, width):
    support, queries = photo_episode(1, (3, 2, 4))
    head = ProjectedHead(RidgeHead(), width).eval()
    expected = RidgeHead().fit(support).logits(queries)
    torch.testing.assert_close(head.fit(support).logits(queries), expected)


def test_a_map_that_drops_what_differs_leaves_no_difference():
    # z + matrix z with matrix = diag(0, -1) keeps the first number only: both photos are (3/5, 0).
    head = ProjectedHead(PrototypeHead(), 2)
    head.matrix.data = torch.diag(torch.tensor([0.0, -1.0]))
    x = torch.tensor([[3.0, 4.0], [3.0, -4.0]])
    two = Support(x, torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    found = head.fit(two).logits(torch.tensor([[5.0, 0.0]]))
    torch.testing.assert_close(found, torch.full((1, 2), -0.16))  # (1 - 3/5)^2


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.sampled_from(BELOW[:3]))
def test_promises(keeps_photo_promises, seed, below):
    keeps_photo_promises(trained(below, 6, seed % 5), seed)


def test_it_keeps_the_promises_of_heads_when_trained():
    check_head(trained(RidgeHead(), 12, size=0.05))


def test_two_maps_never_share_a_gram_matrix():
    noise = torch.Generator().manual_seed(3)
    x = torch.eye(5).repeat_interleave(30, 0) + 0.6 * torch.randn(150, 5, generator=noise)
    y = [i // 30 for i in range(150)]
    heads = {"one": trained(PrototypeHead(), 5, 1), "other": trained(PrototypeHead(), 5, 2, 2.0)}
    setting = {"n_way": 3, "n_shot": 1, "n_query": 5, "n_episodes": 200}
    both = evaluate(heads, x, y, **setting)
    for name, head in heads.items():
        alone = evaluate(head, x, y, **setting)
        assert torch.equal(both[name].accuracies, alone.accuracies)
    assert both["one"].mean != both["other"].mean


def test_what_is_learned_reaches_the_map_through_the_head_below(photo_episode):
    support, queries = photo_episode(4, (2, 2, 2), d=4, n_queries=3)
    for below in (RidgeHead(0.7), SVMHead(0.6), MetaBaselineHead()):
        head = ProjectedHead(below, 4)
        start = 0.1 * torch.ones(4, 4, dtype=torch.float64)
        del head._parameters["matrix"]

        def answer(matrix, head=head):
            object.__setattr__(head, "matrix", matrix)
            return functional.log_softmax(head.fit(support).logits(queries), -1)

        assert torch.autograd.gradcheck(answer, start.requires_grad_(), atol=1e-4)


@pytest.mark.parametrize("below", [FEATHead(), ZeroShotHead(), ProjectedHead(), "ridge"], ids=repr)
def test_heads_that_it_cannot_lie_above_are_refused(below):
    with pytest.raises(TypeError, match="give a head of photos that sees inner products only"):
        ProjectedHead(below)
