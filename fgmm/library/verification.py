"""Whether everything in a library's file is what was written to it."""

from __future__ import annotations

import json
import sqlite3
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fgmm.library.connection import DamagedError, reading
from fgmm.library.opening import check_file
from fgmm.library.photos import Photos
from fgmm.library.phrasing import load_phrasing
from fgmm.library.reading import read_state
from fgmm.library.records import (
    history_checksum,
    record_checksum,
    record_numbers,
    row_texts,
    row_vectors,
)
from fgmm.library.schema import check_schema
from fgmm.library.texts import ROWS, has_texts, text_vector
from fgmm.library.thumbnails import check_thumbnail
from fgmm.library.writing import PHRASING

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

__all__ = ["Finding", "verify"]

_PATIENCE = 10.0
# What reading rows that anything may have happened to can raise.
_BROKEN = (DamagedError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a library's file.

    Parameters
    ----------
    part : str
        ``"file"``, ``"species"``, ``"photos"``, ``"history"``, ``"thumbnails"`` or ``"library"``,
        which is all of it taken together.
    where : str
        Which species, photos or change; ``""`` where it cannot be said.
    problem : str
        What is wrong.
    """

    part: str
    where: str
    problem: str


def verify(path: str | os.PathLike[str]) -> list[Finding]:
    """Read everything in a library's file and check it against its checksums.

    Nothing is written, other than that what a killed writer left half done is taken back.

    Parameters
    ----------
    path : path

    Returns
    -------
    list of Finding
        Empty if all is well: the file is whole; species, photos, history, thumbnails and vectors
        of texts are what was written; every photo that a species has, or had before a change that
        can be taken back, is there; vectors are of length one; names and photos belong to one
        species. Room that nothing uses is not looked at: it says nothing, since what is deleted is
        overwritten with zeros.

    Raises
    ------
    StoreError
        If it is no library that could be read at all, or is of another version.

    Examples
    --------
    >>> import tempfile
    >>> from fgmm.library import LibraryFile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = LibraryFile.create(f"{folder}/birds.fgmm", "fake/1", 2, "fake")
    ...     verify(f"{folder}/birds.fgmm")
    []
    """
    place = Path(path)
    check_file(place)
    with reading(place, _PATIENCE, readonly=False) as connection:
        check_schema(connection, str(place))
        findings: list[Finding] = []
        numbers: dict[int, str] = {}
        there: set[int] = set()
        for part, check in (
            ("file", lambda: _file(connection)),
            ("species", lambda: _species(connection, numbers)),
            ("history", lambda: _history(connection, numbers)),
            ("photos", lambda: _photos(connection, there)),
            ("photos", lambda: _missing(numbers, there)),
            ("thumbnails", lambda: _thumbnails(connection)),
            ("texts", lambda: _texts(connection)),
            ("library", lambda: _whole(connection)),
        ):
            findings += _collected(part, check)
        return findings


def _collected(part: str, check: Callable[[], Iterator[tuple[str, str]]]) -> list[Finding]:
    findings = []
    try:
        findings += [Finding(part, where, problem) for where, problem in check()]
    except (sqlite3.Error, *_BROKEN) as error:
        findings.append(Finding(part, "", f"it cannot be read to the end: {error}"))
    return findings


def _file(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for (told,) in connection.execute("PRAGMA integrity_check"):
        if told != "ok":
            lines = [line for line in str(told).splitlines() if not line.startswith("***")]
            yield "", f"its pages are not as they were written (SQLite: {'; '.join(lines)})"


def _whole(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    try:
        read_state(connection)
    except DamagedError as error:
        yield "", str(error)


def _species(connection: sqlite3.Connection, numbers: dict[int, str]) -> Iterator[tuple[str, str]]:
    for key, position, record, checksum in connection.execute("SELECT * FROM species"):
        try:
            if record_checksum(key, position, record) != checksum:
                raise DamagedError("it is not what was written")
            for number in record_numbers(json.loads(record)):
                numbers.setdefault(number, f"species {key}")
        except _BROKEN as error:  # noqa: PERF203  one must not hide the others
            yield f"species {key}", str(error)


def _history(connection: sqlite3.Connection, numbers: dict[int, str]) -> Iterator[tuple[str, str]]:
    last = str(connection.execute("SELECT key FROM library").fetchone()[0]).encode()
    expected = 1
    for *row, checksum in connection.execute(
        "SELECT number, at, what, detail, undoes, before, checksum FROM history ORDER BY number"
    ):
        number, _, _, detail, undoes, before = row
        where = f"change {number}"
        if number != expected:
            yield where, f"the change before it, {expected}, is missing"
        if history_checksum(last, tuple(row)) != checksum:
            yield where, "it is not what was written, or the one before it is not"
        try:
            if not isinstance(json.loads(detail), dict):
                raise DamagedError("it does not say what was done")
            if undoes is not None and not 0 < undoes < number:
                raise DamagedError(f"it takes back change {undoes}, which did not come before")
            records = json.loads(before) if before else {}
            if (phrasing := records.pop(PHRASING, None)) is not None:
                load_phrasing(phrasing[1])
            for old in records.values():
                for photo in record_numbers(json.loads(old[1])) if old else ():
                    numbers.setdefault(photo, where)
        except _BROKEN as error:
            yield where, str(error)
        expected, last = number + 1, bytes(checksum)


def _photos(connection: sqlite3.Connection, there: set[int]) -> Iterator[tuple[str, str]]:
    (dim,) = connection.execute("SELECT dim FROM library").fetchone()
    seen = 0
    for row in connection.execute(
        "SELECT first, n, vectors, about, checksum FROM photos ORDER BY first"
    ):
        first, n, content, about, checksum = row
        where = f"photos {first} to {first + n - 1}" if isinstance(n, int) else f"photos {first}"
        try:
            vectors = row_vectors(first, n, content, about, checksum, dim)
            Photos(vectors, *row_texts([about], [(n, None)]))
            if first < seen:
                raise DamagedError("some are there twice")
            there.update(range(first, first + n))
            seen = first + n
        except _BROKEN as error:
            yield where, str(error)


def _missing(numbers: dict[int, str], there: set[int]) -> Iterator[tuple[str, str]]:
    for number in sorted(numbers.keys() - there):
        yield f"photo {number}", f"{numbers[number]} has it, and it is not there or damaged"


def _thumbnails(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for digest, jpeg, checksum in connection.execute("SELECT * FROM thumbnails"):
        try:
            if zlib.crc32(jpeg) != checksum:
                raise DamagedError("it is not what was written")
            check_thumbnail(jpeg)
        except _BROKEN as error:  # noqa: PERF203
            yield f"thumbnail {digest}", str(error)


def _texts(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    if not has_texts(connection):
        return
    for row in connection.execute(ROWS):
        try:
            text_vector(*row)
        except _BROKEN as error:  # noqa: PERF203
            yield "", f"a vector: {error}; it will be computed again"
