"""What a caller means by pictures: one, or several; and the content each is known by."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from fgmm.errors import ImageError
from fgmm.images import MAX_PIXELS, find_images, read_image
from fgmm.images.arrays import is_array
from fgmm.images.sources import fetch_bytes

__all__ = ["content_of", "list_sources", "origin_of"]


def list_sources(images: Any) -> list[Any] | None:
    """List pictures that are given as several.

    Parameters
    ----------
    images : picture or pictures
        As `fgmm.classify` takes them: a folder, a glob, an iterable, or an array with a dimension
        more are several.

    Returns
    -------
    list or None
        None: it is one picture.

    Raises
    ------
    ImageError
        If a folder or glob holds no picture, or ``images`` are none.

    Examples
    --------
    >>> list_sources("wren.jpg") is None, list_sources(["wren.jpg"])
    (True, ['wren.jpg'])
    """
    if isinstance(images, (str, os.PathLike)):
        path = Path(images)
        # A file may have brackets in its name; it is a glob only if there is no such file.
        if path.is_dir() or (glob.has_magic(os.fspath(images)) and not path.exists()):
            return list(find_images(images))
        return None
    if is_array(images):
        return list(images) if len(images.shape) > 3 else None
    if isinstance(images, (bytes, bytearray, memoryview, Image.Image)) or hasattr(images, "read"):
        return None
    if not isinstance(images, Iterable):
        raise ImageError(
            f"{images!r} is no picture, and no list of pictures: pass a path, a folder, a glob, a "
            "picture, or an iterable of pictures"
        )
    return list(images)


def origin_of(source: Any) -> str:
    """Give the path a picture was given by, or the one its object knows; ``""`` for neither."""
    if isinstance(source, (str, os.PathLike)):
        return os.fsdecode(source)
    own = getattr(source, "filename", None) or getattr(source, "name", None)
    return own if isinstance(own, str) else ""


def content_of(source: Any, name: str) -> tuple[str, Any]:
    """Hash a picture's content: SHA-256 of its file, or of the pixels where there is none.

    Parameters
    ----------
    source : picture
    name : str
        What messages call it.

    Returns
    -------
    digest : str
        In hexadecimal.
    source : path or picture
        To be encoded: the path as it was given, or the picture, read.

    Raises
    ------
    ImageError
        If it cannot be had, or is no path and cannot be read.

    Examples
    --------
    >>> digest, picture = content_of(Image.new("L", (2, 2)), "grey")
    >>> len(digest), picture.mode
    (64, 'RGB')
    """
    data = fetch_bytes(source, name, MAX_PIXELS)
    if data is None:
        picture = read_image(source, name=name)
        digest = hashlib.sha256(f"{picture.mode} {picture.width} {picture.height} ".encode())
        digest.update(picture.tobytes())
        return digest.hexdigest(), picture
    digest = hashlib.sha256(data)
    if isinstance(source, (str, os.PathLike)):  # read again later, so as not to hold them all
        return digest.hexdigest(), source
    return digest.hexdigest(), read_image(data, name=name)
