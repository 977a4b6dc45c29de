"""A library that lives in memory: a collection, and how it came to be."""

from __future__ import annotations

import dataclasses
import json
import threading
from typing import TYPE_CHECKING, Any

from fgmm.errors import LibraryError
from fgmm.library.changeable import Changeable, changed_places, check_final
from fgmm.library.history import (
    HistoryEntry,
    Place,
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
    from fgmm.library.phrasing import Phrasing

__all__ = ["MemoryLibrary"]


class MemoryLibrary(Changeable):
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
        self._before: dict[int, tuple[dict[str, Place | None], Phrasing]] = {}

    @property
    def collection(self) -> Collection:
        """What is known now."""
        return self._collection

    def reload(self) -> Collection:
        """Give the collection: nobody else changes it."""
        return self._collection

    def _apply(
        self,
        change: Callable[[Collection], Collection],
        what: str,
        detail: str,
        thumbnails: Mapping[str, bytes],
        *,
        final: bool,
    ) -> Collection:
        with self._lock:
            check_final(len(self._history) + 1, final=final)
            after = change(self._collection)
            changed = changed_places(self._collection, self._places, after)
            if changed is not None:
                check_thumbnails(after, thumbnails)
                before = {key: self._places.get(key) for key in changed}
                if not final:
                    self._before[len(self._history) + 1] = before, self._collection.phrasing
                self._collection, self._places = after, placed(self._places, changed)
                self._note(what, json.loads(detail), final=final)
                self.thumbnails.put(thumbnails)
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
        self.take_back()
        return self.collection

    def take_back(self) -> HistoryEntry:
        """Take back a change as `undo` does, and give the change.

        Returns
        -------
        HistoryEntry

        Raises
        ------
        LibraryError
            As `undo`.
        """
        with self._lock:
            if not self._before:
                raise LibraryError(
                    "there is no change to take back: the library is as it was at first, or what "
                    "came before was forgotten"
                )
            number = max(self._before)
            before, phrasing = self._before[number]
            was = restored(self._collection, self._places, before)
            self._collection = was.with_phrasing(phrasing)
            self._places = placed(self._places, before)
            del self._before[number]
            taken = dataclasses.replace(self._history[number - 1], undone=True)
            self._history[number - 1] = taken
            self._note("undo", {"change": number})
            return taken

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
                dataclasses.replace(entry, detail={}, forgotten=True, final=False)
                for entry in self._history
            ]
            self._note("forget", {})

    def close(self) -> None:
        """Do nothing: there is no file to close."""

    def _note(self, what: str, detail: Mapping[str, Any], *, final: bool = False) -> None:
        number = len(self._history) + 1
        self._history.append(HistoryEntry(number, utc_now(), what, detail, final=final))
