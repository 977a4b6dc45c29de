"""What a caller means by pictures: one, or several; and the content each is known by."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from fgmm.images import MAX_PIXELS, find_images, read_image
from fgmm.images.several import is_many
from fgmm.images.sources import fetch_bytes

__all__ = ["content_of", "list_sources", "origin_of"]


def list_sources(images: Any) -> list[Any] | None:
    """List pictures that are given as several.

    Parameters
    ----------
    images : picture or pictures
        As `fgmm.classify` takes them, see `fgmm.images.several.is_many`.

    Returns
    -------
    list or None
        None: it is one picture, or none at all.

    Raises
    ------
    ImageError
        If a folder or glob holds no picture.

    Examples
    --------
    >>> list_sources("wren.jpg") is None, list_sources(["wren.jpg"])
    (True, ['wren.jpg'])
    """
    if not is_many(images):
        return None
    return list(find_images(images) if isinstance(images, (str, os.PathLike)) else images)


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
    >>> from PIL import Image
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
