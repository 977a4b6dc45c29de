"""What a change writes: records, photos, history; and what forgetting takes out.

All of these run within a transaction that the caller holds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from fgmm.errors import LibraryError
from fgmm.library.connection import DamagedError
from fgmm.library.history import HistoryEntry, placed
from fgmm.library.photos import Photos, utc_now
from fgmm.library.phrasing import dump_phrasing, load_phrasing
from fgmm.library.reading import State
from fgmm.library.records import (
    history_checksum,
    insert_photos,
    insert_row,
    record_checksum,
    row_texts,
    row_vectors,
    write_record,
)
from fgmm.library.schema import write_phrasing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from fgmm.library.collection import Collection
    from fgmm.library.history import Place
    from fgmm.library.species import Species

__all__ = [
    "PHRASING",
    "forget_removed",
    "last_undoable",
    "note_change",
    "read_history",
    "write_back",
    "write_change",
    "write_places",
]

# What reading what anything may have happened to can raise.
_BROKEN = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
Before = dict[str, Any]  # by id: None, or [position, record] as it was
PHRASING = ""
"""In the place of an id: what was put around names."""


def write_change(
    connection: sqlite3.Connection,
    state: State,
    after: Collection,
    changed: Mapping[str, Place | None],
    what: str,
    detail: str,
    *,
    final: bool,
) -> State:
    """Write what changed and a row of history; give what the file holds then."""
    before = {
        key: [state.places[key].position, state.records[key]] if key in state.places else None
        for key in changed
    }
    new = write_places(connection, state, changed)
    if after.phrasing != state.collection.phrasing:
        before[PHRASING] = [0, json.dumps(dump_phrasing(state.collection.phrasing))]
        write_phrasing(connection, after.phrasing)
    last = note_change(connection, state.last, what, detail, before=None if final else before)
    places = placed(state.places, changed)
    records = {key: new.get(key) or state.records[key] for key in places}
    return State(state.key, after, places, records, last)


def write_places(
    connection: sqlite3.Connection, state: State, changed: Mapping[str, Place | None]
) -> dict[str, str]:
    """Write species that changed, and photos that are new; give their records, by id."""
    known: dict[str, tuple[int, Species, int]] = {}
    for key in changed:
        if key in state.places:
            species = state.places[key].species
            numbers = json.loads(state.records[key])["photos"]
            for at, (digest, number) in enumerate(
                zip(species.photos.digests, numbers, strict=True)
            ):
                known[digest] = (number, species, at)
    records = {}
    rows: dict[str, list[Any] | None] = dict.fromkeys(changed)
    for key, place in changed.items():
        if place is not None:
            numbers = _numbers(connection, place.species.photos, known)
            records[key] = write_record(place.species, numbers)
            rows[key] = [place.position, records[key]]
    write_back(connection, rows)
    return records


def _numbers(
    connection: sqlite3.Connection, photos: Photos, known: Mapping[str, tuple[int, Species, int]]
) -> list[int]:
    """Give the photos' numbers, writing those that are not in the file as they are here."""
    numbers: list[int | None] = []
    for at, digest in enumerate(photos.digests):
        number, species, there = known.get(digest, (None, None, 0))
        same = species is not None and _same_photo(photos, at, species.photos, there)
        numbers.append(number if same else None)
    missing = [at for at, number in enumerate(numbers) if number is None]
    if missing:
        for at, number in zip(
            missing, insert_photos(connection, photos.select(missing)), strict=True
        ):
            numbers[at] = number
    return [number for number in numbers if number is not None]


def _same_photo(photos: Photos, at: int, others: Photos, there: int) -> bool:
    return (photos.origins[at], photos.added[at]) == (
        others.origins[there],
        others.added[there],
    ) and bool(np.array_equal(photos.vectors[at], others.vectors[there]))


def write_back(connection: sqlite3.Connection, rows: Before) -> None:
    """Put species' rows as given, by id; None takes one away. The phrasing too, if it is there."""
    rows = dict(rows)
    if phrasing := rows.pop(PHRASING, None):
        write_phrasing(connection, load_phrasing(phrasing[1]))
    connection.executemany("DELETE FROM species WHERE id = ?", ((key,) for key in rows))
    connection.executemany(
        "INSERT INTO species VALUES (?, ?, ?, ?)",
        ((key, *row, record_checksum(key, *row)) for key, row in rows.items() if row is not None),
    )


