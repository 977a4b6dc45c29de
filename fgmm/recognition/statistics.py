"""What the photos of a collection come to: counts, sums and scatter, which only ever add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fgmm.library.collection import Collection
    from fgmm.library.species import Species

__all__ = ["PhotoStatistics"]


@dataclass(frozen=True, slots=True, eq=False)
class PhotoStatistics:
    """Statistics of each species' photos, in float64.

    Parameters
    ----------
    species : tuple of Species
        What they were computed from, in the collection's order.
    counts : ndarray of shape (k,), int64
        Photos of each.
    sums : ndarray of shape (k, d)
        Sum of each one's vectors.
    scatter : ndarray of shape (d, d)
        Sum of the outer products of photos less their species' mean.
    columns : slice
        Which numbers of a library's vectors these are: those of one layer.
    scale : float
        What the vectors were multiplied by, so that the layer has unit rows.
    """

    species: tuple[Species, ...]
    counts: NDArray[np.int64]
    sums: NDArray[np.float64]
    scatter: NDArray[np.float64]
    columns: slice
    scale: float

    @classmethod
    def of(
        cls,
        collection: Collection,
        columns: slice,
        scale: float,
        previous: PhotoStatistics | None = None,
    ) -> PhotoStatistics:
        """Add up; what is unchanged since ``previous`` is not looked at again.

        Parameters
        ----------
        collection : Collection
        columns : slice
        scale : float
        previous : PhotoStatistics, optional
            Of an earlier collection and the same columns.

        Returns
        -------
        PhotoStatistics
            The same, but for rounding, with and without ``previous``.
        """
        species = tuple(collection.species.values())
        width = len(range(collection.dim)[columns])
        counts = np.array([len(one.photos) for one in species], dtype=np.int64)
        sums = np.zeros((len(species), width))
        if previous is None:
            scatter = np.zeros((width, width))
            fresh, gone = list(enumerate(species)), []
        else:
            before = {id(one.photos): row for row, one in enumerate(previous.species)}
            kept = [(row, before.get(id(one.photos))) for row, one in enumerate(species)]
            here = [row for row, old in kept if old is not None]
            sums[here] = previous.sums[[old for _, old in kept if old is not None]]
            used = {old for _, old in kept if old is not None}
            fresh = [(row, species[row]) for row, old in kept if old is None]
            gone = [(row, one) for row, one in enumerate(previous.species) if row not in used]
            scatter = previous.scatter.copy()
        for row, one in fresh:
            rows = _rows(one, columns, scale)
            sums[row] = rows.sum(axis=0)
            scatter += _scatter(rows)
        for _, one in gone:
            scatter -= _scatter(_rows(one, columns, scale))
        return cls(species, counts, sums, scatter, columns, scale)

    def vectors(self) -> NDArray[np.float32]:
        """Give the vectors of all photos (s, d), species after species."""
        blocks = [one.photos.vectors[:, self.columns] for one in self.species]
        blocks = blocks or [np.empty((0, self.sums.shape[1]), np.float32)]
        found: NDArray[np.float32] = np.concatenate(blocks) * np.float32(self.scale)
        return found

    def owners(self) -> NDArray[np.int64]:
        """Give the row of each photo's species (s,)."""
        return np.repeat(np.arange(len(self.counts)), self.counts)


def _rows(species: Species, columns: slice, scale: float) -> NDArray[np.float64]:
    return species.photos.vectors[:, columns].astype(np.float64) * scale


def _scatter(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    around = rows - rows.mean(axis=0) if len(rows) else rows
    return np.asarray(around.T @ around)
