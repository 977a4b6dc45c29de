"""Sums and scatter of photos in a background's coordinates, brought up to date by small changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from fewshot.photo_evidence import PhotoModel
from fgmm.recognition.statistics import PhotoStatistics, add_scatter, changes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fewshot import Background

__all__ = ["TurnedStatistics"]


@dataclass(frozen=True, slots=True, eq=False)
class TurnedStatistics:
    """What `PhotoStatistics` come to in the basis that `PhotoModel.of_background` gives.

    Parameters
    ----------
    sums : Tensor of shape (k, d)
        Sums of photos less the background's mean, turned.
    scatter : ndarray of shape (d, d), float64
        Turned from both sides.
    mean, basis : Tensor of shape (d,) and (d, d)
        Of the background.
    """

    sums: Tensor
    scatter: NDArray[np.float64]
    mean: Tensor
    basis: Tensor

    @classmethod
    def of(cls, statistics: PhotoStatistics, background: Background) -> TurnedStatistics:
        """Turn all of it."""
        model = PhotoModel.of_background(background, torch.zeros(()))
        assert model.basis is not None  # noqa: S101 - a background gives one
        turn = model.basis.double().numpy()
        counts = torch.from_numpy(statistics.counts).double().unsqueeze(1)
        centred = torch.from_numpy(statistics.sums) - counts * model.mean.double()
        scatter = turn.T @ statistics.scatter @ turn
        return cls(centred.float() @ model.basis, scatter, model.mean, model.basis)

    def updated(self, now: PhotoStatistics, before: PhotoStatistics) -> TurnedStatistics:
        """Turn what is new since ``before``, which these are of."""
        found = changes(now.species, before.species)
        sums = torch.from_numpy(found.carry(self.sums.numpy()))
        scatter, turn = self.scatter.copy(), self.basis.numpy()
        rows = [row for row, _ in found.fresh]
        counts = torch.from_numpy(now.counts[rows]).double().unsqueeze(1)
        centred = torch.from_numpy(now.sums[rows]) - counts * self.mean.double()
        sums[rows] = centred.float() @ self.basis
        for sign, species in ((1, [one for _, one in found.fresh]), (-1, found.gone)):
            for one in species:
                own = one.photos.vectors[:, now.columns]
                around = (own - own.mean(axis=0)) * np.float32(now.scale) if len(own) else own
                add_scatter(scatter, (around @ turn).astype(np.float64), sign)
        return TurnedStatistics(sums, scatter, self.mean, self.basis)
