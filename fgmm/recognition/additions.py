"""What adding many species at once did: a receipt each, and what is worth looking at again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

from fgmm.library.additions import other_names
from fgmm.plurals import counted
from fgmm.recognition.receipt import Receipt, write_out

if TYPE_CHECKING:
    from fgmm.recognition.gathering import Gathered
    from fgmm.recognition.moment import Moment

__all__ = ["Additions"]

_SHOWN = 5
_WEAK = 0.7  # of a species' photos, recognised by the others: below, it is told


class Additions(Sequence[Receipt]):
    """Receipts of species that were added in one change, each written when it is asked for.

    A receipt compares what was known before the change with what is known after all of it.
    Prints as a summary.

    Parameters
    ----------
    before : Moment or None
        None where no species was known.
    after : Moment or None
        None where none is.
    found : sequence of (str, Gathered)
        Each species that was given, by its name, and its photos.
    failures : sequence of (str, Exception)
        Those that could not be added, by the name they were given by.

    Attributes
    ----------
    failures : tuple of (str, Exception)
    """

    def __init__(
        self,
        before: Moment | None,
        after: Moment | None,
        found: Sequence[tuple[str, Gathered]],
        failures: Sequence[tuple[str, Exception]],
    ) -> None:
        self._before, self._after, self._found = before, after, tuple(found)
        self.failures = tuple(failures)
        self._written: dict[int, Receipt] = {}

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, index: int) -> Receipt: ...
    @overload
    def __getitem__(self, index: slice) -> list[Receipt]: ...
    def __getitem__(self, index: int | slice) -> Receipt | list[Receipt]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self) or self._after is None:
            raise IndexError(f"there are {len(self)} receipts, none at {index}")
        if at not in self._written:
            name, gathered = self._found[at]
            self._written[at] = write_out(self._before, self._after, name, gathered)
        return self._written[at]

    @cached_property
    def new(self) -> tuple[str, ...]:
        """Names of the species that were not there before."""
        known = set() if self._before is None else set(self._before.labels)
        return tuple(name for name, _ in self._found if name not in known)

    @cached_property
    def also(self) -> dict[str, tuple[str, ...]]:
        """Other names that species got which were there before, by species."""
        if self._before is None or self._after is None:
            return {}
        return other_names(self._before.collection, self._after.collection)

    @property
    def n_photos(self) -> int:
        """How many photos were added."""
        return sum(len(gathered.photos) for _, gathered in self._found)

    def refused(self) -> Iterator[tuple[str, str]]:
        """Give each picture that was not used and is not in its species already, and why."""
        for _, gathered in self._found:
            for one in gathered.refused:
                if one.why != "known":
                    yield one.name, one.reason

    def __str__(self) -> str:
        n = 0 if self._after is None else len(self._after.labels)
        told = (
            f"{len(self.new):,} species and {counted(self.n_photos, 'photo')} added; "
            f"{n:,} species in all"
        )
        also = [f"{name}, now also {', '.join(names)}" for name, names in self.also.items()]
        return "\n  ".join([told, *_some("was known", also), *self._warnings()])

    def __repr__(self) -> str:
        return f"<Additions: {len(self)} species, {counted(self.n_photos, 'photo')}>"

    def _warnings(self) -> list[str]:
        """What is worth looking at again; of species with new photos only."""
        with_photos = [at for at, (_, gathered) in enumerate(self._found) if len(gathered.photos)]
        receipts = [self[at] for at in with_photos]
        alike = [
            f"{pair.one} and {pair.other} (cosine {pair.cosine:.3f})"
            for one in receipts
            for pair in one.near_duplicates
        ]
        strange = [
            f"{pair.one}, of {one.species}: without it, it would be taken for {pair.other}"
            for one in receipts
            for pair in one.outliers
        ]
        unlike = [f"{one.species}: {one.unlike}" for one in receipts if one.unlike is not None]
        judged = [(one.recognised, one) for one in receipts if one.recognised is not None]
        weak = [
            f"{one.species}: {share} of its photos, each judged by the others"
            + (f"; nearest species: {one.nearest}" if one.nearest else "")
            for share, one in sorted(judged, key=lambda pair: pair[0].right / pair[0].of)
            if share.right < _WEAK * share.of
        ]
        return [
            *_some("nearly the same", alike),
            *_some("look again at", strange),
            *_some("not like the photos before", unlike),
            *_some("hardly recognised", weak),
            *_of_others(receipts),
        ]


def _some(what: str, of_them: list[str]) -> list[str]:
    """Write the first few, and how many more there are."""
    more = len(of_them) - _SHOWN
    lines = [f"{what}: {one}" for one in of_them[:_SHOWN]]
    return [*lines, f"{what}: {more:,} more"] if more > 0 else lines


def _of_others(receipts: Sequence[Receipt]) -> list[str]:
    """Which species that were there lost photos to new ones."""
    lost = [
        f"{counted(n, 'photo')} of {name} {'is' if n == 1 else 'are'} now taken for {one.species}"
        for one in receipts
        for name, n in one.lost
    ]
    return _some("other species", lost)
