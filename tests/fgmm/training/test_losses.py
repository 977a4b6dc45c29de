"""Losses: slow loops from the definition, cases by hand, limits."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fgmm.training.losses import (
    CentreLoss,
    clip_loss,
    match_cosines,
    match_probabilities,
    mean_entropy,
    prototype_logits,
    prototype_loss,
    siglip_loss,
)

CLOSE = {"atol": 1e-10, "rtol": 1e-10}


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def softmax(values: list[float]) -> list[float]:
    top = max(values)
    powers = [math.exp(v - top) for v in values]
    return [p / sum(powers) for p in powers]


# CLIP -------------------------------------------------------------------------------------------


def slow_clip(logits: torch.Tensor, groups: list[int]) -> float:
    rows, n, total = logits.tolist(), len(logits), 0.0
    columns = [[row[j] for row in rows] for j in range(n)]
    for i in range(n):
        own = [j for j in range(n) if groups[j] == groups[i]]
        for table in (rows, columns):
            p = softmax(table[i])
            total -= sum(math.log(p[j]) for j in own) / len(own)
    return total / (2 * n)


@pytest.mark.parametrize("groups", [[0, 1, 2, 3, 4], [0, 0, 1, 2, 1], [0, 0, 0, 0, 0]])
def test_clip_is_its_definition(groups):
    logits = 3 * drawn(5, 5)
    found = clip_loss(logits, torch.tensor(groups))
    assert float(found) == pytest.approx(slow_clip(logits, groups), abs=1e-10)


def test_clip_without_groups_is_with_all_groups_different():
    logits = drawn(6, 6)
    torch.testing.assert_close(clip_loss(logits), clip_loss(logits, torch.arange(6)), **CLOSE)


def test_clip_by_hand():
    # rows and columns alike: the softmax of (log 3, 0) is (3/4, 1/4)
    logits = torch.tensor([[math.log(3), 0.0], [0.0, math.log(3)]]).double()
    assert float(clip_loss(logits)) == pytest.approx(math.log(4 / 3))


@given(n=st.integers(1, 8), value=st.floats(-50, 50))
def test_clip_of_equal_similarities_is_log_n(n, value):
    assert float(clip_loss(torch.full((n, n), value).double())) == pytest.approx(math.log(n))


def test_clip_treats_pictures_and_texts_alike():
    logits, groups = drawn(5, 5), torch.tensor([0, 1, 1, 2, 0])
    torch.testing.assert_close(clip_loss(logits, groups), clip_loss(logits.T, groups), **CLOSE)


# SigLIP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [[0, 1, 2, 3], [0, 1, 1, 0]])
def test_siglip_is_its_definition(groups):
    logits, total = 2 * drawn(4, 4), 0.0
    for i in range(4):
        for j in range(4):
            z = 1.0 if groups[i] == groups[j] else -1.0
            total += math.log(1 / (1 + math.exp(-z * float(logits[i, j]))))
    found = siglip_loss(logits, torch.tensor(groups))
    assert float(found) == pytest.approx(-total / 4, abs=1e-10)


def test_siglip_of_one_pair_is_softplus():
    assert float(siglip_loss(torch.tensor([[0.7]]).double())) == pytest.approx(
        math.log(1 + math.exp(-0.7))
    )


def test_siglip_does_not_overflow():
    sure = torch.tensor([[1e4, -1e4], [-1e4, 1e4]])
    assert float(siglip_loss(sure)) == 0
    assert float(siglip_loss(-sure)) == pytest.approx(2e4)


# prototypes -------------------------------------------------------------------------------------


def test_prototypes_are_their_definition():
    x, labels = drawn(7, 3), [4, 9, 4, 9, 9, 2, 4]
    logits = prototype_logits(x, torch.tensor(labels), 1.5)
    for i in range(7):
        for column, label in enumerate([2, 4, 9]):
            others = [x[j] for j in range(7) if labels[j] == label and j != i]
            if not others:
                assert logits[i, column] == -math.inf
                continue
            centre = sum(others) / len(others)
            expected = -1.5 * float(((x[i] - centre) ** 2).sum())
            assert float(logits[i, column]) == pytest.approx(expected, abs=1e-9)


def test_prototypes_leave_out_who_is_alone():
    x, labels = drawn(5, 3), torch.tensor([0, 0, 1, 1, 7])
    logits = prototype_logits(x, labels, 1.0)
    own = torch.tensor([0, 0, 1, 1])
    expected = torch.nn.functional.cross_entropy(logits[:4], own)
    torch.testing.assert_close(prototype_loss(logits, labels), expected, **CLOSE)


def test_prototypes_of_classes_of_one_teach_nothing_and_break_nothing():
    x = drawn(3, 2).requires_grad_()
    loss = prototype_loss(prototype_logits(x, torch.arange(3), 1.0), torch.arange(3))
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.equal(x.grad, torch.zeros(3, 2).double())


def test_prototypes_have_the_gradient_of_finite_differences():
    labels = torch.tensor([0, 0, 1, 1, 1])

    def loss(x):
        return prototype_loss(prototype_logits(x, labels, 2.0), labels)

    assert torch.autograd.gradcheck(loss, drawn(5, 3).requires_grad_())


# additions --------------------------------------------------------------------------------------


def test_entropy_by_hand_and_at_its_limits():
    logits = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]]).double()
    one = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert float(mean_entropy(logits)) == pytest.approx((one + math.log(2)) / 2)
    assert float(mean_entropy(torch.zeros(2, 5))) == pytest.approx(math.log(5))
    assert float(mean_entropy(torch.tensor([[900.0, 0.0]]))) == 0


def test_entropy_is_over_what_is_possible_and_has_a_gradient():
    logits = torch.tensor([[1.0, 2.0, -math.inf]], requires_grad=True)
    mean_entropy(logits).backward()
    torch.testing.assert_close(mean_entropy(logits), mean_entropy(logits[:, :2]))
    assert torch.isfinite(logits.grad).all()


def test_centres_move_as_the_paper_says():
    loss = CentreLoss(3, 2, rate=0.5)
    loss.centres.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]]))
    x, labels = torch.tensor([[3.0, 0.0], [1.0, 2.0], [0.0, 0.0]]), [0, 0, 1]
    value = loss(x, torch.tensor(labels))
    assert float(value) == pytest.approx((4 + 4 + 1) / 6)
    before = loss.centres.clone()
    loss.follow(x, torch.tensor(labels))
    for j in range(3):
        of = [x[i] for i in range(3) if labels[i] == j]
        change = sum((before[j] - one for one in of), torch.zeros(2)) / (1 + len(of))
        torch.testing.assert_close(loss.centres[j], before[j] - 0.5 * change)
    assert torch.equal(loss.centres[2], before[2])


def test_cosines_are_matched_over_different_pictures():
    student, teacher = (torch.nn.functional.normalize(drawn(4, d, seed=d), dim=1) for d in (3, 8))
    total = 0.0
    for i in range(4):
        for j in range(4):
            if i != j:
                total += float(student[i] @ student[j] - teacher[i] @ teacher[j]) ** 2
    assert float(match_cosines(student, teacher)) == pytest.approx(total / 12)
    turn = torch.linalg.qr(drawn(8, 8))[0]
    assert float(match_cosines(teacher, teacher @ turn)) == pytest.approx(0, abs=1e-20)
    assert float(match_cosines(student[:1], teacher[:1])) == 0


def test_probabilities_are_matched_by_divergence():
    student, teacher, total = drawn(3, 4), drawn(3, 4, seed=1), 0.0
    for i in range(3):
        p, q = softmax(teacher[i].tolist()), softmax(student[i].tolist())
        total += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert float(match_probabilities(student, teacher)) == pytest.approx(total / 3)
    assert float(match_probabilities(teacher + 5, teacher)) == pytest.approx(0, abs=1e-12)
