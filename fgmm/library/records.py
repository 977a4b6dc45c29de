"""How species and photos are written into rows of the file, and read from them."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fgmm.library.connection import DamagedError
from fgmm.library.species import LENGTH_TOLERANCE, Photos, Species

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = [
    "PhotoTable",
    "history_checksum",
    "insert_photos",
    "insert_row",
    "load_photos",
    "read_row",
    "record_checksum",
    "record_numbers",
    "record_species",
    "write_record",
]

_PHOTOS_A_ROW = 256
_FLOAT = np.dtype("<f4")
_HEXADECIMAL = re.compile(r"[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class PhotoTable:
    """Photos that were read at once, and where the one of each number is among them."""

    photos: Photos
    numbers: NDArray[np.int64]  # ascending

    def select(self, numbers: Sequence[int]) -> Photos:
        """Give the photos of some numbers, in their order; as a view where they are in a row."""
        if not numbers:
            return self.photos.select([])
        first = int(np.searchsorted(self.numbers, numbers[0]))
        if list(numbers) != list(range(numbers[0], numbers[0] + len(numbers))):
            return self.photos.select(np.searchsorted(self.numbers, numbers))
        part = slice(first, first + len(numbers))
        p = self.photos
        return Photos._of_checked(p.vectors[part], p.digests[part], p.origins[part], p.added[part])


def record_checksum(key: str, position: int, record: str) -> int:
    """Sum up a row of the table ``species``."""
    return zlib.crc32(f"{key}\n{position}\n{record}".encode())


def write_record(species: Species, numbers: Sequence[int]) -> str:
    """Write a species as JSON, with its photos' numbers in place of the photos."""
    return json.dumps(
        {
            "name": species.name,
            "names": species.names,
            "description": species.description,
            "attributes": dict(species.attributes),
            "parent": species.parent,
            "photos": list(numbers),
        },
        allow_nan=False,
        separators=(",", ":"),
    )


def record_numbers(record: dict[str, Any]) -> list[int]:
    """Read the photos' numbers from a record.

    Raises
    ------
    DamagedError
        If they are no numbers.
    """
    numbers = record["photos"]
    if not isinstance(numbers, list) or not all(type(n) is int and n >= 0 for n in numbers):
        raise DamagedError("a record lists photos that are no numbers")
    return numbers


def record_species(key: str, record: dict[str, Any], photos: Photos) -> Species:
    """Make a species of its record and photos."""
    return Species(
        key,
        record["name"],
        tuple(record["names"]),
        record["description"],
        record["attributes"],
        record["parent"],
        photos=photos,
    )


def insert_photos(connection: sqlite3.Connection, photos: Photos) -> range:
    """Write photos behind those that are there, and give their numbers."""
    last = connection.execute("SELECT first + n FROM photos ORDER BY first DESC LIMIT 1").fetchone()
    start = int(last[0]) if last else 1
    for at in range(0, len(photos), _PHOTOS_A_ROW):
        insert_row(connection, start + at, photos.select(range(len(photos))[at:][:_PHOTOS_A_ROW]))
    return range(start, start + len(photos))


def insert_row(connection: sqlite3.Connection, first: int, photos: Photos) -> None:
    """Write a row of photos, the first of which has the number ``first``."""
    vectors = photos.vectors.astype(_FLOAT, copy=False).tobytes()
    about = json.dumps([photos.digests, photos.origins, photos.added], separators=(",", ":"))
    connection.execute(
        "INSERT INTO photos VALUES (?, ?, ?, ?, ?)",
        (first, len(photos), vectors, about, photo_checksum(first, vectors, about)),
    )


def photo_checksum(first: int, vectors: bytes, about: str) -> int:
    """Sum up a row of the table ``photos``."""
    return zlib.crc32(vectors, zlib.crc32(about.encode(), first & 0xFFFFFFFF))


def load_photos(connection: sqlite3.Connection, wanted: Sequence[int], dim: int) -> PhotoTable:
    """Read the photos of some numbers, and check what was read.

    Raises
    ------
    DamagedError
        If one is missing or not what was written.
    """
    numbers = np.unique(np.asarray(wanted, dtype=np.int64))
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    if len(numbers) * _FLOAT.itemsize * dim > pages * size:
        raise DamagedError(f"it lists {len(numbers)} photos, more than it has room for")
    vectors = np.empty((len(numbers), dim), np.float32)
    texts: tuple[list[str], list[str], list[str]] = ([], [], [])
    for first, n, content, about, checksum in _rows(connection, numbers):
        block, columns = read_row(first, n, content, about, checksum, dim)
        low, high = np.searchsorted(numbers, (first, first + n)).tolist()
        at = (numbers[low:high] - first).tolist()
        whole = len(at) == n
        vectors[low:high] = block if whole else block[at]
        for text, column in zip(texts, columns, strict=True):
            text += column if whole else [column[i] for i in at]
    if len(texts[0]) != len(numbers):
        missing = len(numbers) - len(texts[0])
        raise DamagedError(f"{missing} photos that its species have are not there")
    vectors.flags.writeable = False
    digests, origins, added = map(tuple, texts)
    if not _HEXADECIMAL.fullmatch("".join(digests)):
        raise DamagedError("the digest of a photo is none")
    return PhotoTable(Photos._of_checked(vectors, digests, origins, added), numbers)


def read_row(
    first: int, n: int, content: bytes, about: str, checksum: int, dim: int
) -> tuple[NDArray[np.float32], list[list[str]]]:
    """Read a row of the table ``photos``: vectors (n, dim); digests, origins and times.

    Raises
    ------
    DamagedError
        If it is not what was written.
    """
    whole = n > 0 and len(content) == _FLOAT.itemsize * dim * n
    if not whole or photo_checksum(first, content, about) != checksum:
        raise DamagedError(f"photos {first} to {first + n - 1} are not what was written")
    rows = np.frombuffer(content, _FLOAT).reshape(n, dim)
    squares = np.einsum("nd,nd->n", rows, rows)
    # Three times the tolerance, since these are squares of lengths, in float32.
    if not bool((np.abs(squares - 1) <= 3 * LENGTH_TOLERANCE).all()):
        raise DamagedError(f"photos {first} to {first + n - 1} are not of length one")
    columns = json.loads(about)
    if len(columns) != 3 or any(
        len(column) != n or set(map(type, column)) != {str} for column in columns
    ):
        raise DamagedError(f"photos {first} to {first + n - 1} do not say where they are from")
    return rows, columns


def _rows(
    connection: sqlite3.Connection, numbers: NDArray[np.int64]
) -> Iterator[tuple[int, int, bytes, str, int]]:
    """Read the rows that hold some numbers, each once: those between two gaps in one sweep."""
    if not len(numbers):
        return
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    seen = 0
    for run in runs:
        low, high = int(run[0]), int(run[-1])
        if high < seen:
            continue
        start = connection.execute(
            "SELECT max(first) FROM photos WHERE first <= ?", (low,)
        ).fetchone()[0]
        for row in connection.execute(
            "SELECT first, n, vectors, about, checksum FROM photos WHERE first BETWEEN ? AND ? "
            "ORDER BY first",
            (max(seen, low if start is None else start), high),
        ):
            if row[0] < seen:
                raise DamagedError(f"photos {row[0]} to {seen - 1} are there twice")
            yield row
            seen = row[0] + row[1]


def history_checksum(before: bytes, row: tuple[object, ...]) -> bytes:
    """Hash a row of the table ``history`` (all but its hash) with the hash of the row before."""
    return hashlib.blake2b(before + json.dumps(row).encode(), digest_size=16).digest()
