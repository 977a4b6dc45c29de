"""Pictures from the command line: files, folders and globs."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fgmm.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["list_pictures", "missing_pictures"]


def list_pictures(given: Sequence[str]) -> list[Path]:
    """List the pictures that files, folders and globs name, in the order given.

    Parameters
    ----------
    given : sequence of str

    Returns
    -------
    list of Path
        A file is listed whether or not it is a picture, even if it is not there: reading it
        will say what is wrong with it. What has no suffix, or a slash at its end, was meant
        as a folder.

    Raises
    ------
    ImageError
        If a folder does not exist, or a folder or glob holds no picture.
    """
    return [picture for source in given for picture in _pictures_of(source)]


def missing_pictures(pictures: Sequence[Path]) -> list[tuple[Path, ImageError]]:
    """Say what is wrong with the pictures if not one of them is there.

    Parameters
    ----------
    pictures : sequence of Path

    Returns
    -------
    list of (Path, ImageError)
        Empty as soon as one picture is there: the rest fail in their turn.
    """
    if any(picture.exists() for picture in pictures):
        return []
    from fgmm.images import read_image

    missing = []
    for picture in pictures:
        try:
            read_image(picture)
        except ImageError as error:  # noqa: PERF203 (one failure must not hide the next)
            missing.append((picture, error))
    return missing


def _pictures_of(source: str) -> Iterator[Path]:
    from fgmm.images import find_images

    path = Path(source)
    a_place = glob.has_magic(source) or not path.suffix or source.endswith(("/", os.sep))
    if not path.is_dir() and (path.exists() or not a_place):
        yield path
        return
    found = False
    for picture in find_images(source):
        found = True
        yield picture
    if not found:
        raise ImageError(f"{source!r} holds no picture: give files, a folder, or a glob in quotes")
