"""The part of a recogniser that reads and writes its library."""

from __future__ import annotations

import logging
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmm.encoders.registry import DEFAULT_ENCODER
from fgmm.errors import SpaceMismatch, StoreError
from fgmm.images import read_image
from fgmm.library import Collection, LibraryFile, MemoryLibrary, acts
from fgmm.library.placing import place_file
from fgmm.recognition.species_list import SpeciesList

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from PIL import Image
    from typing_extensions import Self

    from fgmm.encoders.base import ImageEncoder
    from fgmm.library import HistoryEntry
    from fgmm.recognition.species_prediction import NearestPhoto
    from fgmm.recognition.words import SpeciesWords
    from knowledge import KnowledgeGraph

__all__ = ["Keeping", "write_library"]

_logger = logging.getLogger(__name__)
_TAKEN = (
    "there is something at {!r} already: name another file. A library that is opened keeps every "
    "change by itself"
)


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
            raise SpaceMismatch(
                f"the library {os.fspath(path)!r} was made with the encoder {there.encoder!r} "
                f"({there.space}), and {here.encoder!r} is another ({here.space}): open it with "
                "the encoder it was made with, or make a new library of the photos"
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
        """What is known now, as a value."""
        return self.library.collection

    def species(self) -> SpeciesList:
        """List what is known; it prints as a table.

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
            ``prediction.nearest_photo()``, or a photo's digest.

        Returns
        -------
        PIL.Image.Image or None
            At most 128 pixels a side, upright. None where none is kept, see ``thumbnails`` of the
            class.

        Raises
        ------
        StoreError
            If it is damaged.
        """
        jpeg = self.library.thumbnails.get(photo if isinstance(photo, str) else photo.digest)
        return None if jpeg is None else read_image(jpeg)

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
        return acts.take_back(self.library)

    def __len__(self) -> int:
        return len(self.collection)

    def __contains__(self, name: object) -> bool:
        return name in self.collection

    def __repr__(self) -> str:
        here = self.collection
        place = f", {self.library.path}" if isinstance(self.library, LibraryFile) else ""
        return f"<Recognizer {here.encoder}: {len(here)} species, {here.n_photos} photos{place}>"


def write_library(
    collection: Collection,
    path: str | os.PathLike[str],
    what: str,
    texts: Mapping[bytes, np.ndarray] | None = None,
    thumbnails: Mapping[str, bytes] | None = None,
) -> None:
    """Write a collection to a new library file, in one piece.

    Parameters
    ----------
    collection : Collection
    path : path
        Must not be there.
    what : str
        What its history says came first.
    texts : mapping of bytes to array of shape (d,), optional
        Vectors of its texts, by key, so that they need not be computed again.
    thumbnails : mapping of str to bytes, optional
        Of its photos, by digest.

    Raises
    ------
    StoreError
        If there is something already, or nothing can be written there.
    """
    place = Path(path)
    if place.exists():  # told before the work; what comes in the meantime is told after it
        raise StoreError(_TAKEN.format(str(place)))
    part = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        space, dim, encoder = collection.space, collection.dim, collection.encoder
        phrasing = collection.phrasing
        with LibraryFile.create(part, space, dim, encoder, phrasing=phrasing) as file:
            detail = {"species": len(collection)}
            file.apply(lambda _: collection, what, detail, thumbnails, final=True)
            file.texts.put(texts or {})
        place_file(part, place)
    except FileExistsError as error:
        raise StoreError(_TAKEN.format(str(place))) from error
    finally:
        part.unlink(missing_ok=True)
