"""A library in one file: every change is a transaction, and on the disk when it returns."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from fgmm.errors import SpaceMismatch, StoreError
from fgmm.library.access import Access
from fgmm.library.changeable import Changeable, changed_places, check_final
from fgmm.library.opening import bring_up_to_date, check_file, make_file
from fgmm.library.phrasing import Phrasing
from fgmm.library.reading import State, catch_up, last_change, read_state
from fgmm.library.texts import FileTexts
from fgmm.library.thumbnails import FileThumbnails, write_thumbnails
from fgmm.library.writing import (
    forget_removed,
    last_undoable,
    note_change,
    read_history,
    write_back,
    write_change,
)

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping

    from fgmm.library.collection import Collection
    from fgmm.library.history import HistoryEntry

__all__ = ["LibraryFile"]

_PATIENCE = 10.0
_logger = logging.getLogger(__name__)


class LibraryFile(Changeable):
    """A collection and its history in one file, ``birds.fgmm``, an SQLite database.

    Made by `create` or `open`. A change is on the disk when the call returns, or nothing has
    happened: also if the process is killed or the power fails. Several processes may have it open:
    one writes at a time, to what the file holds then; readers see a whole state, the newest one
    by `reload`.

    What is removed stays in it, so that it can be taken back, until `forget`.

    Examples
    --------
    >>> import tempfile
    >>> from fgmm.library import add_species
    >>> folder = tempfile.TemporaryDirectory()
    >>> with LibraryFile.create(f"{folder.name}/birds.fgmm", "fake/1", 2, "fake") as library:
    ...     _ = library.apply(lambda birds: add_species(birds, "wren"), "add_species", {})
    >>> with LibraryFile.open(f"{folder.name}/birds.fgmm") as library:
    ...     [one.name for one in library.collection], len(library.undo())
    (['wren'], 0)
    >>> folder.cleanup()
    """

    def __init__(self, path: Path, patience: float, *, readonly: bool) -> None:
        self.path = path
        self.readonly = readonly
        self._access = Access(path, patience, readonly=readonly)
        self._lock = threading.RLock()
        with self._access.reading() as connection:
            self._state = read_state(connection)

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        space: str,
        dim: int,
        encoder: str,
        *,
        phrasing: Phrasing | None = None,
        patience: float = _PATIENCE,
    ) -> LibraryFile:
        """Make a file without species.

        Parameters
        ----------
        path : path
            Must not be there, or be empty.
        space, dim, encoder : str, int and str
            As of `Collection`.
        phrasing : Phrasing, optional
            What is put around names, see `fgmm.library.phrasing`.
        patience : float, default=10
            Seconds to wait for other processes.

        Returns
        -------
        LibraryFile

        Raises
        ------
        StoreError
            If there is something already, or nothing can be written there.
        LibraryError
            If the space, dimension or encoder is none.
        """
        make_file(Path(path), patience, space, dim, encoder, phrasing or Phrasing())
        return cls(Path(path), patience, readonly=False)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        readonly: bool = False,
        space: str | None = None,
        patience: float = _PATIENCE,
    ) -> LibraryFile:
        """Open a file, and bring one of an earlier version up to date.

        Parameters
        ----------
        path : path
        readonly : bool, default=False
            Never write: for a file that others write, or that lies on a read-only disk.
        space : str, optional
            The space it must be of.
        patience : float, default=10
            Seconds to wait for other processes.

        Returns
        -------
        LibraryFile

        Raises
        ------
        StoreError
            If it is not there, no library, damaged, or of a newer version.
        SpaceMismatch
            If it is of another space.
        """
        place = Path(path)
        check_file(place)
        bring_up_to_date(place, patience, readonly=readonly)
        library = cls(place, patience, readonly=readonly)
        here = library.collection
        if space is not None and here.space != space:
            raise SpaceMismatch(
                f"the library {str(place)!r} is of {here.space!r} (encoder {here.encoder!r}) and "
                f"was to be of {space!r}: use that encoder, or another library"
            )
        return library

    @property
    def collection(self) -> Collection:
        """What was known when the file was read last; `reload` reads what is new."""
        return self._state.collection

    def _apply(
        self,
        change: Callable[[Collection], Collection],
        what: str,
        detail: str,
        thumbnails: Mapping[str, bytes],
        *,
        final: bool,
    ) -> Collection:
        def write(connection: sqlite3.Connection) -> State:
            state = self._state
            check_final(state.last[0] + 1, final=final)
            after = change(state.collection)
            changed = changed_places(state.collection, state.places, after)
            if changed is None:
                return state
            write_thumbnails(connection, after, thumbnails)
            return write_change(connection, state, after, changed, what, detail, final=final)

        return self._change(write)

    def undo(self) -> Collection:
        """Take back the last change that was not taken back yet, whoever made it.

        An undo is no such change: a second one takes back the change before.

        Returns
        -------
        Collection

        Raises
        ------
        LibraryError
            If there is nothing to take back.
        StoreError
            If the file cannot be written.
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
        LibraryError, StoreError
            As `undo`.
        """
        taken: list[HistoryEntry] = []

        def write(connection: sqlite3.Connection) -> State:
            number, before = last_undoable(connection)
            write_back(connection, before)
            detail = json.dumps({"change": number})
            note_change(connection, self._state.last, "undo", detail, undoes=number)
            # while the file is held: afterwards another may take back one more
            taken.extend(one for one in read_history(connection) if one.number == number)
            return read_state(connection, self._state)

        self._change(write)
        return taken[0]

    def history(self) -> list[HistoryEntry]:
        """List all changes, the first first."""
        with self._access.reading() as connection:
            return read_history(connection)

    def reload(self) -> Collection:
        """Give the collection as the file holds it now; only what is new is read."""
        with self._access.reading() as connection:
            known = self._state
            if last_change(connection) == known.last:  # waits for no thread that is writing
                return known.collection
        with self._lock, self._access.reading() as connection:
            self._state = catch_up(connection, self._state, self.path)
            return self._state.collection

    def forget(self) -> None:
        """Take out of the file what was removed, and what is needed to take changes back.

        The collection stays. History keeps what was done and when, not the detail; vectors of
        texts go. What was removed is overwritten and the file made smaller; what a disk keeps of
        files that were deleted or overwritten is beyond this.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """

        def write(connection: sqlite3.Connection) -> State:
            forget_removed(connection, self._state)
            return read_state(connection, self._state)

        self._change(write)
        try:
            self._access.shrink()
        except StoreError as error:
            _logger.warning("what was removed is forgotten, but the file is as large: %s", error)

    @property
    def thumbnails(self) -> FileThumbnails:
        """Small pictures of the photos, by digest."""
        return FileThumbnails(self._access.reading, self._writing, lambda: self._state.collection)

    @property
    def texts(self) -> FileTexts:
        """Vectors of texts, by key, kept so as not to compute them again; until `forget`."""
        return FileTexts(self._access)

    def close(self) -> None:
        """Use the file no more. Nothing is left to be written."""
        self._access.closed = True

    def __enter__(self) -> LibraryFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _change(self, write: Callable[[sqlite3.Connection], State]) -> Collection:
        """Write within a transaction; what is known is new once that is on the disk."""
        with self._lock:
            with self._writing() as connection:
                state = write(connection)
            self._state = state
            return state.collection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the file alone, having read what others changed."""
        with self._lock, self._access.writing() as connection:
            self._state = catch_up(connection, self._state, self.path)
            yield connection
