"""Steps of gradient descent for many episodes at once, on coefficients in a span."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from fewshot.whole_numbers import check_count

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Momentum", "RowAdam", "check_training", "cosine_schedule"]


def cosine_schedule(step: int, steps: int) -> float:
    """Fraction of the step size that is left: from 1 down to 0 along half a cosine.

    Parameters
    ----------
    step : int
        Which step, from 0.
    steps : int
        How many there are.

    Returns
    -------
    float
        In (0, 1].

    Examples
    --------
    >>> [round(cosine_schedule(i, 2), 2) for i in range(2)]
    [1.0, 0.5]
    """
    return 0.5 + 0.5 * math.cos(math.pi * step / steps)


def check_training(steps: int, learning_rate: float) -> None:
    """Refuse settings that no training can have.

    Parameters
    ----------
    steps : int
        A whole number of at least 0.
    learning_rate : float
        Positive and finite.

    Raises
    ------
    ValueError
        If one of them is not.
    """
    check_count("steps", steps, 0)
    if not 0 < learning_rate < float("inf"):
        raise ValueError(f"learning_rate is {learning_rate}: it must be positive and finite")


class Momentum:
    """Heavy-ball descent: ``v <- beta v + g``, ``x <- x - rate v``.

    Parameters
    ----------
    beta : float, default=0.9
        How much of the last change is kept.

    Examples
    --------
    >>> x, ball = torch.zeros(1), Momentum(0.5)
    >>> for _ in range(2):
    ...     x = x - ball.change(torch.ones(1), 0.1)
    >>> x
    tensor([-0.2500])
    """

    def __init__(self, beta: float = 0.9) -> None:
        self.beta = beta
        self.velocity: Tensor | None = None

    def change(self, gradient: Tensor, rate: Tensor | float) -> Tensor:
        """Tell what to subtract.

        Parameters
        ----------
        gradient : Tensor
            At the present point.
        rate : Tensor or float
            Step size, broadcast against the gradient.

        Returns
        -------
        Tensor
            Shaped as the gradient.
        """
        if self.velocity is None:
            self.velocity = torch.zeros_like(gradient)
        self.velocity.mul_(self.beta).add_(gradient)
        return rate * self.velocity


class RowAdam:
    """Adam whose second moment is one number a vector, so that it never leaves a span.

    A vector is a column of coefficients; its squared length is measured with ``gram``. With
    Adam's moments m and v (v of the squared *length* of the gradient) a vector moves by
    ``rate * m / (sqrt(v) + eps)``: about ``rate`` while the gradient keeps its direction. Adam
    at ``r`` a coordinate moves a vector of width d about as far as ``rate = r sqrt(d)``.

    Parameters
    ----------
    gram : Tensor of shape (..., b, b)
        Inner products of the vectors that the coefficients refer to.
    eps : float, default=1e-4
        Gradients much shorter than this move nothing. Far above Adam's usual 1e-8: photos
        that are fitted already leave gradients of rounding errors, which must not be
        blown up to full steps.

    References
    ----------
    Kingma, Ba: Adam: a method for stochastic optimization. ICLR 2015; with one second moment a
    block as in Zhang et al.: Adam-mini: use fewer learning rates to gain more. ICLR 2025.

    Examples
    --------
    >>> RowAdam(torch.eye(2)).change(torch.tensor([[3.0], [4.0]]), 0.1)
    tensor([[0.0600],
            [0.0800]])
    """

    def __init__(
        self, gram: Tensor, eps: float = 1e-4, betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        self.gram, self.eps, self.betas = gram, eps, betas
        self.steps = 0
        self.first: Tensor | None = None
        self.second: Tensor | None = None

    def change(self, gradient: Tensor, rate: float) -> Tensor:
        """Tell what to subtract.

        Parameters
        ----------
        gradient : Tensor of shape (..., b, p)
            Coefficients of the gradients of p vectors.
        rate : float
            About how far a vector moves.

        Returns
        -------
        Tensor of shape (..., b, p)
        """
        squared = (gradient * (self.gram @ gradient)).sum(-2, keepdim=True).clamp(min=0)
        if self.first is None or self.second is None:
            self.first, self.second = torch.zeros_like(gradient), torch.zeros_like(squared)
        fast, slow = self.betas
        self.steps += 1
        self.first.mul_(fast).add_(gradient, alpha=1 - fast)
        self.second.mul_(slow).add_(squared, alpha=1 - slow)
        length = (self.second / (1 - slow**self.steps)).sqrt() + self.eps
        return self.first * (rate / (1 - fast**self.steps) / length)
