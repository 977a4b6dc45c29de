"""Photo evidence of a collection: `fewshot.photo_evidence` on statistics that add up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from scipy.linalg.lapack import strtri

from fewshot.left_out import leave_one_out
from fewshot.photo_evidence import GENERAL, PhotoModel, evidence
from fgmm.recognition.species_tables import SpeciesTables
from fgmm.recognition.turned_statistics import TurnedStatistics

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot import Background
    from fgmm.recognition.statistics import PhotoStatistics

__all__ = ["PhotoSide"]

_ROWS_A_BLOCK = 1_024


@dataclass(frozen=True, eq=False)
class PhotoSide:
    """Where the photos of a collection lie, and what they say of pictures.

    Parameters
    ----------
    statistics : PhotoStatistics
    background : Background or None
        Of the same layer; where there is none, the spread is guessed from the photos.
    turned : TurnedStatistics, optional
        The statistics in the background's coordinates, where they are known already.

    Notes
    -----
    It gives the numbers of `fewshot.FusedHead` on the same photos; only sums of them enter,
    but for the guess without a background, which reads every photo.
    """

    statistics: PhotoStatistics
    background: Background | None
    turned: TurnedStatistics | None = None

    @classmethod
    def of(
        cls,
        statistics: PhotoStatistics,
        background: Background | None,
        previous: PhotoSide | None = None,
    ) -> PhotoSide:
        """Make it, and take over from that of an earlier collection what is still the same."""
        turned = None if previous is None else previous.__dict__.get("_turned", previous.turned)
        if turned is None or previous is None or previous.background is not background:
            return cls(statistics, background)
        return cls(statistics, background, turned.updated(statistics, previous.statistics))

    @cached_property
    def counts(self) -> Tensor:
        """Photos of each species (k,)."""
        return torch.from_numpy(self.statistics.counts)

    @cached_property
    def rough(self) -> PhotoModel:
        """The model before the photos' own scatter corrects it: what photos are judged by."""
        if self.background is None:
            owners = self.owners
            return PhotoModel.of_support(self.vectors, owners, self._one_hot(owners))
        model = PhotoModel.of_background(self.background, torch.zeros(()))
        seen = self.statistics.counts > 0
        means = self.statistics.sums[seen] / self.statistics.counts[seen, None]
        own = torch.from_numpy(means.sum(axis=0)) if seen.any() else torch.zeros(())
        mean = (GENERAL * self.background.mean.double() + own) / (GENERAL + int(seen.sum()))
        return replace(model, mean=mean.float())

    @cached_property
    def fine(self) -> tuple[PhotoModel, Tensor]:
        """The model that knows the photos' scatter, and the species' sums in its coordinates.

        As `PhotoModel.refined`: ``W <- (d W + scatter) / (d + degrees of freedom)``.
        """
        model, sums = self.rough, self._sums(self.rough)
        free = int((self.counts - 1).clamp(min=0).sum())
        if not free:
            return model, sums
        if self.background is None:
            turn = torch.eye(sums.shape[1]) / model.within.sqrt().reshape(1, -1)
            scatter = turn.mT @ torch.from_numpy(self.statistics.scatter).float() @ turn
        else:
            scatter = torch.from_numpy(self._turned.scatter).float()
        d = len(scatter)
        scatter.diagonal().add_(d)
        lower = torch.linalg.cholesky(scatter / (d + free))
        # LAPACK's own inverse: a third of the work of solving for the identity
        lens = torch.from_numpy(strtri(lower.mT.numpy())[0].T)
        between = (lens.square() @ model.between.expand(1, d).mT).mT
        return replace(model, lens=lens, between=between), sums @ lens.mT

    @cached_property
    def vectors(self) -> Tensor:
        """Vectors of all photos (s, d)."""
        return torch.from_numpy(self.statistics.vectors())

    @cached_property
    def owners(self) -> Tensor:
        """Row of each photo's species (s,)."""
        return torch.from_numpy(self.statistics.owners())

    def evidence(self, features: Tensor, *, as_judged: bool = False) -> Tensor:
        """Weigh pictures: (q, d) to (q, k), in nats; 0 for species without a photo.

        With ``as_judged`` by the model that `left_out` judges photos by, which has not learned
        from their scatter: what is told of the photos then holds of pictures.
        """
        if self.background is not None:
            tables = self._rough_tables if as_judged else self._fine_tables
            return tables.evidence(tables.model.coordinates(features))
        model, sums = (self.rough, self._sums(self.rough)) if as_judged else self.fine
        return evidence(model, model.coordinates(features), sums, self.counts)

    def left_out(self, photos: Tensor) -> Tensor:
        """Evidence of photos of the collection as if they had not been given.

        Parameters
        ----------
        photos : Tensor of shape (m,), int64
            Their numbers, species after species.

        Returns
        -------
        Tensor of shape (m, k)
            0 in the rows of photos that are alone in their species.
        """
        model, owners = self.rough, self.owners
        if self.background is None:  # what was guessed from all photos moves with each of them
            points, sums = model.coordinates(self.vectors), self._sums(model)
            return leave_one_out(model, points, owners, sums, self.counts)[photos]
        found = torch.empty(len(photos), len(self.counts))
        for start in range(0, len(photos), _ROWS_A_BLOCK):
            some = photos[start : start + _ROWS_A_BLOCK]
            points = model.coordinates(torch.from_numpy(self.statistics.select(some.numpy())))
            found[start : start + _ROWS_A_BLOCK] = self._rough_tables.left_out(points, owners[some])
        return found

    def general(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw pictures in general, and give their evidence (n, k).

        They are drawn from the model's own background, ``N(m_0, B + W)``. Without a
        `Background` there is none to draw from: none are given.
        """
        if self.background is None:
            return torch.empty(0, len(self.counts))
        spread = (1 + self.rough.between).sqrt()
        return self._rough_tables.evidence(
            torch.randn(n, len(spread), generator=generator) * spread
        )

    @cached_property
    def _rough_tables(self) -> SpeciesTables:
        return SpeciesTables(self.rough, self._sums(self.rough), self.counts)

    @cached_property
    def _fine_tables(self) -> SpeciesTables:
        return SpeciesTables(*self.fine, self.counts)

    def _sums(self, model: PhotoModel) -> Tensor:
        """Sums of the species' photos in a model's coordinates, taken from sums of vectors."""
        counts = self.counts.unsqueeze(1)
        if self.background is not None:
            shift = model.mean - self.background.mean.to(model.mean)
            return self._turned.sums - counts * (shift.reshape(1, -1) @ self._turned.basis)
        centred = torch.from_numpy(self.statistics.sums) - counts * model.mean.double().reshape(
            1, -1
        )
        return centred.float() / model.within.sqrt().reshape(1, -1)

    @cached_property
    def _turned(self) -> TurnedStatistics:
        if self.turned is not None:
            return self.turned
        assert self.background is not None  # noqa: S101 - asked for with a background only
        return TurnedStatistics.of(self.statistics, self.background)

    def _one_hot(self, owners: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(owners, len(self.counts)).float()