def note_change(
    connection: sqlite3.Connection,
    last: tuple[int, bytes],
    what: str,
    detail: str,
    *,
    before: Before | None = None,
    undoes: int | None = None,
) -> tuple[int, bytes]:
    """Write a row of history; give its number and hash."""
    text = None if before is None else json.dumps(before, separators=(",", ":"))
    number, checksum = last
    row = (number + 1, utc_now(), what, detail, undoes, text)
    checksum = history_checksum(checksum, row)
    connection.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, checksum))
    return number + 1, checksum


def last_undoable(connection: sqlite3.Connection) -> tuple[int, Before]:
    """Find the last change that was not taken back: its number, and rows as they were.

    Raises
    ------
    LibraryError
        If there is none.
    """
    found = connection.execute(
        "SELECT number, before FROM history AS h WHERE before IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM history WHERE undoes = h.number) ORDER BY number DESC LIMIT 1"
    ).fetchone()
    if found is None:
        raise LibraryError(
            "there is no change to take back: the library is as it was at first, or what came "
            "before was forgotten"
        )
    try:
        before = json.loads(found[1])
        for key, row in before.items():
            if row is not None:
                position, record = row
                if type(position) is not int or not isinstance(record, str):
                    raise TypeError(f"{row!r}")
                if key == PHRASING:
                    load_phrasing(record)
                position.to_bytes(8, "big", signed=True)  # what SQLite has room for
    except _BROKEN as error:
        raise DamagedError(f"change {found[0]} does not say how it was before") from error
    return int(found[0]), before


def read_history(connection: sqlite3.Connection) -> list[HistoryEntry]:
    """Read all rows of history."""
    rows = connection.execute(
        "SELECT number, at, what, detail, undoes, before IS NULL FROM history ORDER BY number"
    ).fetchall()
    undone = {row[4] for row in rows}
    (forgot,) = connection.execute(
        "SELECT max(number) FROM history WHERE what = 'forget' AND before IS NULL"
    ).fetchone()
    try:
        return [
            HistoryEntry(
                number,
                at,
                what,
                json.loads(detail),
                number in undone,
                number < (forgot or 0),
                # what `forget` and `undo` note of themselves holds nothing to go back to either
                final=bool(bare) and number > (forgot or 0) and what != "undo",
            )
            for number, at, what, detail, _, bare in rows
        ]
    except ValueError as error:
        raise DamagedError("its history is not what was written") from error


def forget_removed(connection: sqlite3.Connection, state: State) -> None:
    """Take out photos that no species has, their thumbnails, and records as they were.

    All vectors of texts go too: nothing tells which are of words that were removed.
    """
    connection.execute("DROP TABLE IF EXISTS texts")
    kept = {n for record in state.records.values() for n in json.loads(record)["photos"]}
    dim = state.collection.dim
    for first, n in connection.execute("SELECT first, n FROM photos").fetchall():
        if all(number in kept for number in range(first, first + n)):
            continue
        content, about, checksum = connection.execute(
            "SELECT vectors, about, checksum FROM photos WHERE first = ?", (first,)
        ).fetchone()
        vectors = row_vectors(first, n, content, about, checksum, dim)
        photos = Photos(vectors, *row_texts([about], [(n, None)]))
        connection.execute("DELETE FROM photos WHERE first = ?", (first,))
        for run in _runs([at for at in range(n) if first + at in kept]):
            insert_row(connection, first + run[0], photos.select(run))
    digests = connection.execute("SELECT digest FROM thumbnails").fetchall()
    connection.executemany(
        "DELETE FROM thumbnails WHERE digest = ?",
        [row for row in digests if state.collection.holder(row[0]) is None],
    )
    rows = connection.execute("SELECT number, at, what, undoes FROM history ORDER BY number")
    last = (0, state.key.encode())
    for number, at, what, undoes in rows.fetchall():
        row = (number, at, what, "{}", undoes, None)
        last = (number, history_checksum(last[1], row))
        connection.execute(
            "UPDATE history SET detail = '{}', before = NULL, checksum = ? WHERE number = ?",
            (last[1], number),
        )
    note_change(connection, last, "forget", "{}")


def _runs(positions: list[int]) -> list[list[int]]:
    """Split ascending positions where one is left out."""
    gaps = np.flatnonzero(np.diff(positions) > 1) + 1
    return [run.tolist() for run in np.split(np.asarray(positions, np.intp), gaps) if len(run)]
