"""The sums of `fewshot.photo_evidence` and `fewshot.left_out`, arranged for many species.

What the number of photos decides (how far a mean is trusted, in each coordinate) is computed once
for each number there is, not for each species: species by five photos share one row. What is left
for each pair of a picture and a species is one inner product, two where a photo is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from fewshot.photo_evidence import GENERAL, log_background

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.photo_evidence import PhotoModel

__all__ = ["SpeciesTables"]


@dataclass(frozen=True, eq=False)
class SpeciesTables:
    """Species under a model with a basis.

    Parameters
    ----------
    model : PhotoModel
        From `PhotoModel.of_background`; ``within`` is 1 there.
    sums : Tensor of shape (k, d)
        Sum of the coordinates of each species' photos.
    counts : Tensor of shape (k,), int64
        Number of photos.
    """

    model: PhotoModel
    sums: Tensor
    counts: Tensor

    @cached_property
    def _kind(self) -> tuple[Tensor, Tensor]:
        """Numbers of photos there are (u,), and the place of each species' among them (k,)."""
        found = torch.unique(self.counts, return_inverse=True)
        return found[0].to(self.sums).unsqueeze(1), found[1]

    @cached_property
    def _between(self) -> Tensor:
        """Variance of species' means in each coordinate (1, d)."""
        return self.model.between.reshape(1, -1).expand(1, self.sums.shape[1])

    @cached_property
    def _share(self) -> Tensor:
        """``1 / (n b + 1)``: how much of a mean is still ``m_0``, (u, d)."""
        return (self._kind[0] * self._between + 1).reciprocal()

    @cached_property
    def _precision(self) -> Tensor:
        """Of a picture around the mean that is believed, (u, d)."""
        return (1 + self._between * self._share).reciprocal()

    @cached_property
    def _pull(self) -> Tensor:
        """The mean that is believed times the precision, (k, d)."""
        return self._of_each(self._between * self._share * self._precision) * self.sums

    @cached_property
    def _constant(self) -> Tensor:
        """What does not depend on the picture, in nats (k,)."""
        size = (self._pull.square() * self._of_each(self._precision.reciprocal())).sum(1)
        return -0.5 * (size - self._precision.log().sum(1)[self._kind[1]])

    @cached_property
    def _groups(self) -> list[Tensor]:
        """Rows of the species with each number of photos there is."""
        return [(self._kind[1] == kind).nonzero().flatten() for kind in range(len(self._kind[0]))]

    def evidence(self, points: Tensor) -> Tensor:
        """Weigh pictures, as `fewshot.photo_evidence.evidence` does.

        Parameters
        ----------
        points : Tensor of shape (q, d)
            Coordinates.

        Returns
        -------
        Tensor of shape (q, k)
            Nats; 0 for species without a photo.
        """
        squares = points.square()
        found = torch.addmm(self._constant, points, self._pull.mT)
        rest = -0.5 * (squares @ self._precision.mT) - log_background(self.model, points, squares)
        found += self._columns(rest)
        return self._with_photos(found)

    def left_out(self, points: Tensor, owners: Tensor) -> Tensor:
        """Weigh photos of the collection as if they had not been given.

        Parameters
        ----------
        points : Tensor of shape (m, d)
            Coordinates of the photos.
        owners : Tensor of shape (m,), int64
            Row of each one's species.

        Returns
        -------
        Tensor of shape (m, k)
            Nats, as `fewshot.left_out.leave_one_out` gives them.
        """
        left = (self.counts[owners] - 1).to(points).unsqueeze(1)
        others = self.sums[owners] - points
        seen = int((self.counts > 0).sum())
        moved = (others / left.clamp(min=1) - points) / ((left + 1) * (GENERAL + seen))
        # Seen from the moved m_0, the mean of a species of n photos is off by share_n * moved. Its
        # inner product with the photo takes that in, so that there is one product, not two.
        found = self._pulled(points, moved)
        found += self._constant
        leaning = self._precision * self._share
        each = points.square() @ self._precision.mT
        each -= 2 * (points * moved) @ leaning.mT
        each += moved.square() @ (leaning * self._share).mT
        away = points - moved
        background = log_background(self.model, away, away.square())
        found += self._columns(-0.5 * each - background)
        own = -0.5 * self._own(points, moved, others, left) - background
        self._with_photos(found.scatter_(1, owners.unsqueeze(1), own))
        return found if bool((left > 0).all()) else found.masked_fill_(left <= 0, 0.0)

    def _pulled(self, points: Tensor, moved: Tensor) -> Tensor:
        """Inner products of photos with the means of species, both seen from the moved m_0."""
        if len(self._groups) == 1:
            return (points - moved * self._share) @ self._pull.mT
        found = points.new_empty(len(points), len(self.counts))
        for group, share in zip(self._groups, self._share, strict=True):
            found[:, group] = (points - moved * share) @ self._pull[group].mT
        return found

    def _of_each(self, table: Tensor) -> Tensor:
        """Rows (u, d) for each species (k, d), or the only one as it is."""
        return table if len(table) == 1 else table[self._kind[1]]

    def _columns(self, table: Tensor) -> Tensor:
        """Columns (m, u) for each species (m, k), or the only one as it is."""
        return table if table.shape[1] == 1 else table.index_select(1, self._kind[1])

    def _with_photos(self, found: Tensor) -> Tensor:
        """Put 0 for species without a photo, in place."""
        empty = self.counts == 0
        return found.masked_fill_(empty, 0.0) if bool(empty.any()) else found

    def _own(self, points: Tensor, moved: Tensor, others: Tensor, left: Tensor) -> Tensor:
        """Minus twice the log density of photos under their own species without them, (m, 1)."""
        kinds, which = torch.unique(left, return_inverse=True)
        share = (kinds.reshape(-1, 1) * self._between + 1).reciprocal()
        variance = 1 + self._between * share
        which = which.flatten()
        off = points - (self._between * share)[which] * others - moved * share[which]
        size: Tensor = (off.square() / variance[which]).sum(1) + variance.log().sum(1)[which]
        return size.unsqueeze(1)
