"""What a library in memory and one in a file have in common: how they are changed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from fgmm.errors import LibraryError
from fgmm.library.history import Place, detail_text, difference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fgmm.library.collection import Collection

__all__ = ["Changeable", "changed_places", "check_final"]


class Changeable(ABC):
    """A place that keeps a collection and how it came to be."""

    def apply(
        self,
        change: Callable[[Collection], Collection],
        what: str,
        detail: Mapping[str, Any],
        thumbnails: Mapping[str, bytes] | None = None,
        *,
        final: bool = False,
    ) -> Collection:
        """Make a change, all of it or nothing; in a file, it is on the disk when this returns.

        Parameters
        ----------
        change : callable
            Takes the collection as it is now, in the file, and gives another, as those of
            `fgmm.library.changes` do. Others wait meanwhile. If it raises, nothing has happened.
        what : str
            Name of the change, for the history.
        detail : mapping
            What else the history should say; JSON.
        thumbnails : mapping of str to bytes, optional
            To keep with photos that the change adds, see `fgmm.library.thumbnails`.
        final : bool, default=False
            Whether it is never to be taken back: for what a copy begins with, its first change.

        Returns
        -------
        Collection
            As it is afterwards. A change that changes nothing leaves no trace in the history.

        Raises
        ------
        LibraryError
            If the new collection is of another space, ``detail`` is no JSON, or a thumbnail is
            none, or of a photo that no species has.
        StoreError
            If a file cannot be written, or others do not leave it in time.
        """
        return self._apply(change, what, detail_text(what, detail), thumbnails or {}, final=final)

    @abstractmethod
    def _apply(
        self,
        change: Callable[[Collection], Collection],
        what: str,
        detail: str,
        thumbnails: Mapping[str, bytes],
        *,
        final: bool,
    ) -> Collection: ...


def check_final(number: int, *, final: bool) -> None:
    """Refuse to make a change final that is not the first: those before could be taken back.

    Raises
    ------
    LibraryError
        If so.
    """
    if final and number > 1:
        raise LibraryError(
            f"change {number} of a library cannot be final: only the first can, with which a copy "
            "begins"
        )


def changed_places(
    before: Collection, places: Mapping[str, Place], after: Collection
) -> dict[str, Place | None] | None:
    """Find what a change changed, as `fgmm.library.history.difference`; None if it is nothing.

    Raises
    ------
    LibraryError
        If it gives a collection of another encoder.
    """
    for what in ("space", "dim", "encoder"):
        old, new = getattr(before, what), getattr(after, what)
        if old != new:
            raise LibraryError(
                f"the change gives a collection of {what} {new!r}, and the library is of {old!r}: "
                "a library stays with its encoder; make another one"
            )
    changed = difference(places, after)
    return changed if changed or before.phrasing != after.phrasing else None
