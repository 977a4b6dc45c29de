"""The part of a recogniser that makes changes: all that can fail comes before the library's own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fgmm.errors import LibraryError
from fgmm.recognition.gathering import gather_photos
from fgmm.recognition.receipt import Receipt, write_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fgmm.library import Collection, LibraryFile, MemoryLibrary, Photos
    from fgmm.recognition.gathering import Gathered
    from fgmm.recognition.layers import PictureLayers
    from fgmm.recognition.moment import Moment
    from fgmm.recognition.words import SpeciesWords

__all__ = ["Changing"]

_logger = logging.getLogger(__name__)


class Changing:
    """Changes the library: what `fgmm.Recognizer` does when it adds, removes, renames, merges."""

    library: MemoryLibrary | LibraryFile
    _loaded: str | None
    _layers: PictureLayers
    _name: str
    _words: SpeciesWords | None
    _thumbnails: bool | None
    _held: Moment | None
    if TYPE_CHECKING:

        @property
        def collection(self) -> Collection: ...  # noqa: D102 - that of `Keeping`
        def _moment_of(self, here: Collection) -> Moment: ...
        def _make(self, collection: Collection) -> Moment: ...

    def _gather(
        self,
        photos: Any,
        name: str | None,
        progress: bool | None,
        given: Mapping[str, tuple[str, str]] | None = None,
    ) -> Gathered:
        """Encode the photos that are new; nothing is changed yet."""
        wanted = self._thumbnails
        return gather_photos(
            photos,
            self._layers,
            self.collection,
            name,
            given=given,
            thumbnails=bool(self.library.thumbnails) if wanted is None else wanted,
            progress=progress,
        )

    def _check_recognisable(self, name: str, photos: Photos) -> None:
        """Refuse a new species that has neither photos nor words that can be read."""
        if not len(photos) and self._words is None:
            raise LibraryError(
                f"{name!r} has no photos, and the encoder {self._name!r} reads no words: give "
                "photos, or use an encoder that reads texts, such as 'tiny'"
            )

    def _add(
        self,
        change: Callable[[Collection], Collection],
        told: tuple[str, dict[str, Any]],
        found: Gathered,
        name: str,
    ) -> Receipt:
        held = self._known()
        old, new = self._change(change, *told, found.thumbnails)
        before = self._as_it_was(held, old)
        return write_out(before, self._moment_of(new), new.find(name).name, found)

    def _known(self) -> Moment | None:
        """Give what follows from what is known now; None where no species is."""
        here = self.collection
        return self._moment_of(here) if len(here) else None

    def _as_it_was(self, held: Moment | None, old: Collection) -> Moment | None:
        """Give what followed from what was changed: ``held``, unless others wrote since."""
        if not len(old):
            return None
        return held if held is not None and held.collection is old else self._make(old)

    def _change(
        self,
        change: Callable[[Collection], Collection],
        what: str,
        detail: dict[str, Any],
        thumbnails: Mapping[str, bytes] | None = None,
    ) -> tuple[Collection, Collection]:
        """Make a change, once it is certain that pictures can be classified after it.

        It gives the collection that was changed, which others may have written to until then, and
        what it became.
        """
        if self._loaded is not None:
            _logger.warning(
                "%s was loaded, not opened: changes are in memory alone until save writes a copy; "
                "a library that is opened keeps each",
                self._loaded,
            )
            self._loaded = None
        before = self.collection
        after = change(before)
        held = self._make(after) if len(after) else None
        changed = before

        def make(now: Collection) -> Collection:
            nonlocal changed
            changed = now
            return after if now is before else change(now)

        made = self.library.apply(make, what, detail, thumbnails)
        if made is after:
            self._held = held
        return changed, made
