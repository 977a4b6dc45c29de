"""A cache of vectors: (space, key) to vector, least recently used out first."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fgmm.cache import rows
from fgmm.cache.database import Database, UnusableError
from fgmm.errors import StoreError

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Sequence

    import numpy.typing as npt
    from typing_extensions import Self

    Vector = npt.NDArray[np.float32]

__all__ = ["CacheStats", "EmbeddingCache", "default_cache_path"]

_log = logging.getLogger(__name__)

_DEFAULT_BYTES = 1 << 30
_LEAST_BYTES = 1_000_000
_NOTES_KEPT = 512


def default_cache_path() -> Path:
    """Where the user's own cache lies; it need not exist.

    Examples
    --------
    >>> default_cache_path().name
    'embeddings.sqlite'
    """
    import platformdirs

    return Path(platformdirs.user_cache_dir("fgmm", appauthor=False)) / "embeddings.sqlite"


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What a cache holds, and what this object was asked for.

    ``bytes`` counts what is in use; the file may be larger. ``dropped`` counts rows whose
    checksum did not fit: they were removed and counted as missing.
    """

    path: Path
    vectors: int
    bytes: int
    max_bytes: int | None
    hits: int
    misses: int
    dropped: int


class EmbeddingCache:
    """Vectors on disk, for any number of threads and processes at once.

    A vector is kept with a checksum of its space, key and numbers, tested at each reading: a
    row that does not fit is removed and counts as missing. What a process writes is there in
    whole calls of `put_many` or not at all, also if it is killed.

    Parameters
    ----------
    path : path, optional
        One file; its folder is made. By default the user's own, `default_cache_path`. It must
        be on a disk of this machine: processes on two machines cannot share it.
    max_bytes : int or None, default=1 GiB
        When it holds more, the vectors longest not used go. A million vectors of 512 numbers
        are 2.3 GB. None: no limit. At least 1,000,000.
    strict : bool, default=False
        Where the place is read-only, full, or locked for half a minute: raise. By default
        one warning is logged and work goes on without the cache.

    Raises
    ------
    StoreError
        On first use, if the file is no cache, or a damaged one. It is never removed.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with EmbeddingCache(Path(folder.name) / "vectors.sqlite") as cache:
    ...     cache.put_many("some space", [b"a"], np.array([[0.6, 0.8]]))
    ...     cache.get_many("some space", [b"a", b"b"])
    {b'a': array([0.6, 0.8], dtype=float32)}
    >>> folder.cleanup()
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        max_bytes: int | None = _DEFAULT_BYTES,
        *,
        strict: bool = False,
    ) -> None:
        if max_bytes is not None and max_bytes < _LEAST_BYTES:
            raise ValueError(f"max_bytes is {max_bytes}; a cache takes at least {_LEAST_BYTES:,}")
        self.path = default_cache_path() if path is None else Path(path)
        self.max_bytes = max_bytes
        self.strict = strict
        self._database = Database(self.path)
        self._off = False
        self._hits = self._misses = self._dropped = 0
        self._notes: dict[int, None] = {}  # rows read and not yet marked as used

    def __repr__(self) -> str:
        return f"EmbeddingCache({str(self.path)!r}, max_bytes={self.max_bytes})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.path, self.max_bytes, self.strict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get_many(self, space: str, keys: Sequence[bytes]) -> dict[bytes, Vector]:
        """Look vectors up.

        Parameters
        ----------
        space : str
            The encoder's space, layer included.
        keys : sequence of bytes

        Returns
        -------
        dict of key to array of shape (d,), float32, read-only
            Without the keys that are not there.
        """
        if self._off:
            return {}
        try:
            with self._database.reading() as connection:
                found, numbers, dropped = rows.read_rows(connection, space, keys)
                self._hits += len(found)
                self._misses += len(set(keys)) - len(found)
                self._dropped += dropped
                self._notes.update(dict.fromkeys(numbers))
                if dropped:
                    _log.warning("%s: dropped %d damaged vectors", self.path, dropped)
                if len(self._notes) >= _NOTES_KEPT:
                    self._try_to_mark_used()
                return found
        except UnusableError as reason:
            self._switch_off(reason)
            return {}

    def put_many(self, space: str, keys: Sequence[bytes], vectors: npt.ArrayLike) -> None:
        """Keep vectors, all of them or none; what was there under the same keys is replaced.

        Parameters
        ----------
        space : str
        keys : sequence of n bytes
        vectors : array-like of shape (n, d)
            Kept as float32.

        Raises
        ------
        ValueError
            If there is not one row for each key.
        """
        table = np.asarray(vectors, dtype=rows.FLOATS)
        if table.ndim != 2 or len(table) != len(keys):
            raise ValueError(f"{len(keys)} keys and vectors of shape {table.shape}: not a row each")
        if self._off or not len(keys):
            return
        try:
            with self._database.writing() as connection:
                rows.write_rows(connection, space, keys, table)
                self._mark_used(connection)
                limit = self.max_bytes
                if limit is not None and rows.count_bytes(connection) > limit:
                    rows.drop_oldest(connection, limit)
        except UnusableError as reason:
            self._switch_off(reason)

    def stats(self) -> CacheStats:
        """Count what is there."""
        count = used = 0
        if not self._off:
            try:
                with self._database.reading() as connection:
                    count, used = rows.count_rows(connection), rows.count_bytes(connection)
            except UnusableError as reason:
                self._switch_off(reason)
        return CacheStats(
            self.path, count, used, self.max_bytes, self._hits, self._misses, self._dropped
        )

    def clear(self) -> None:
        """Remove every vector of every space; the file stays, and becomes small."""
        if self._off:
            return
        try:
            with self._database.writing() as connection:
                connection.execute("DELETE FROM vectors")
                self._notes.clear()
            with self._database.reading() as connection:
                connection.execute("VACUUM")
        except UnusableError as reason:
            self._switch_off(reason)

    def close(self) -> None:
        """Write down what was used, and close the file; the next use opens it again."""
        if self._notes and not self._off:
            self._try_to_mark_used()
        self._database.close()

    def _try_to_mark_used(self) -> None:
        """Mark rows as used unless somebody writes just now: reading waits for nobody."""
        try:
            with self._database.writing(patience=0) as connection:
                self._mark_used(connection)
        except UnusableError as reason:
            _log.debug("not marked as used: %s", reason)
            self._notes.clear()

    def _mark_used(self, connection: sqlite3.Connection) -> None:
        rows.mark_used(connection, self._notes)
        self._notes.clear()

    def _switch_off(self, reason: UnusableError) -> None:
        if self.strict:
            raise StoreError(f"cannot use {reason}") from reason
        _log.warning("no cache of embeddings, nothing is kept: %s", reason)
        self._off = True


def _rebuild(path: Path, max_bytes: int | None, strict: bool) -> EmbeddingCache:
    return EmbeddingCache(path, max_bytes, strict=strict)
