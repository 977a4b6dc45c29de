"""How species and photos are written into rows of the file, and read from them."""

from __future__ import annotations

import bisect
import hashlib
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from fgmm.library.connection import DamagedError
from fgmm.library.photos import LENGTH_TOLERANCE, Photos
from fgmm.library.species import Species

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = [
    "history_checksum",
    "insert_photos",
    "insert_row",
    "load_photos",
    "record_checksum",
    "record_numbers",
    "record_species",
    "row_texts",
    "row_vectors",
    "write_record",
]

_PHOTOS_A_ROW = 256
_FLOAT = np.dtype("<f4")
_HEXADECIMAL = re.compile(r"[0-9a-f]*")


def record_checksum(key: str, position: int, record: str) -> int:
    """Sum up a row of the table ``species``."""
    return zlib.crc32(f"{key}\n{position}\n{record}".encode())


def write_record(species: Species, numbers: Sequence[int]) -> str:
    """Write a species as JSON, with its photos' numbers and a hash in place of the photos.

    Numbers come again after `forget`, and in copies that went different ways. With the hash two
    records of a species are equal only if their photos are.
    """
    return json.dumps(
        {
            "name": species.name,
            "names": species.names,
            "description": species.description,
            "attributes": dict(species.attributes),
            "parent": species.parent,
            "photos": list(numbers),
            "hash": _photos_hash(species.photos),
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
    """Make a species of its record and photos.

    Raises
    ------
    DamagedError
        If the photos are not those the record was written with.
    """
    if record["hash"] != _photos_hash(photos):
        raise DamagedError(f"the photos of {record['name']!r} are not those it was given")
    return Species(
        key,
        record["name"],
        tuple(record["names"]),
        record["description"],
        record["attributes"],
        record["parent"],
        photos=photos,
    )


def _photos_hash(photos: Photos) -> str:
    return hashlib.blake2b(" ".join(photos.digests).encode(), digest_size=8).hexdigest()


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
    times = set(photos.added)
    added = photos.added[0] if len(times) == 1 else photos.added  # mostly: added together
    about = json.dumps([photos.digests, photos.origins, added], separators=(",", ":"))
    connection.execute(
        "INSERT INTO photos VALUES (?, ?, ?, ?, ?)",
        (first, len(photos), vectors, about, photo_checksum(first, vectors, about)),
    )


def photo_checksum(first: int, vectors: bytes, about: str) -> int:
    """Sum up a row of the table ``photos``."""
    return zlib.crc32(vectors, zlib.crc32(about.encode(), first & 0xFFFFFFFF))


def load_photos(connection: sqlite3.Connection, wanted: Sequence[int], dim: int) -> Photos:
    """Read the photos of some numbers, in their order, and check what was read.

    Raises
    ------
    DamagedError
        If one is missing or not what was written.
    """
    order = np.argsort(np.asarray(wanted, dtype=np.int64), kind="stable")
    sorted_already = bool((np.diff(order) == 1).all())
    numbers = [wanted[i] for i in order.tolist()]
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    if len(numbers) * _FLOAT.itemsize * dim > pages * size:
        raise DamagedError(f"it lists {len(numbers)} photos, more than it has room for")
    vectors = np.empty((len(numbers), dim), np.float32)
    abouts: list[str] = []
    rows: list[tuple[int, list[int] | None]] = []  # photos in it; which were wanted, if not all
    done = 0
    for first, n, content, about, checksum in _rows(connection, numbers):
        block = row_vectors(first, n, content, about, checksum, dim)
        until = bisect.bisect_left(numbers, first + n, done)
        at = None
        if until - done != n or numbers[done] != first:
            at = [number - first for number in numbers[done:until]]
            block = block[np.asarray(at, np.intp)]
        vectors[slice(done, until) if sorted_already else order[done:until]] = block
        abouts.append(about)
        rows.append((n, at))
        done = until
    if done < len(numbers):
        raise DamagedError(f"{len(numbers) - done} photos that its species have are not there")
    squares = np.einsum("nd,nd->n", vectors, vectors)
    # Three times the tolerance, since these are squares of lengths, in float32.
    if not bool((np.abs(squares - 1) <= 3 * LENGTH_TOLERANCE).all()):
        raise DamagedError("vectors of photos are not of length one")
    vectors.flags.writeable = False
    columns = row_texts(abouts, rows)
    if not sorted_already:
        back = np.argsort(order).tolist()
        columns = [[column[i] for i in back] for column in columns]
    return Photos._of_checked(vectors, *map(tuple, columns))


def row_vectors(
    first: int, n: int, content: bytes, about: str, checksum: int, dim: int
) -> NDArray[np.float32]:
    """Give the vectors (n, dim) of a row of the table ``photos``.

    Raises
    ------
    DamagedError
        If the row is not what was written.
    """
    whole = n > 0 and len(content) == _FLOAT.itemsize * dim * n
    if not whole or photo_checksum(first, content, about) != checksum:
        raise DamagedError(f"photos {first} to {first + n - 1} are not what was written")
    rows: NDArray[np.float32] = np.frombuffer(content, _FLOAT).reshape(n, dim)
    return rows


def row_texts(
    abouts: Sequence[str], rows: Sequence[tuple[int, Sequence[int] | None]]
) -> list[list[str]]:
    """Give the digests, origins and times of rows of the table ``photos``.

    Parameters
    ----------
    abouts : sequence of str
        The column ``about``.
    rows : sequence of tuple of int and list of int or None
        Of each, how many photos it holds, and the positions of those that are wanted, if not all.

    Raises
    ------
    DamagedError
        If one is not what a library writes.
    """
    columns: list[list[str]] = [[], [], []]
    for about, (n, at) in zip(json.loads(f"[{','.join(abouts)}]"), rows, strict=True):
        digests, origins, added = about
        if isinstance(added, str):
            added = [added] * n
        if not len(digests) == len(origins) == len(added) == n:
            raise DamagedError("a row of photos does not say of each where it is from")
        for column, texts in zip(columns, (digests, origins, added), strict=True):
            column += texts if at is None else [texts[i] for i in at]
    if any(set(map(type, column)) - {str} for column in columns):
        raise DamagedError("a photo says where it is from in other things than texts")
    if not _HEXADECIMAL.fullmatch("".join(columns[0])):
        raise DamagedError("the digest of a photo is none")
    return columns


def _rows(
    connection: sqlite3.Connection, numbers: Sequence[int]
) -> Iterator[tuple[int, int, bytes, str, int]]:
    """Read the rows that hold some numbers, each once: those between two gaps in one sweep."""
    gaps = np.flatnonzero(np.diff(numbers) > 1)
    starts, ends = [0, *(gaps + 1).tolist()], [*gaps.tolist(), len(numbers) - 1]
    seen = 0
    for low, high in (
        (numbers[a], numbers[b]) for a, b in zip(starts, ends, strict=True) if numbers
    ):
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
