"""What a caller means by pictures: one, or several."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from fgmm.images.arrays import is_array

if TYPE_CHECKING:
    from typing_extensions import TypeIs

__all__ = ["is_many"]


def is_many(images: object) -> TypeIs[Iterable[object]]:
    """Tell several pictures from one.

    Parameters
    ----------
    images : picture or pictures
        A folder, a glob, an iterable, or an array with a dimension more are several. Bytes and
        open files are one, though they can be iterated over.

    Returns
    -------
    bool
        False also for what is no picture at all: reading it will say so.

    Examples
    --------
    >>> is_many("wren.jpg"), is_many("birds/*.jpg"), is_many(["wren.jpg"]), is_many(b"...")
    (False, True, True, False)
    """
    if isinstance(images, (str, os.PathLike)):
        path = Path(images)
        # A file may have brackets in its name; it is a glob only if there is no such file.
        return path.is_dir() or (glob.has_magic(os.fspath(images)) and not path.exists())
    if is_array(images):
        return len(getattr(images, "shape", ())) > 3
    if isinstance(images, (bytes, bytearray, memoryview)) or hasattr(images, "read"):
        return False
    return isinstance(images, Iterable)
