"""Which of a species' photos is meant: by path, file name, number, or digest."""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from typing import TYPE_CHECKING

from fgmm.errors import LibraryError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fgmm.library.species import Species

__all__ = ["Choice", "choose_photos"]

Choice = str | os.PathLike[str] | int
_PREFIX = re.compile(r"[0-9a-f]{6,}")
_SHOWN = 5


def choose_photos(species: Species, photos: Choice | Iterable[Choice]) -> set[str]:
    """Find photos of a species.

    What is a path or a digest of one is that photo; then what its path ends in, such as the name
    of its file; then its number, from 1 in the order they came; then how its digest begins, six
    characters at least.

    Parameters
    ----------
    species : Species
    photos : path, int, or iterable of them

    Returns
    -------
    set of str
        Their digests.

    Raises
    ------
    LibraryError
        If it has no such photo, or several fit; the message lists them.

    Examples
    --------
    >>> from fgmm.library import Photos, Species
    >>> photos = Photos([[0.6, 0.8], [0.8, 0.6]], ["ab" * 16, "cd" * 16], ["a/1.jpg", "b/1.jpg"])
    >>> wren = Species("w", "wren", photos=photos)
    >>> choose_photos(wren, "b/1.jpg") == choose_photos(wren, 2) == {"cd" * 16}
    True
    >>> choose_photos(wren, "1.jpg")
    Traceback (most recent call last):
    fgmm.errors.LibraryError: '1.jpg' may be any of 2 photos of 'wren': 1, a/1.jpg; 2, b/1.jpg; ...
    """
    given = [photos] if isinstance(photos, (str, os.PathLike, int)) else list(photos)
    return {species.photos.digests[_place(species, one)] for one in given}


def _place(species: Species, photo: Choice) -> int:
    n = len(species.photos)
    if isinstance(photo, int) and not isinstance(photo, bool):
        if 1 <= photo <= n:
            return photo - 1
        raise LibraryError(f"{species.name!r} has no photo {photo}: its photos are {_range(n)}")
    told = os.fsdecode(photo) if isinstance(photo, (str, bytes, os.PathLike)) else ""
    digests, origins = species.photos.digests, species.photos.origins
    end = PurePath(told).parts
    ways = (
        [at for at in range(n) if told and told in (digests[at], origins[at])],
        [at for at in range(n) if end and PurePath(origins[at]).parts[-len(end) :] == end],
        [int(told) - 1] if told.isdecimal() and 1 <= int(told) <= n else [],
        [at for at in range(n) if _PREFIX.fullmatch(told) and digests[at].startswith(told)],
    )
    found = next(filter(None, ways), [])
    if not found:
        raise LibraryError(
            f"{species.name!r} has no photo {told or photo!r}: give the path it was added by, its "
            f"file's name, its digest, or its number; its photos are {_range(n)}"
        )
    if len(found) > 1:
        listed = "; ".join(f"{at + 1}, {origins[at] or digests[at][:12]}" for at in found[:_SHOWN])
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise LibraryError(
            f"{told!r} may be any of {len(found)} photos of {species.name!r}: {listed}{more}; give "
            "the number or the path"
        )
    return found[0]


def _range(n: int) -> str:
    return f"1 to {n:,}" if n else "none"
