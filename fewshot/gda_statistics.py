"""What Gaussian discriminant analysis keeps of photos: sums, which can be added and taken away."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from fewshot.errors import SupportError
from fewshot.membership import one_hot
from fewshot.precision import widest

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["GDAStatistics"]


@dataclass(frozen=True, slots=True, eq=False)
class GDAStatistics:
    """Numbers of photos, their sums, and the sum of their outer products, in float64.

    All three add up: statistics of two sets of photos of the same classes, wherever they were
    computed, are added to those of both, and taken away again, exact to rounding in float64.

    Parameters
    ----------
    counts : Tensor of shape (k,)
        Photos of each class.
    sums : Tensor of shape (k, d)
        Sum of each class's features.
    squares : Tensor of shape (d, d)
        Sum over all photos of ``x x^T``.

    Raises
    ------
    SupportError
        If shapes disagree.

    Examples
    --------
    >>> import torch
    >>> one = GDAStatistics.of(torch.tensor([[1.0, 0.0]]), torch.tensor([0]), 2)
    >>> other = GDAStatistics.of(torch.tensor([[0.0, 1.0]]), torch.tensor([1]), 2)
    >>> (one + other).counts, (one + other - other).counts
    (tensor([1., 1.], dtype=torch.float64), tensor([1., 0.], dtype=torch.float64))
    """

    counts: Tensor
    sums: Tensor
    squares: Tensor

    def __post_init__(self) -> None:
        k, d = self.counts.shape[-1], self.squares.shape[-1]
        shapes = [tuple(t.shape) for t in (self.counts, self.sums, self.squares)]
        if shapes != [(k,), (k, d), (d, d)]:
            raise SupportError(
                f"counts, sums and squares are (k,), (k, d) and (d, d), not {shapes}"
            )

    @classmethod
    def of(cls, features: Tensor, labels: Tensor, n_classes: int) -> GDAStatistics:
        """Sum photos up.

        Parameters
        ----------
        features : Tensor of shape (s, d)
            As the classifier shall see them: `GDAHead` takes unit rows.
        labels : Tensor of shape (s,), int64
            In [0, k), -1 for padding.
        n_classes : int
            k.

        Returns
        -------
        GDAStatistics
        """
        x = features.to(widest(features)).masked_fill((labels < 0).unsqueeze(-1), 0)
        member = one_hot(labels, n_classes, x)
        return cls(member.sum(0), member.mT @ x, x.mT @ x)

    def __add__(self, other: GDAStatistics) -> GDAStatistics:
        self._check_alike(other)
        return GDAStatistics(
            self.counts + other.counts, self.sums + other.sums, self.squares + other.squares
        )

    def __sub__(self, other: GDAStatistics) -> GDAStatistics:
        self._check_alike(other)
        if (self.counts < other.counts).any():
            which = int((self.counts < other.counts).nonzero()[0])
            raise SupportError(
                f"{int(other.counts[which])} photos of class {which} cannot be taken from "
                f"{int(self.counts[which])}: take away only what was added"
            )
        return GDAStatistics(
            self.counts - other.counts, self.sums - other.sums, self.squares - other.squares
        )

    def _check_alike(self, other: GDAStatistics) -> None:
        if self.sums.shape != other.sums.shape:
            raise SupportError(
                f"statistics have {tuple(self.sums.shape)} and {tuple(other.sums.shape)} "
                "(classes, width): both must be of the same classes and encoder"
            )

    def merged(self, groups: Tensor) -> GDAStatistics:
        """Make several classes one.

        Parameters
        ----------
        groups : Tensor of shape (k,), int64
            New class of each class, from 0 without gaps.

        Returns
        -------
        GDAStatistics
        """
        member = one_hot(groups, int(groups.max()) + 1, self.sums)
        return GDAStatistics(member.mT @ self.counts, member.mT @ self.sums, self.squares)

    @property
    def means(self) -> Tensor:
        """Class means, (k, d); zero for a class without photos."""
        return self.sums / self.counts.clamp(min=1).unsqueeze(-1)

    @property
    def scatter(self) -> Tensor:
        """Sum of outer products of photos' distances from the mean of their class, (d, d)."""
        return self.squares - self.sums.mT @ self.means

    def classifier(self) -> tuple[Tensor, Tensor]:
        """Weights and intercepts of `GDAHead`, by one solve of size d.

        Returns
        -------
        weights : Tensor of shape (d, k)
            ``P mu_c``.
        intercepts : Tensor of shape (k,)
            ``log(1 / k) - mu_c P mu_c / 2``.

        Raises
        ------
        SupportError
            If a class has no photo, or no class has two that differ.
        """
        n, (k, d) = float(self.counts.sum()), self.sums.shape
        if (self.counts == 0).any():
            which = int((self.counts == 0).nonzero()[0])
            raise SupportError(f"class {which} has no photo: add one, or leave the class out")
        scatter = self.scatter
        trace = float(scatter.trace())
        if not trace > 1e-12 * float(self.squares.trace()):
            raise SupportError(
                "no class has two photos that differ, so nothing is known of the spread within a "
                "class: add photos, or use GDAHead, which takes the spread between classes"
            )
        shrunk = scatter + trace / (n - 1) * torch.eye(
            d, dtype=scatter.dtype, device=scatter.device
        )
        means = self.means
        weights = d * torch.linalg.solve(shrunk, means.mT)
        return weights, -math.log(k) - (means * weights.mT).sum(-1) / 2
