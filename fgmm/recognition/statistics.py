"""What the photos of a collection come to: counts, sums and scatter, which only ever add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fgmm.library.collection import Collection
    from fgmm.library.species import Species

__all__ = ["Changes", "PhotoStatistics"]


@dataclass(frozen=True, slots=True)
class Changes:
    """Which species two collections share, by the very photos they have.

    Parameters
    ----------
    before : ndarray of shape (k,), int64
        Row of each species in the earlier one, -1 where its photos are not the same.
    fresh : tuple of (int, Species)
        Rows in the later one of species whose photos are others, or new.
    gone : tuple of Species
        Of the earlier one, whose photos are others now, or gone.
    """

    before: NDArray[np.int64]
    fresh: tuple[tuple[int, Species], ...]
    gone: tuple[Species, ...]

    def carry(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Give rows of the earlier one their new places; fresh rows hold anything."""
        if not len(rows):
            return np.zeros((len(self.before), *rows.shape[1:]), rows.dtype)
        return rows.take(self.before, axis=0, mode="clip")


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
        if previous is None:
            sums, scatter = np.zeros((len(species), width)), np.zeros((width, width))
            fresh: tuple[tuple[int, Species], ...] = tuple(enumerate(species))
            gone: tuple[Species, ...] = ()
        else:
            found = changes(species, previous.species)
            sums, scatter = found.carry(previous.sums), previous.scatter.copy()
            fresh, gone = found.fresh, found.gone
        for row, one in fresh:
            rows = one.photos.vectors[:, columns].astype(np.float64) * scale
            sums[row] = rows.sum(axis=0)
            add_scatter(scatter, rows)
        for one in gone:
            add_scatter(scatter, one.photos.vectors[:, columns].astype(np.float64) * scale, -1)
        return cls(species, counts, sums, scatter, columns, scale)

    def vectors(self) -> NDArray[np.float32]:
        """Give the vectors of all photos (s, d), species after species."""
        blocks = [one.photos.vectors[:, self.columns] for one in self.species]
        blocks = blocks or [np.empty((0, self.sums.shape[1]), np.float32)]
        found: NDArray[np.float32] = np.concatenate(blocks) * np.float32(self.scale)
        return found

    def select(
        self, photos: NDArray[np.int64], columns: slice | None = None
    ) -> NDArray[np.float32]:
        """Give the vectors of some photos, or other columns of them.

        Parameters
        ----------
        photos : ndarray of shape (m,), int64
            Their numbers, species after species.
        columns : slice, optional

        Returns
        -------
        ndarray of shape (m, d)
        """
        wanted = self.columns if columns is None else columns
        ends = np.cumsum(self.counts)
        owners = np.searchsorted(ends, photos, "right")
        places = photos - ends[owners] + self.counts[owners]
        pairs = zip(owners.tolist(), places.tolist(), strict=True)
        found = [self.species[c].photos.vectors[place, wanted] for c, place in pairs]
        if not found:
            width = self.species[0].photos.dim if self.species else self.sums.shape[1]
            return np.empty((0, len(range(width)[wanted])), np.float32)
        rows: NDArray[np.float32] = np.stack(found) * np.float32(self.scale)
        return rows

    def owners(self) -> NDArray[np.int64]:
        """Give the row of each photo's species (s,)."""
        return np.repeat(np.arange(len(self.counts)), self.counts)


def changes(now: tuple[Species, ...], before: tuple[Species, ...]) -> Changes:
    """Say what is the same: photos are frozen, so that the same object is the same content."""
    rows = {id(one.photos): row for row, one in enumerate(before)}
    found = [rows.pop(id(one.photos), -1) for one in now]
    fresh = tuple((row, now[row]) for row, old in enumerate(found) if old < 0)
    gone = tuple(before[row] for row in rows.values())
    return Changes(np.array(found, dtype=np.int64), fresh, gone)


def add_scatter(scatter: NDArray[np.float64], rows: NDArray[np.float64], sign: int = 1) -> None:
    """Add the outer products of rows less their mean, in place."""
    if len(rows) > 1:
        around = rows - rows.mean(axis=0)
        scatter += (sign * around.T) @ around
