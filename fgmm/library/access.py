"""What an open library may do to its file: read, write, nothing any more."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from fgmm.errors import LibraryError, StoreError
from fgmm.library.connection import connected, reading, writing
from fgmm.library.schema import check_schema

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Access"]


class Access:
    """Transactions on a library's file of this version.

    Parameters
    ----------
    path : Path
    patience : float
        Seconds to wait for other processes.
    readonly : bool
        Never write.
    """

    def __init__(self, path: Path, patience: float, *, readonly: bool) -> None:
        self.path = path
        self.patience = patience
        self.readonly = readonly
        self.closed = False

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold a connection that sees one state of the file."""
        self._check_open()
        with reading(self.path, self.patience, readonly=self.readonly) as connection:
            check_schema(connection, str(self.path))
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the file alone; what is done to it is kept when the block is left, or nothing."""
        self._check_open()
        self._check_writable()
        with writing(self.path, self.patience) as connection:
            check_schema(connection, str(self.path))
            yield connection

    def shrink(self) -> None:
        """Give room that is not used back to the disk."""
        with connected(self.path, self.patience, readonly=False) as connection:
            connection.execute("VACUUM")

    def _check_open(self) -> None:
        if self.closed:
            raise LibraryError(f"the library {str(self.path)!r} was closed: open it again")

    def _check_writable(self) -> None:
        if self.readonly:
            raise StoreError(
                f"the library {str(self.path)!r} was opened for reading only: open it with "
                "readonly=False"
            )
