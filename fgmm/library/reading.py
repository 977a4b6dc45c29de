"""What a library's file holds at one moment."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fgmm.errors import StoreError
from fgmm.library.collection import Collection
from fgmm.library.connection import DamagedError
from fgmm.library.history import Place
from fgmm.library.records import (
    load_photos,
    record_checksum,
    record_numbers,
    record_species,
)
from fgmm.library.schema import identity_checksum, read_phrasing

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

__all__ = ["State", "catch_up", "last_change", "read_state"]


@dataclass(frozen=True, slots=True)
class State:
    """A collection, and how the file has it.

    Parameters
    ----------
    key : str
        Of the library, random; two files with the same key are copies.
    collection : Collection
    places : dict of str to Place
        Where each species stands, by id.
    records : dict of str to str
        Each species as it is written, by id.
    last : tuple of int and bytes
        Number and hash of the last change.
    """

    key: str
    collection: Collection
    places: dict[str, Place]
    records: dict[str, str]
    last: tuple[int, bytes]


def last_change(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Read number and hash of the last row of history; of a new library 0 and its key."""
    found = connection.execute(
        "SELECT number, checksum FROM history ORDER BY number DESC LIMIT 1"
    ).fetchone()
    if found is None:
        return 0, str(connection.execute("SELECT key FROM library").fetchone()[0]).encode()
    return int(found[0]), bytes(found[1])


def read_state(connection: sqlite3.Connection, known: State | None = None) -> State:
    """Read a library, or what is new since it was read last.

    Parameters
    ----------
    connection : Connection
        Within a transaction.
    known : State or None
        As it was read last: what is still so is not read again.

    Returns
    -------
    State

    Raises
    ------
    DamagedError
        If something is not what was written.
    """
    try:
        return _read(connection, known)
    except (sqlite3.Error, DamagedError):
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise DamagedError(f"it says what no library says ({error})") from error


def catch_up(connection: sqlite3.Connection, known: State, path: Path) -> State:
    """Read what others changed since a library was read last.

    Raises
    ------
    StoreError
        If another library is in its place.
    """
    if last_change(connection) == known.last:
        return known
    state = read_state(connection, known)
    if state.key != known.key:
        raise StoreError(
            f"{str(path)!r} is another library than the one that was opened: it was replaced; "
            "open it again"
        )
    return state


def _read(connection: sqlite3.Connection, known: State | None) -> State:
    empty = _identity(connection)
    key, collection = empty
    records: dict[str, str] = {}
    positions: dict[str, int] = {}
    for one, position, record, checksum in connection.execute(
        "SELECT id, position, record, checksum FROM species ORDER BY position"
    ):
        if record_checksum(one, position, record) != checksum:
            raise DamagedError(f"the species of id {one!r} is not what was written")
        records[one], positions[one] = record, position
    if known is None or known.key != key:
        known = State(key, collection, {}, {}, (0, b""))
    new = [one for one in records if records[one] != known.records.get(one)]
    read: dict[str, dict[str, Any]] = dict(
        zip(new, json.loads(f"[{','.join(records[one] for one in new)}]"), strict=True)
    )
    numbers = {one: record_numbers(record) for one, record in read.items()}
    photos = load_photos(
        connection, [n for listed in numbers.values() for n in listed], collection.dim
    )
    changed = dict.fromkeys(one for one in known.records if one not in records)
    species = {}
    start = 0
    for one, record in read.items():
        end = start + len(numbers[one])
        species[one] = record_species(one, record, photos.part(start, end))
        start = end
    places = {
        one: Place(position, species[one] if one in species else known.places[one].species)
        for one, position in positions.items()
    }
    if known.records:
        phrasing = collection.phrasing
        collection = known.collection.with_species(changed | species, order=places)
        collection = collection.with_phrasing(phrasing)
    else:
        collection = dataclasses.replace(collection, species=species)
    return State(key, collection, places, records, last_change(connection))


def _identity(connection: sqlite3.Connection) -> tuple[str, Collection]:
    """Read a library's key, and its collection without species."""
    rows = connection.execute("SELECT key, space, dim, encoder, checksum FROM library").fetchall()
    if len(rows) != 1 or identity_checksum(*rows[0][:4]) != rows[0][4]:
        raise DamagedError("what it says of its encoder is not what was written")
    key, space, dim, encoder, _ = rows[0]
    return str(key), Collection(space, dim, encoder, phrasing=read_phrasing(connection))
