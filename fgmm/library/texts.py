"""Vectors of texts, kept beside a library so that they are computed once: safe to lose.

What a text is, and whose vector, is told by a key that the caller makes; nothing here knows more.
They are no part of what a library says: no change, nothing in its history.
"""

from __future__ import annotations

import logging
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from fgmm.errors import LibraryError, StoreError
from fgmm.library.connection import DamagedError
from fgmm.library.schema import TEXTS_TABLE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from fgmm.library.access import Access

__all__ = ["ROWS", "FileTexts", "MemoryTexts", "has_texts", "text_vector"]

# As bytes whatever they are: a text that is none would end the reading of all.
ROWS = "SELECT CAST(key AS BLOB), CAST(vector AS BLOB), checksum FROM texts"
"""The query for what `text_vector` reads."""
_KEYS_A_QUERY = 500
_ROUNDING = 0.01  # half precision rounds; what a caller would not take as of length one is more
_logger = logging.getLogger(__name__)


class MemoryTexts:
    """Vectors of texts of a library in memory, by key. See `MemoryLibrary.texts`.

    Parameters
    ----------
    vectors : mapping of bytes to array of shape (d,), optional
        Those to begin with.
    """

    def __init__(self, vectors: Mapping[bytes, np.ndarray] | None = None) -> None:
        self._kept = dict(vectors or {})

    def get(self, keys: Iterable[bytes] | None = None) -> dict[bytes, np.ndarray]:
        """Give the vectors there are for these keys, or all."""
        wanted = list(self._kept) if keys is None else keys
        return {key: self._kept[key] for key in wanted if key in self._kept}

    def put(self, vectors: Mapping[bytes, np.ndarray]) -> None:
        """Keep vectors, in place of those that are there."""
        self._kept.update(vectors)

    def clear(self) -> None:
        """Drop all."""
        self._kept.clear()


class FileTexts:
    """Vectors of texts in a library's file, by key. See `LibraryFile.texts`.

    Whatever keeps them from being read or written is logged and no more: they are then computed
    again.
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    def get(self, keys: Iterable[bytes] | None = None) -> dict[bytes, np.ndarray]:
        """Give the sound vectors there are for these keys, or all.

        Parameters
        ----------
        keys : iterable of bytes, optional

        Returns
        -------
        dict of bytes to array of shape (d,), float32
        """
        wanted = None if keys is None else list(keys)
        found = {}
        try:
            with self._access.reading() as connection:
                for row in _rows(connection, wanted):
                    try:
                        found[row[0]] = text_vector(*row)
                    except DamagedError as error:  # noqa: PERF203
                        _logger.warning("a text's vector in %s: %s", self._access.path, error)
        except (StoreError, LibraryError) as error:
            _logger.warning("texts are encoded again: %s", error)
        return found

    def put(self, vectors: Mapping[bytes, np.ndarray]) -> None:
        """Keep vectors, in place of those that are there; nothing where it is only read.

        Parameters
        ----------
        vectors : mapping of bytes to array of shape (d,), float32
            Of length one.
        """
        if self._access.readonly or not vectors:
            return
        content = {key: vector.astype("<f4").tobytes() for key, vector in vectors.items()}
        try:
            with self._access.writing() as connection:
                if not has_texts(connection):
                    connection.execute(TEXTS_TABLE)
                connection.executemany(
                    "INSERT OR REPLACE INTO texts VALUES (?, ?, ?)",
                    ((key, one, _checksum(key, one)) for key, one in content.items()),
                )
        except (StoreError, LibraryError) as error:
            _logger.warning("vectors of texts are not kept: %s", error)


def has_texts(connection: sqlite3.Connection) -> bool:
    """Tell whether a file has the table of texts: it is made when it is needed first."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'texts'").fetchone()
    return found is not None


def text_vector(key: object, content: object, checksum: object) -> np.ndarray:
    """Read a row of the table of texts.

    Raises
    ------
    DamagedError
        If it is not what was written, or no vector of length one.
    """
    if not isinstance(key, bytes) or not isinstance(content, bytes) or len(content) % 4:
        raise DamagedError("it is no vector")
    if _checksum(key, content) != checksum:
        raise DamagedError("it is not what was written")
    vector = np.frombuffer(content, "<f4").astype(np.float32)
    if not abs(float(np.linalg.norm(vector)) - 1) < _ROUNDING:  # false for NaN too
        raise DamagedError("it is not of length one")
    return vector


def _checksum(key: bytes, content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(key))


def _rows(connection: sqlite3.Connection, keys: list[bytes] | None) -> Iterable[Any]:
    if not has_texts(connection):
        return
    if keys is None:
        yield from connection.execute(ROWS)
        return
    for start in range(0, len(keys), _KEYS_A_QUERY):
        some = keys[start : start + _KEYS_A_QUERY]
        marks = ",".join("?" * len(some))
        yield from connection.execute(
            f"{ROWS} WHERE key IN ({marks})",
            some,
        )
