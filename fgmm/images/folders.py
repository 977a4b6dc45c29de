"""The pictures of a folder, in the same order every time."""

from __future__ import annotations

import glob
import itertools
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fgmm.errors import ImageError
from fgmm.images.nearest import suggest_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["SUFFIXES", "find_images"]

# fmt: off
SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp",
    ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".avif", ".heic", ".heif", ".hif",
})
# fmt: on
"""What a picture's name ends in, in lower case."""

_log = logging.getLogger(__name__)


def find_images(
    where: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], *, recursive: bool = True
) -> Iterator[Path]:
    """Find pictures by their names.

    Parameters
    ----------
    where : path or iterable of paths
        A folder, a glob such as ``"birds/*/*.jpg"``, a file, or any of these in a list. A file
        named outright is taken whatever its name; the rest must end in one of `SUFFIXES`, and
        hidden files and folders, ``._*`` and ``Thumbs.db`` are passed over.
    recursive : bool, default=True
        Also look into folders within a folder, and let ``**`` mean any depth. Links to
        folders are not followed.

    Returns
    -------
    iterator of Path
        Of each folder or glob, sorted by path; of a list, in its order.

    Raises
    ------
    ImageError
        At once, if a place does not exist or holds no picture.

    Examples
    --------
    >>> from fgmm.images import find_images
    >>> find_images("no/such/folder")
    Traceback (most recent call last):
    fgmm.errors.ImageError: cannot find pictures in 'no/such/folder': there is no such ...
    """
    if isinstance(where, (str, os.PathLike)):
        return _find_in_place(where, recursive)
    places = [_find_in_place(place, recursive) for place in where]
    if not places:
        raise ImageError("cannot find pictures in an empty list of places")
    return itertools.chain.from_iterable(places)


def _find_in_place(where: str | os.PathLike[str], recursive: bool) -> Iterator[Path]:
    name = os.fsdecode(where)
    try:
        if os.path.isdir(where):  # noqa: PTH112 (Path.is_dir raises on names that cannot be)
            found = _walk(Path(where), recursive, top=True)
        elif os.path.exists(where):  # noqa: PTH110
            return iter([Path(where)])
        elif glob.has_magic(name):
            found = _match(name, recursive)
        else:
            raise ImageError(
                f"cannot find pictures in {name!r}: there is no such file or folder"
                f"{suggest_path(where)}"
            )
        first = next(found, None)
    except OSError as error:
        raise ImageError(f"cannot find pictures in {name!r}: {error.strerror}") from error
    if first is None:
        what = "nothing that it matches" if glob.has_magic(name) else "no file in it"
        raise ImageError(
            f"cannot find pictures in {name!r}: {what} ends in .jpg, .png, .webp, .tif or another "
            "suffix of a picture"
        )
    return itertools.chain([first], found)


def _walk(folder: Path, recursive: bool, *, top: bool = False) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            inside = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        if top:
            raise
        _log.warning("passed over folder %r: %s", str(folder), error.strerror)
        return
    for entry in inside:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if recursive:
                yield from _walk(folder / entry.name, recursive)
        elif _is_named_picture(entry.name) and not entry.is_dir():
            yield folder / entry.name


def _match(pattern: str, recursive: bool) -> Iterator[Path]:
    found = map(Path, glob.iglob(pattern, recursive=recursive))  # noqa: PTH207 (absolute ones)
    return iter(sorted(p for p in found if _is_named_picture(p.name) and not p.is_dir()))


def _is_named_picture(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122
