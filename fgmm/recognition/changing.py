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

        def _moment(self) -> Moment: ...
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
            self.library.collection,
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
        before = self._moment() if len(self.library.collection) else None
        self._change(change, *told, found.thumbnails)
        return write_out(before, self._moment(), self.library.collection.find(name).name, found)

    def _change(
        self,
        change: Callable[[Collection], Collection],
        what: str,
        detail: dict[str, Any],
        thumbnails: Mapping[str, bytes] | None = None,
    ) -> None:
        """Make a change, once it is certain that pictures can be classified after it."""
        if self._loaded is not None:
            _logger.warning(
                "%s was loaded, not opened: changes are in memory alone until save writes a copy; "
                "a library that is opened keeps each",
                self._loaded,
            )
            self._loaded = None
        before = self.library.collection
        after = change(before)
        held = self._make(after) if len(after) else None
        made = self.library.apply(
            lambda now: after if now is before else change(now), what, detail, thumbnails
        )
        if made is after:
            self._held = held
