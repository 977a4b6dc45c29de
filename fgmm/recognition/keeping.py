"""The part of a recogniser that reads and writes its library."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmm.encoders.registry import DEFAULT_ENCODER
from fgmm.errors import LibraryError, SpaceMismatch
from fgmm.images import read_image
from fgmm.library import LibraryFile, MemoryLibrary
from fgmm.library.copying import write_library
from fgmm.recognition.species_list import SpeciesList
from fgmm.recognition.species_prediction import NearestPhoto

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image
    from typing_extensions import Self

    from fgmm.encoders.base import ImageEncoder
    from fgmm.library import Collection, HistoryEntry
    from fgmm.recognition.words import SpeciesWords
    from knowledge import KnowledgeGraph

__all__ = ["Keeping"]

_logger = logging.getLogger(__name__)


class Keeping:
    """Opens, loads, saves and lists: what a `fgmm.Recognizer` does with its library as a whole."""

    library: MemoryLibrary | LibraryFile
    _loaded: str | None = None
    _words: SpeciesWords | None
    if TYPE_CHECKING:

        def __init__(
            self,
            encoder: str | ImageEncoder = ...,
            knowledge: KnowledgeGraph | None = None,
            **more: Any,
        ) -> None: ...

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        encoder: str | ImageEncoder | None = None,
        knowledge: KnowledgeGraph | None = None,
        **more: Any,
    ) -> Self:
        """Open a library file, or make one; from then on every change is on the disk.

        A file that is made is a library without species at once, whatever comes of the first
        addition.

        Parameters
        ----------
        path : path
            Such as ``"birds.fgmm"``.
        encoder : str or encoder, optional
            By default the one the library was made with; ``tiny`` for a new one.
        knowledge : KnowledgeGraph, optional
        **more
            ``background``, ``templates``, ``concept``, ``thumbnails``: as of the class. A new file
            keeps templates and concept; those given for one that is there hold for this
            recogniser alone, in place of its own: see `set_words`.

        Returns
        -------
        Recognizer

        Raises
        ------
        SpaceMismatch
            If the library is of another encoder.
        StoreError
            If the file is no library, damaged, or cannot be written.
        """
        if not Path(path).exists():
            made = cls(DEFAULT_ENCODER if encoder is None else encoder, knowledge, **more)
            here = made.collection
            made.library = LibraryFile.create(
                path, here.space, here.dim, here.encoder, phrasing=here.phrasing
            )
            if made._words is not None and not made._words.keeps_up(here):
                _logger.warning(
                    "templates that are functions are not kept in %s: give them again whenever it "
                    "is opened",
                    path,
                )
            return made
        return cls._over(LibraryFile.open(path), path, encoder, knowledge, more)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        encoder: str | ImageEncoder | None = None,
        knowledge: KnowledgeGraph | None = None,
        **more: Any,
    ) -> Self:
        """Read a library file into memory; the file stays as it is.

        Changes are in memory alone until `save` writes a copy; the first is logged as a warning.

        Parameters
        ----------
        path : path
        encoder : str or encoder, optional
        knowledge : KnowledgeGraph, optional
        **more
            All as of `open`.

        Returns
        -------
        Recognizer

        Raises
        ------
        SpaceMismatch, StoreError
            As of `open`; also if there is no such file.
        """
        with LibraryFile.open(path, readonly=True) as file:
            library = MemoryLibrary(file.collection)
            library.texts.put(file.texts.get())
            library.thumbnails.put(file.thumbnails.some(file.collection.digests))
            made = cls._over(library, path, encoder, knowledge, more)
        made._loaded = os.fspath(path)
        return made

    @classmethod
    def _over(
        cls,
        library: MemoryLibrary | LibraryFile,
        path: str | os.PathLike[str],
        encoder: str | ImageEncoder | None,
        knowledge: KnowledgeGraph | None,
        more: Mapping[str, Any],
    ) -> Self:
        there = library.collection
        made = cls(there.encoder if encoder is None else encoder, knowledge, **more)
        here = made.collection
        if here.space != there.space:
            made_with = f"the library {os.fspath(path)!r} was made with the encoder"
            if here.encoder != there.encoder:
                raise SpaceMismatch(
                    f"{made_with} {there.encoder!r} and not with {here.encoder!r}: leave encoder= "
                    "out, and its own is used; or make a new library of the photos"
                )
            raise SpaceMismatch(
                f"{made_with} {there.encoder!r} when that was another one ({there.space}; now it "
                f"is {here.space}): use the one it was made with, or make a new library of the "
                "photos"
            )
        made.library = library
        return made

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what is known to a new library file, in one piece.

        Parameters
        ----------
        path : path
            Must not be there. History is not copied: the file begins with what is known now, and
            nothing that came before can be taken back in it.

        Raises
        ------
        StoreError
            If there is something already, or nothing can be written there.
        """
        here, words = self.collection, self._words
        texts = {} if words is None else self.library.texts.get(words.keys(here))
        write_library(here, path, "save", texts, self.library.thumbnails.some(here.digests))

    @property
    def collection(self) -> Collection:
        """What is known now, as a value: also what others have written to the file since."""
        return self.library.reload()

    def species(self) -> SpeciesList:
        """List what is known; it prints as a table. One alone: ``collection.find(name)``.

        Returns
        -------
        SpeciesList
            A sequence of `fgmm.library.Species`.
        """
        return SpeciesList(self.collection)

    def thumbnail(self, photo: NearestPhoto | str) -> Image.Image | None:
        """Give the small picture that is kept of a photo.

        Parameters
        ----------
        photo : NearestPhoto or str
            ``prediction.nearest_photo()``, or a photo's digest, one of
            ``collection.find(name).photos.digests``.

        Returns
        -------
        PIL.Image.Image or None
            At most 128 pixels a side, upright. None where the library keeps none of that photo:
            it keeps those of photos that were added with ``thumbnails=True``, as of `open`.

        Raises
        ------
        LibraryError
            If it is no photo of the library.
        StoreError
            If it is damaged.
        """
        digest = photo.digest if isinstance(photo, NearestPhoto) else photo
        jpeg = self.library.thumbnails.get(digest) if isinstance(digest, str) else None
        if jpeg is not None:
            return read_image(jpeg)
        if not isinstance(digest, str) or self.collection.holder(digest) is None:
            raise LibraryError(
                f"{photo!r} is no photo of the library: pass prediction.nearest_photo(), or a "
                "digest of collection.find(name).photos.digests"
            )
        return None

    def history(self) -> list[HistoryEntry]:
        """List all changes, the first first."""
        return self.library.history()

    def undo(self) -> HistoryEntry:
        """Take back the last change that was not taken back; a second one, the change before.

        Returns
        -------
        HistoryEntry
            The change that was taken back.

        Raises
        ------
        LibraryError
            If there is nothing to take back.
        """
        return self.library.take_back()

    def close(self) -> None:
        """Use the library's file no more, as at the end of a ``with`` block.

        Nothing is left to be written. A library in memory goes on as before.
        """
        self.library.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.collection)

    def __contains__(self, name: object) -> bool:
        return name in self.collection

    def __repr__(self) -> str:
        here = self.library.collection  # as it was read last: the file may be closed, or gone
        place = f", {self.library.path}" if isinstance(self.library, LibraryFile) else ""
        return f"<Recognizer {here.encoder}: {len(here)} species, {here.n_photos} photos{place}>"
