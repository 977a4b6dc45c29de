"""The tables of a library's file, and how a file of an earlier version becomes one of this.

::

    library   one row: a random key, the encoder's space, dimension and name
    photos    rows of vectors as they were added together, up to 256; only ever added
    species   one row each: its place, and a record (JSON) that lists its photos' numbers
    history   one row a change, each with a hash of the row before and of itself; what is needed
              to take the change back is the species' records as they were (JSON)
    thumbnails  small JPEG files by the photo's digest
    phrasing  one row: what is put around names (JSON)
    texts     vectors of texts, by key; made when needed first, dropped by forgetting, safe to lose

A photo's number is that of the first photo in its row plus its position there.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from fgmm.errors import StoreError
from fgmm.library.connection import DamagedError
from fgmm.library.phrasing import Phrasing, dump_phrasing, load_phrasing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

__all__ = [
    "APPLICATION",
    "MIGRATIONS",
    "TEXTS_TABLE",
    "VERSION",
    "check_schema",
    "create_schema",
    "file_version",
    "identity_checksum",
    "is_blank",
    "migrate_schema",
    "read_phrasing",
    "write_phrasing",
]

APPLICATION = 0x66676D4C
"""The characters fgmL, in the header of the file."""
VERSION = 2
"""Of the files this fgmm writes."""

_TABLES = (
    "CREATE TABLE library (key TEXT NOT NULL, space TEXT NOT NULL, dim INTEGER NOT NULL, "
    "encoder TEXT NOT NULL, checksum INTEGER NOT NULL)",
    "CREATE TABLE photos (first INTEGER PRIMARY KEY, n INTEGER NOT NULL, vectors BLOB NOT NULL, "
    "about TEXT NOT NULL, checksum INTEGER NOT NULL)",
    "CREATE TABLE species (id TEXT PRIMARY KEY, position INTEGER NOT NULL UNIQUE, "
    "record TEXT NOT NULL, checksum INTEGER NOT NULL)",
    "CREATE TABLE history (number INTEGER PRIMARY KEY, at TEXT NOT NULL, what TEXT NOT NULL, "
    "detail TEXT NOT NULL, undoes INTEGER UNIQUE, before TEXT, checksum BLOB NOT NULL)",
    "CREATE TABLE thumbnails (digest TEXT PRIMARY KEY, jpeg BLOB NOT NULL, "
    "checksum INTEGER NOT NULL)",
)
_PHRASING_TABLE = "CREATE TABLE phrasing (about TEXT NOT NULL, checksum INTEGER NOT NULL)"
# What there is besides the texts, by version. Those that are here can be read without changing
# them: a file of version 1 is one of which nothing is known of its phrasing.
_TABLES_OF = {1: _TABLES, 2: (*_TABLES, _PHRASING_TABLE)}
TEXTS_TABLE = (
    "CREATE TABLE texts (key BLOB PRIMARY KEY, vector BLOB NOT NULL, checksum INTEGER NOT NULL)"
)
"""Of vectors that may be there or not."""


def identity_checksum(key: str, space: str, dim: int, encoder: str) -> int:
    """Sum up the row of the table ``library``."""
    return zlib.crc32(f"{key}\n{space}\n{dim}\n{encoder}".encode())


def read_phrasing(connection: sqlite3.Connection) -> Phrasing:
    """Read what is put around names; nothing is known of it in a file of version 1.

    Raises
    ------
    DamagedError
        If it is not what was written.
    """
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'phrasing'").fetchone():
        return Phrasing()
    rows = connection.execute("SELECT about, checksum FROM phrasing").fetchall()
    if len(rows) != 1 or zlib.crc32(str(rows[0][0]).encode()) != rows[0][1]:
        raise DamagedError("what it says of words is not what was written")
    return load_phrasing(rows[0][0])


def write_phrasing(connection: sqlite3.Connection, phrasing: Phrasing) -> None:
    """Write what is put around names, in place of what there is."""
    about = json.dumps(dump_phrasing(phrasing), separators=(",", ":"))
    connection.execute("DELETE FROM phrasing")
    connection.execute("INSERT INTO phrasing VALUES (?, ?)", (about, zlib.crc32(about.encode())))


def _keep_phrasing(connection: sqlite3.Connection) -> None:
    connection.execute(_PHRASING_TABLE)
    write_phrasing(connection, Phrasing())


# How a file of version n becomes one of version n + 1, within the transaction it is given.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _keep_phrasing}
"""By the version a file has."""


def create_schema(
    connection: sqlite3.Connection,
    key: str,
    space: str,
    dim: int,
    encoder: str,
    phrasing: Phrasing,
) -> None:
    """Make the tables of a library without species, within a transaction."""
    for statement in _TABLES_OF[VERSION]:
        connection.execute(statement)
    write_phrasing(connection, phrasing)
    checksum = identity_checksum(key, space, dim, encoder)
    connection.execute(
        "INSERT INTO library VALUES (?, ?, ?, ?, ?)", (key, space, dim, encoder, checksum)
    )
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def is_blank(connection: sqlite3.Connection) -> bool:
    """Tell a file that nobody has written anything to."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    return bool(tables == 0 and application == 0)


def file_version(connection: sqlite3.Connection, path: str) -> int:
    """Read the version of a library's file.

    Raises
    ------
    StoreError
        If it is a database of another program, or of a newer fgmm.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise StoreError(
            f"{path!r} is a database of another program, no library of species; it was left as it "
            "is: name another file"
        )
    if version > VERSION:
        raise StoreError(
            f"{path!r} is a library of version {version} and this fgmm reads version {VERSION}: "
            "use the fgmm that wrote it, or a newer one; it was left as it is"
        )
    return int(version)


def check_schema(connection: sqlite3.Connection, path: str) -> None:
    """Refuse a file that is no library that can be read as it is.

    Raises
    ------
    StoreError
        If it is another program's, of a version that cannot be read, or has other tables.
    """
    version = file_version(connection, path)
    if version not in _TABLES_OF:
        raise StoreError(
            f"{path!r} is a library of version {version} and this fgmm reads version {VERSION}: "
            "open it once for writing, which brings it up to date"
        )
    found = {name for (name,) in connection.execute("SELECT sql FROM sqlite_master") if name}
    if found - {TEXTS_TABLE} != set(_TABLES_OF[version]):
        raise StoreError(
            f"{path!r} does not have the tables of a library of version {version}: it is damaged, "
            "or was changed by another program; go back to a copy"
        )


def migrate_schema(connection: sqlite3.Connection, path: str) -> None:
    """Bring a file up to this version, within a transaction.

    Raises
    ------
    StoreError
        If there is no way from its version to this one.
    """
    for version in range(file_version(connection, path), VERSION):
        if version not in MIGRATIONS:
            raise StoreError(
                f"{path!r} is a library of version {version}, which this fgmm cannot bring up to "
                f"version {VERSION}; it was left as it is: use the fgmm that wrote it"
            )
        MIGRATIONS[version](connection)
        connection.execute(f"PRAGMA user_version = {version + 1}")
