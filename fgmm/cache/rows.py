"""What is done to the rows of a cache, given a connection. Rows are not believed unseen."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    Vector = npt.NDArray[np.float32]

__all__ = ["count_bytes", "count_rows", "drop_oldest", "mark_used", "read_rows", "write_rows"]

FLOATS = np.dtype("<f4")
_SELECT = (
    "SELECT vectors.id, vector, checksum FROM vectors JOIN spaces "
    "ON spaces.id = vectors.space WHERE spaces.name = ? AND key = ?"
)


def read_rows(
    connection: sqlite3.Connection, space: str, keys: Sequence[bytes]
) -> tuple[dict[bytes, Vector], list[int], int]:
    """Look vectors up, test them, and drop those that do not fit their checksum.

    Returns
    -------
    found : dict of key to vector
    numbers : list of int
        Of the rows they came from.
    dropped : int
    """
    found: dict[bytes, Vector] = {}
    numbers, bad = [], []
    for key in keys:
        for number, blob, checksum in connection.execute(_SELECT, (space, key)):
            if isinstance(blob, bytes) and checksum == _checksum(space, key, blob):
                found[key] = np.frombuffer(blob, dtype=FLOATS)
                numbers.append(number)
            else:
                bad.append((number, checksum))
    if bad:
        # by the checksum too: another process may have written the row anew meanwhile
        connection.executemany("DELETE FROM vectors WHERE id = ? AND checksum IS ?", bad)
    return found, numbers, len(bad)


def write_rows(
    connection: sqlite3.Connection, space: str, keys: Sequence[bytes], vectors: Vector
) -> None:
    """Insert rows, or replace them."""
    connection.execute("INSERT OR IGNORE INTO spaces (name) VALUES (?)", (space,))
    (number,) = connection.execute("SELECT id FROM spaces WHERE name = ?", (space,)).fetchone()
    now = time.time_ns()
    blobs = [row.tobytes() for row in vectors]
    connection.executemany(
        "INSERT INTO vectors (space, key, vector, checksum, used) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (space, key) DO UPDATE SET vector = excluded.vector, "
        "checksum = excluded.checksum, used = excluded.used",
        [
            (number, key, blob, _checksum(space, key, blob), now)
            for key, blob in zip(keys, blobs, strict=True)
        ],
    )


def mark_used(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Note that rows were read just now."""
    now = time.time_ns()
    connection.executemany(
        "UPDATE vectors SET used = ? WHERE id = ?", [(now, number) for number in numbers]
    )


def drop_oldest(connection: sqlite3.Connection, max_bytes: int) -> None:
    """Drop the rows longest not used until a tenth of the room is free."""
    count = count_rows(connection)
    # By tenths and counting again, because a page comes free when nothing on it is left.
    while count > 0 and count_bytes(connection) > 0.9 * max_bytes:
        tenth = max(1, count // 10)
        connection.execute(
            "DELETE FROM vectors WHERE id IN (SELECT id FROM vectors ORDER BY used LIMIT ?)",
            (tenth,),
        )
        count -= tenth


def count_rows(connection: sqlite3.Connection) -> int:
    """Count the vectors of all spaces."""
    return int(connection.execute("SELECT count(*) FROM vectors").fetchone()[0])


def count_bytes(connection: sqlite3.Connection) -> int:
    """Count the bytes in use: the file's without its free pages."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _checksum(space: str, key: bytes, blob: bytes) -> bytes:
    """Of the key too: a whole row at the wrong place is as wrong as a damaged one."""
    digest = hashlib.blake2b(blob, digest_size=8, person=b"fgmm")
    digest.update(len(key).to_bytes(4, "little") + key + space.encode())
    return digest.digest()
