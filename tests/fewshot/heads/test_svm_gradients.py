"""Derivatives through the support vector machine's solution."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot.solvers.crammer_singer import solve_crammer_singer


def episode(seed, cost):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(2, 7, 4, generator=draw, dtype=torch.float64)
    labels = torch.tensor([[0, 0, 1, 1, 2, 2, -1], [0, 1, 1, 1, 2, 2, 2]])
    member = (labels.unsqueeze(-1) == torch.arange(4)).double()
    exists = torch.tensor([True, True, True, False]).expand(2, 4)
    both = (labels >= 0).unsqueeze(-1) & (labels >= 0).unsqueeze(-2)

    def solution(x, cost):
        gram = (x @ x.mT) * both + 1e-6 * torch.eye(7, dtype=torch.float64)
        return solve_crammer_singer(gram, member, exists, cost)

    return x.requires_grad_(), torch.tensor(cost, dtype=torch.float64, requires_grad=True), solution


@settings(max_examples=6)
@given(st.integers(0, 10**6), st.sampled_from([0.1, 1.0, 5.0]))
def test_they_are_those_of_differences(seed, cost):
    x, price, solution = episode(seed, cost)
    assert torch.autograd.gradcheck(solution, (x, price), eps=1e-7, atol=1e-3, rtol=1e-3)


def test_by_hand():
    # Photos (a, 0) and (0, a): the coefficient is min(C, 1 / (2 a^2)) * ... the dual 2 g t^2 / 2
    # - ... with G = g I is least at t = 1 / (2 g), so dt/dg = -1 / (2 g^2); at the bound dt/dC = 1.
    g = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    cost = torch.tensor(10.0, dtype=torch.float64, requires_grad=True)
    eye, both = torch.eye(2, dtype=torch.float64), torch.tensor([True, True])
    found = solve_crammer_singer(g * eye, eye, both, cost)
    assert float(found.detach()[0, 0]) == pytest.approx(1 / 4)
    slopes = torch.autograd.grad(found[0, 0], [g, cost])
    assert [float(s) for s in slopes] == pytest.approx([-1 / 8, 0.0], abs=1e-6)
    low = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    found = solve_crammer_singer(g * eye, eye, both, low)
    slopes = torch.autograd.grad(found[0, 0], [g, low])
    assert [float(s) for s in slopes] == pytest.approx([0.0, 1.0], abs=1e-6)


def test_parts_of_a_large_batch_have_the_same(monkeypatch):
    x, price, solution = episode(1, 1.0)
    whole = torch.autograd.grad(solution(x, price).square().sum(), [x, price])
    monkeypatch.setattr("fewshot.solvers.crammer_singer._NUMBERS_AT_ONCE", 1)
    parts = torch.autograd.grad(solution(x, price).square().sum(), [x, price])
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)
