"""One SQLite file shared by threads and processes, some of which die without notice."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import threading
import time
import weakref
from typing import TYPE_CHECKING

from fgmm.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Database", "UnusableError"]

_APPLICATION = 0x66676D6D  # "fgmm", in the header of the file
_VERSION = 1
_PATIENCE = 30.0  # seconds to wait for another process's write
# A leaf of 16 KB holds several vectors; SQLite's usual 4 KB would hold one and waste half.
_SETTINGS = """
PRAGMA page_size = 16384;
PRAGMA synchronous = NORMAL;
PRAGMA journal_size_limit = 16777216;
"""
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS spaces (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "CREATE TABLE IF NOT EXISTS vectors (id INTEGER PRIMARY KEY, space INTEGER NOT NULL, "
    "key BLOB NOT NULL, vector BLOB NOT NULL, checksum BLOB NOT NULL, used INTEGER NOT NULL, "
    "UNIQUE (space, key))",
    "CREATE INDEX IF NOT EXISTS vectors_by_use ON vectors (used)",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)
_everywhere: weakref.WeakSet[Database] = weakref.WeakSet()
_left_to_parent: list[sqlite3.Connection] = []


class UnusableError(Exception):
    """The file cannot be opened or written here and now; it is not damaged."""


class Database:
    """A connection to the file, opened on first use and anew in each process.

    Threads take turns at it. Every failure of SQLite comes out as one of two errors.

    Raises
    ------
    UnusableError
        If the place is read-only, full, or locked for too long.
    StoreError
        If the file is no cache, or a damaged one. It is left as it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._forget()
        _everywhere.add(self)

    def _forget(self) -> None:
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._finalizer: weakref.finalize[..., Database] | None = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection."""
        with self._lock, self._errors():
            if self._connection is None:
                self._connection = _connect(self.path)
                self._finalizer = weakref.finalize(self, _close, self._connection, os.getpid())
            yield self._connection

    @contextlib.contextmanager
    def writing(self, *, patience: float | None = None) -> Iterator[sqlite3.Connection]:
        """Hold the connection within a transaction: all that is done is kept, or nothing.

        Other processes' writes are waited for, half a minute or ``patience`` seconds.
        """
        with self.reading() as connection:
            _begin(connection, _PATIENCE if patience is None else patience)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk ends one by itself
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        with self._lock:
            if self._finalizer is not None:
                self._finalizer()
            self._connection = None

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise UnusableError(f"{str(self.path)!r}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"{str(self.path)!r} is no cache of embeddings, or a damaged one ({error}); "
                "it was left as it is: remove it, or name another file"
            ) from error


def _close(connection: sqlite3.Connection, process: int) -> None:
    if process == os.getpid():
        connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    if path.is_dir():
        raise StoreError(f"{str(path)!r} is a folder; a cache of embeddings is one file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableError(f"{str(path.parent)!r}: {error.strerror}") from error
    connection = sqlite3.connect(
        path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
    )
    try:
        _check_ours(connection, path)
        connection.executescript(_SETTINGS)
        # readers and a writer at once; two beginners may meet here
        _retry(connection, "PRAGMA journal_mode = WAL", _PATIENCE)
        _begin(connection, _PATIENCE)
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _begin(connection: sqlite3.Connection, patience: float) -> None:
    # Not by SQLite's own waiting: in some builds that sleeps for whole seconds, and a process
    # that writes without pause then keeps all others out.
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        _retry(connection, "BEGIN IMMEDIATE", patience)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(1000 * _PATIENCE)}")


def _check_ours(connection: sqlite3.Connection, path: Path) -> None:
    # Tables first: another process may begin the file between two of these, all at once, and
    # what is read later must not be older than the tables that were seen.
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application == 0 and tables == 0:  # a new file, or one that another process begins
        return
    if application != _APPLICATION:
        raise StoreError(
            f"{str(path)!r} is a database of another program, no cache of embeddings; "
            "it was left as it is: name another file"
        )
    if version != _VERSION:
        raise StoreError(
            f"{str(path)!r} is a cache of version {version}, this fgmm reads version {_VERSION}; "
            "remove it, or name another file"
        )


def _retry(connection: sqlite3.Connection, statement: str, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not _try(connection, statement, last=time.monotonic() >= deadline):
        time.sleep(random.uniform(0.0005, 0.01))


def _try(connection: sqlite3.Connection, statement: str, *, last: bool) -> bool:
    try:
        connection.execute(statement)
    except sqlite3.OperationalError as error:
        if last or "locked" not in str(error):
            raise
        return False
    return True


def _after_fork() -> None:
    # A child must neither use its parent's connection nor close it: SQLite's locks belong to
    # the process. Nor may it wait for a lock held by a thread that exists in the parent only.
    for database in list(_everywhere):
        if database._connection is not None:
            _left_to_parent.append(database._connection)
        database._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
