"""Newton's method for multinomial logistic regression, in the span of the photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["solve_logistic"]

_STEPS = 100  # of Newton; 4 to 10 are usual
_INNER_STEPS = 1000  # of conjugate gradients within one; 5 to 50 are usual
_HALVINGS = 40


def solve_logistic(
    gram: Tensor, member: Tensor, exists: Tensor, weight: Tensor, *, tolerance: float = 1e-9
) -> tuple[Tensor, Tensor]:
    """Minimise ``weight * sum_i -log softmax(x_i W + b)[y_i] + ||W||^2 / 2``, W = X^T A.

    Parameters
    ----------
    gram : Tensor of shape (..., s, s)
        Inner products ``X X^T`` of the photos, positive definite; float64 is wanted.
    member : Tensor of shape (..., s, k)
        One-hot labels; rows of padding are zero.
    exists : Tensor of shape (..., k), bool
        Which classes exist.
    weight : Tensor of shape (..., 1, 1)
        Of the photos against the penalty; positive.
    tolerance : float, default=1e-9
        An episode is done when its gradient is this small beside the gradient at zero. ``W``
        is then no further from the minimum than the gradient is long.

    Returns
    -------
    coefficients : Tensor of shape (..., s, k)
        A; zero for padding and absent classes.
    intercepts : Tensor of shape (..., 1, k)
        b, adding up to zero.

    Notes
    -----
    With ``X X^T = L L^T`` (Cholesky) the rows of ``L`` are the photos in coordinates of their
    span, and this is logistic regression on s features. Each Newton step's linear system is
    solved by conjugate gradients, and the step is halved until the objective falls. Episodes
    that are done stand still, so that none depends on its neighbours in the batch. Where the
    gradient is zero, ``A = weight * (Y - P)``: coefficients of moderate size, even where photos
    are the same and others would do too.

    Examples
    --------
    >>> one = torch.ones(1, 1, dtype=torch.float64)
    >>> gram = torch.eye(2, dtype=torch.float64)
    >>> a, b = solve_logistic(gram, gram, torch.tensor([True, True]), one)
    >>> bool(torch.allclose(a, gram - (gram @ a + b).softmax(-1)))
    True
    """
    problem = _Problem.of(gram, member, exists, weight)
    point = gram.new_zeros(*gram.shape[:-2], gram.shape[-1] + 1, member.shape[-1])
    goal = None
    for _ in range(_STEPS):
        probabilities, objective = problem.at(point)
        gradient = problem.gradient(point, probabilities)
        size = _sum(gradient.square())
        goal = tolerance**2 * size if goal is None else goal
        active = size > goal
        if not active.any():
            break
        step = _newton_step(problem, probabilities, gradient, active)
        length = _line_search(problem, point, step, gradient, objective)
        length = torch.where(active, length, 0)
        if not length.any():  # as good as rounding allows
            break
        point = point + length * step
    probabilities, _ = problem.at(point)
    return weight * (member - probabilities), problem.constant * point[..., -1:, :]


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    features: Tensor  # (..., s, s + 1), the last constant; rows of padding are zero
    constant: Tensor  # (..., 1, 1), that constant
    penalised: Tensor  # (s + 1, 1): 1, and 0 for the intercepts
    member: Tensor  # (..., s, k)
    absent: Tensor  # (..., 1, k)
    weight: Tensor  # (..., 1, 1)

    @classmethod
    def of(cls, gram: Tensor, member: Tensor, exists: Tensor, weight: Tensor) -> _Problem:
        s = gram.shape[-1]
        real = member.sum(-1, keepdim=True)
        # Of the size that makes the loss about as curved in the intercepts as the penalty is
        # in the weights: conjugate gradients like it, the minimum does not depend on it.
        classes = exists.sum(-1).unsqueeze(-1).unsqueeze(-1)
        constant = (classes / (weight * real.sum(-2, keepdim=True).clamp(min=1))).sqrt()
        factor = torch.linalg.cholesky(gram)
        features = real * torch.cat([factor, constant.expand(*gram.shape[:-1], 1)], -1)
        penalised = gram.new_ones(s + 1, 1)
        penalised[s] = 0
        return cls(features, constant, penalised, member, ~exists.unsqueeze(-2), weight)

    def at(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (..., s, k), zero for padding, and the objective (..., 1, 1)."""
        scores = (self.features @ point).masked_fill(self.absent, float("-inf"))
        logs = scores.log_softmax(-1)
        loss = -self.weight * _sum(torch.where(self.member > 0, logs, 0))
        real = self.member.sum(-1, keepdim=True)
        return real * logs.exp(), loss + _sum(self.penalised * point.square()) / 2

    def gradient(self, point: Tensor, probabilities: Tensor) -> Tensor:
        residual = self.features.mT @ (probabilities - self.member)
        return self.penalised * point + self.weight * residual

    def curvature(self, direction: Tensor, probabilities: Tensor) -> Tensor:
        """The second derivative's product with a direction."""
        change = probabilities * (self.features @ direction)
        change = change - probabilities * change.sum(-1, keepdim=True)
        return self.penalised * direction + self.weight * (self.features.mT @ change)


def _sum(matrix: Tensor) -> Tensor:
    return matrix.sum((-2, -1), keepdim=True)


def _newton_step(
    problem: _Problem, probabilities: Tensor, gradient: Tensor, active: Tensor
) -> Tensor:
    """Conjugate gradients for ``curvature(step) = -gradient``."""
    step, rest = torch.zeros_like(gradient), -gradient
    direction = rest
    size = first = _sum(rest.square())
    for _ in range(_INNER_STEPS):
        going = active & (size > 1e-6 * first)
        if not going.any():
            break
        curved = problem.curvature(direction, probabilities)
        along = _sum(direction * curved)
        length = torch.where(going & (along > 0), size / along, 0)
        step, rest = step + length * direction, rest - length * curved
        after = _sum(rest.square())
        ratio = torch.where(going, after / size, 0)
        direction = rest + ratio * direction
        size = torch.where(going, after, size)
    return step


def _line_search(
    problem: _Problem, point: Tensor, step: Tensor, gradient: Tensor, objective: Tensor
) -> Tensor:
    """The largest of 1, 1/2, 1/4, ... at which the objective is lower; 0 where none is."""
    slope = _sum(gradient * step)
    length = torch.ones_like(slope)
    for _ in range(_HALVINGS):
        there = point + length * step
        probabilities, value = problem.at(there)
        # The function is convex, so where it still falls at the far end it has fallen all along.
        # This holds up where differences of the objective drown in rounding.
        falling = _sum(problem.gradient(there, probabilities) * step) <= 0
        fine = falling | (value <= objective + 1e-4 * length * slope)
        if fine.all():
            return length
        length = torch.where(fine, length, length / 2)
    return torch.where(fine, length, 0)
