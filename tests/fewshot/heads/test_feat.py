"""FEAT: against loops over classes, by hand, and in its limits."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import FEATHead, SimpleShotHead, Support, check_head
from fewshot.errors import SupportError


def trained(width, hidden=3, seed=0, scale=2.0, size=0.7):
    """A head whose matrices are all something, as after training."""
    head, draw = FEATHead(width, hidden, scale, seed), torch.Generator().manual_seed(seed + 9)
    head.out.data = size * torch.randn(width, hidden, generator=draw)
    return head.eval()


def slowly(head, support, queries):
    """Equations 5 to 7 a class and a number at a time."""
    x = [row / row.norm() for row in support.features.double()]
    z = [row / row.norm() for row in queries.double()]
    labels = support.labels.tolist()
    classes = [c for c in range(support.n_classes) if support.class_mask[c]]
    means = {}
    for c in classes:
        own = [row for row, y in zip(x, labels, strict=True) if y == c]
        means[c] = sum(own) / len(own)
    matrices = {n: getattr(head, n).double() for n in ("query", "key", "value", "out")}
    answer = torch.full((len(z), support.n_classes), -math.inf, dtype=torch.float64)
    for c in classes:
        asks = matrices["query"] @ means[c]
        alike = [
            float(asks @ (matrices["key"] @ means[j])) / math.sqrt(head.hidden) for j in classes
        ]
        total = sum(math.exp(a) for a in alike)
        told = sum(
            math.exp(a) / total * (matrices["value"] @ means[j])
            for a, j in zip(alike, classes, strict=True)
        )
        place = means[c] + matrices["out"] @ told
        for i, row in enumerate(z):
            answer[i, c] = -head.scale * float((row - place).square().sum())
    return answer


@pytest.mark.parametrize("counts", [(3, 1, 2), (2, None, 1, 4), (1, 1)])
def test_it_is_the_definition(photo_episode, counts):
    support, queries = photo_episode(0, counts)
    head = trained(6)
    torch.testing.assert_close(head.fit(support).logits(queries), slowly(head, support, queries))


def test_a_case_by_hand():
    # Two classes, (1, 0) and (0, 1), one hidden number. W_q = W_k = 0: attention is 1/2 and 1/2.
    # W_v = (2, 4): the mean of 2 and 4 is 3. W_o = (0, 1): every mean moves by (0, 3), to (1, 3)
    # and (0, 4). The query (1, 0) is at squared distances 9 and 1 + 16 from them.
    head = FEATHead(2, 1, scale=1.0)
    for name, value in (
        ("query", [[0.0, 0.0]]),
        ("key", [[0.0, 0.0]]),
        ("value", [[2.0, 4.0]]),
        ("out", [[0.0], [1.0]]),
    ):
        getattr(head, name).data = torch.tensor(value)
    two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    found = head.fit(two).logits(torch.tensor([[5.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[-9.0, -17.0]]))


@pytest.mark.parametrize("head", [FEATHead(scale=3.0), FEATHead(6, scale=3.0)], ids=repr)
def test_without_what_attention_says_it_is_simple_shot(photo_episode, head):
    support, queries = photo_episode(1, (3, 2, 4))
    expected = SimpleShotHead(3.0).fit(support).logits(queries)
    torch.testing.assert_close(head.eval().fit(support).logits(queries), expected)


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_who_is_in_the_episode_matters_and_in_which_order_not(photo_episode, seed):
    support, queries = photo_episode(seed, (2, 1, 3))
    head = trained(6, seed=seed % 7)
    whole = head.fit(support).logits(queries)
    order = torch.randperm(3, generator=torch.Generator().manual_seed(seed))
    labels = order.argsort()[support.labels]
    turned = head.fit(Support(support.features, labels, support.class_mask)).logits(queries)
    torch.testing.assert_close(turned, whole[:, order])
    two = support.labels < 2
    fewer = Support(support.features[two], support.labels[two], support.class_mask[:2])
    assert (head.fit(fewer).logits(queries) - whole[:, :2]).abs().max() > 1e-4


def test_gradients_are_those_of_differences(photo_episode):
    support, queries = photo_episode(2, (2, 1), d=4, n_queries=2)
    head = trained(4, 2).double()
    names = ("query", "key", "value", "out")
    start = [getattr(head, name).detach().clone().requires_grad_() for name in names]

    def answer(*matrices):
        for name in names:
            delattr(head, name) if name in head._parameters else None
        for name, value in zip(names, matrices, strict=True):
            object.__setattr__(head, name, value)
        return head.fit(support).logits(queries)

    assert torch.autograd.gradcheck(answer, start)


def test_it_keeps_the_promises_of_heads_when_trained():
    check_head(trained(12, 5, size=0.2))


def test_features_of_another_width_are_refused(photo_episode):
    support, _ = photo_episode(3)
    with pytest.raises(SupportError, match="FEATHead was made for features of width 5 and got 6"):
        FEATHead(5).fit(support)


@pytest.mark.parametrize(
    ("given_", "told"),
    [({"hidden": 0}, "hidden is 0"), ({"scale": -1.0}, "scale is -1.0"), ({"width": 2.5}, "width")],
)
def test_wrong_parameters_are_refused(given_, told):
    with pytest.raises(ValueError, match=told):
        FEATHead(**given_)
