"""Transactions on a library's file, and what SQLite says of them in plain words.

A connection lives as long as one transaction. So nothing is held open that a fork, another thread
or a replaced file could upset, and the file is free whenever nothing is being done to it.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from typing import TYPE_CHECKING

from fgmm.errors import StoreError
from fgmm.library.locks import lock_holders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["DamagedError", "connected", "reading", "writing"]

# A page of 16 KB holds several vectors; SQLite's usual 4 KB would hold one and waste half.
_PAGE_SIZE = 16384
# EXTRA syncs the folder too once the journal is gone: only then is a change of which we say that
# it is kept still there after the power has failed.
_SYNCHRONOUS = "EXTRA"


class DamagedError(Exception):
    """What the file holds is not what was written to it."""


@contextlib.contextmanager
def connected(path: Path, patience: float, *, readonly: bool) -> Iterator[sqlite3.Connection]:
    """Hold a connection outside of any transaction.

    Raises
    ------
    StoreError
        If the file is not there, is no database, cannot be used, or turns out to be damaged.
    """
    with _told(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if readonly else 'rw'}",
            uri=True,
            timeout=patience,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            if not readonly:
                connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")  # of a new file
                connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS}")
                connection.execute("PRAGMA fullfsync = ON")
                # Some builds of SQLite leave what was deleted in the file until it is needed.
                connection.execute("PRAGMA secure_delete = ON")
            yield connection
        finally:
            connection.close()


@contextlib.contextmanager
def reading(path: Path, patience: float, *, readonly: bool) -> Iterator[sqlite3.Connection]:
    """Hold a connection that sees one state of the file, whatever others write.

    Unless ``readonly``, what a writer that was killed has left half done is taken back first.
    """
    with connected(path, patience, readonly=readonly) as connection:
        connection.execute("BEGIN")
        yield connection


@contextlib.contextmanager
def writing(path: Path, patience: float) -> Iterator[sqlite3.Connection]:
    """Hold a connection within a transaction: all that is done is kept, or nothing.

    What is kept is on the disk when the block is left.
    """
    with connected(path, patience, readonly=False) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        _begin(connection, patience)
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk ends one by itself
                with contextlib.suppress(sqlite3.Error):  # closing rolls back as well
                    connection.execute("ROLLBACK")
            raise


def _begin(connection: sqlite3.Connection, patience: float) -> None:
    # Not by SQLite's own waiting: in some builds that sleeps for whole seconds, and a process
    # that writes without pause then keeps all others out.
    connection.execute("PRAGMA busy_timeout = 0")
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
        time.sleep(random.uniform(0.0005, 0.01))
    connection.execute(f"PRAGMA busy_timeout = {int(1000 * patience)}")


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(_message(path, str(error))) from error
    except (DamagedError, UnicodeDecodeError) as error:  # bytes that were text once
        raise StoreError(
            f"the library {str(path)!r} is damaged: {error}; it was left as it is: go back to a "
            "copy, and see what `fgmm.library.verify` finds"
        ) from error


def _message(path: Path, told: str) -> str:
    library = f"the library {str(path)!r}"
    if "locked" in told or "busy" in told:
        holders = ", ".join(lock_holders(path)) or "another process"
        return (
            f"{library} is being written or read by {holders}, and was not free in time: "
            "nothing was changed; try again when it is done"
        )
    if "readonly" in told:
        return (
            f"{library} cannot be written ({told}): make the file and its folder writable. If a "
            "program that wrote to it was killed, it has to be opened for writing once"
        )
    if "full" in told:
        return f"no room on the disk to write {library} ({told}): nothing was changed; make room"
    if "unable to open" in told:
        return (
            f"{library} cannot be opened ({told}): its folder must be there, and to be written "
            "to, since SQLite keeps a journal beside the file while it writes"
        )
    if "malformed" in told or "not a database" in told or "decode" in told:
        more = "" if "not a database" in told else ", and see what `fgmm.library.verify` finds"
        return (
            f"{str(path)!r} is no library of species, or a damaged one ({told}); it was left as "
            f"it is: go back to a copy{more}"
        )
    return f"{library} cannot be used ({told}): nothing was changed"
