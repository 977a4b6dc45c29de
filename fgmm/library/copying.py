"""A collection written to a new library file, in one piece or not at all."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from fgmm.errors import StoreError
from fgmm.library.file import LibraryFile
from fgmm.library.placing import place_file

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import numpy as np

    from fgmm.library.collection import Collection

__all__ = ["write_library"]

_TAKEN = (
    "there is something at {!r} already: name another file. A library that is opened keeps every "
    "change by itself"
)


def write_library(
    collection: Collection,
    path: str | os.PathLike[str],
    what: str,
    texts: Mapping[bytes, np.ndarray] | None = None,
    thumbnails: Mapping[str, bytes] | None = None,
) -> None:
    """Write a collection to a new library file, in one piece.

    Parameters
    ----------
    collection : Collection
    path : path
        Must not be there.
    what : str
        What its history says came first.
    texts : mapping of bytes to array of shape (d,), optional
        Vectors of its texts, by key, so that they need not be computed again.
    thumbnails : mapping of str to bytes, optional
        Of its photos, by digest.

    Raises
    ------
    StoreError
        If there is something already, or nothing can be written there.
    """
    place = Path(path)
    if place.exists():  # told before the work; what comes in the meantime is told after it
        raise StoreError(_TAKEN.format(str(place)))
    part = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        space, dim, encoder = collection.space, collection.dim, collection.encoder
        phrasing = collection.phrasing
        with LibraryFile.create(part, space, dim, encoder, phrasing=phrasing) as file:
            detail = {"species": len(collection)}
            file.apply(lambda _: collection, what, detail, thumbnails, final=True)
            file.texts.put(texts or {})
        place_file(part, place)
    except FileExistsError as error:
        raise StoreError(_TAKEN.format(str(place))) from error
    finally:
        part.unlink(missing_ok=True)
