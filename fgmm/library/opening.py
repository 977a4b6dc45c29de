"""A file before it is a library in use: made, found, and brought up to date."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from fgmm.errors import StoreError
from fgmm.library.collection import Collection
from fgmm.library.connection import reading, writing
from fgmm.library.schema import VERSION, create_schema, file_version, is_blank, migrate_schema

if TYPE_CHECKING:
    from pathlib import Path

    from fgmm.library.phrasing import Phrasing

__all__ = ["bring_up_to_date", "check_file", "make_file"]


def make_file(
    path: Path, patience: float, space: str, dim: int, encoder: str, phrasing: Phrasing
) -> None:
    """Make a library without species.

    Raises
    ------
    StoreError
        If there is something already, or nothing can be written there.
    LibraryError
        If the space, dimension or encoder is none.
    """
    Collection(space, dim, encoder)
    new = not path.exists()
    if not new and (path.is_dir() or path.stat().st_size):
        raise _taken(path)
    try:
        path.touch()
    except OSError as error:
        raise StoreError(
            f"no library can be made at {str(path)!r} ({error.strerror}): name a place in a "
            "folder that is there and can be written to"
        ) from error
    try:
        with writing(path, patience) as connection:
            if not is_blank(connection):
                raise _taken(path)
            create_schema(connection, uuid.uuid4().hex, space, dim, encoder, phrasing)
    except BaseException:
        if new and not path.stat().st_size:
            path.unlink()
        raise


def check_file(path: Path) -> None:
    """Refuse what is no file, or an empty one.

    Raises
    ------
    StoreError
        If so.
    """
    if path.is_dir():
        raise StoreError(f"{str(path)!r} is a folder; a library is one file")
    if not path.exists():
        raise StoreError(f"there is no library {str(path)!r}: create it, or look for its name")
    if not path.is_file():
        raise StoreError(f"{str(path)!r} is no file; a library is one")
    if path.stat().st_size == 0:
        raise StoreError(
            f"{str(path)!r} is an empty file, no library: delete it, and a new one can be made "
            "there; or go back to a copy"
        )


def bring_up_to_date(path: Path, patience: float, *, readonly: bool) -> None:
    """Make a file of an earlier version one of this, unless it is to be read only.

    Raises
    ------
    StoreError
        If it is no library, of a newer version, or cannot be brought up to date.
    """
    with reading(path, patience, readonly=readonly) as connection:
        old = file_version(connection, str(path)) < VERSION
    if old and not readonly:
        with writing(path, patience) as connection:
            migrate_schema(connection, str(path))


def _taken(path: Path) -> StoreError:
    return StoreError(f"there is something at {str(path)!r} already: open it, or name another file")
