"""A library that lives in memory: a collection, and how it came to be."""

from __future__ import annotations

import dataclasses
import json
import threading
from typing import TYPE_CHECKING, Any

from fgmm.errors import LibraryError
from fgmm.library.history import (
    HistoryEntry,
    Place,
    detail_text,
    difference,
    placed,
    places_of,
    restored,
)
from fgmm.library.photos import utc_now
from fgmm.library.texts import MemoryTexts
from fgmm.library.thumbnails import MemoryThumbnails, check_thumbnails

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fgmm.library.collection import Collection

__all__ = ["MemoryLibrary", "check_same_space"]


def check_same_space(before: Collection, after: Collection) -> None:
    """Refuse a change that gives a collection of another encoder.

    Raises
    ------
    LibraryError
        If space, dimension or encoder differ.
    """
    for what in ("space", "dim", "encoder"):
        old, new = getattr(before, what), getattr(after, what)
        if old != new:
            raise LibraryError(
                f"the change gives a collection of {what} {new!r}, and the library is of {old!r}: "
                "a library stays with its encoder; make another one"
            )


class MemoryLibrary:
    """A collection and its history, kept in memory alone.

    Has the methods of `fgmm.library.LibraryFile` that need no file. Threads take turns.

    Parameters
    ----------
    collection : Collection

    Attributes
    ----------
    texts : MemoryTexts
        Vectors of texts, by key, kept so that they need not be computed again.
    thumbnails : MemoryThumbnails
        Small pictures of the photos, by digest.

    Examples
    --------
    >>> from fgmm.library import Collection, add_species
    >>> library = MemoryLibrary(Collection("fake/1", 2, "fake"))
    >>> _ = library.apply(lambda birds: add_species(birds, "wren"), "add_species", {"name": "wren"})
    >>> [one.name for one in library.collection]
    ['wren']
    >>> len(library.undo())
    0
    >>> [(entry.number, entry.what, entry.undone) for entry in library.history()]
    [(1, 'add_species', True), (2, 'undo', False)]
    """

    def __init__(self, collection: Collection) -> None:
        self._lock = threading.RLock()
        self.texts = MemoryTexts()
        self.thumbnails = MemoryThumbnails(lambda: self._collection)
        self._collection = collection
        self._places = places_of(collection)
        self._history: list[HistoryEntry] = []
        self._before: dict[int, dict[str, Place | None]] = {}

    @property
    def collection(self) -> Collection:
        """What is known now."""
        return self._collection

    def apply(
        self,
        change: Callable[[Collection], Collection],
        what: str,
        detail: Mapping[str, Any],
        thumbnails: Mapping[str, bytes] | None = None,
    ) -> Collection:
        """Make a change, all of it or nothing.

        Parameters
        ----------
        change : callable
            Takes the collection as it is now and gives another, as those of
            `fgmm.library.changes` do. If it raises, nothing has happened.
        what : str
            Name of the change, for the history.
        detail : mapping
            What else the history should say; JSON.
        thumbnails : mapping of str to bytes, optional
            To keep with photos that the change adds, see `fgmm.library.thumbnails`.

        Returns
        -------
        Collection
            As it is afterwards. A change that changes nothing leaves no trace in the history.

        Raises
        ------
        LibraryError
            If the new collection is of another space, ``detail`` is no JSON, or a thumbnail is
            none, or of a photo that no species has.
        """
        text = detail_text(what, detail)
        with self._lock:
            after = change(self._collection)
            check_same_space(self._collection, after)
            changed = difference(self._places, after)
            if changed:
                check_thumbnails(after, thumbnails or {})
                before = {key: self._places.get(key) for key in changed}
                self._collection, self._places = after, placed(self._places, changed)
                self._before[len(self._history) + 1] = before
                self._note(what, json.loads(text))
                self.thumbnails.put(thumbnails or {})
            return self._collection

    def undo(self) -> Collection:
        """Take back the last change that was not taken back yet.

        An undo is no such change: a second one takes back the change before.

        Returns
        -------
        Collection

        Raises
        ------
        LibraryError
            If there is nothing to take back.
        """
        with self._lock:
            if not self._before:
                raise LibraryError(
                    "there is no change to take back: the library is as it was at first, or what "
                    "came before was forgotten"
                )
            number = max(self._before)
            before = self._before[number]
            self._collection = restored(self._collection, self._places, before)
            self._places = placed(self._places, before)
            del self._before[number]
            entry = self._history[number - 1]
            self._history[number - 1] = dataclasses.replace(entry, undone=True)
            self._note("undo", {"change": number})
            return self._collection

    def history(self) -> list[HistoryEntry]:
        """List all changes, the first first."""
        with self._lock:
            return list(self._history)

    def forget(self) -> None:
        """Drop what was removed and what is needed to take changes back; the collection stays."""
        with self._lock:
            self._before.clear()
            self.texts.clear()
            self.thumbnails.forget()
            self._history = [
                dataclasses.replace(entry, detail={}, forgotten=True) for entry in self._history
            ]
            self._note("forget", {})

    def _note(self, what: str, detail: Mapping[str, Any]) -> None:
        self._history.append(HistoryEntry(len(self._history) + 1, utc_now(), what, detail))
