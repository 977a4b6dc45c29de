"""What a picture or a text is known by in a cache: its content, never its name."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["KEY_BYTES", "file_key", "picture_key", "text_key"]

KEY_BYTES = 16
# The number is of the way in which a file becomes pixels: raise it when `fgmm.images` comes
# to read some file otherwise, and no old vector will be taken for a new one.
_FILE, _PIXELS, _TEXT = b"fgmm file 1", b"fgmm pixels 1", b"fgmm text 1"


def file_key(data: bytes) -> bytes:
    """Hash a picture's file."""
    return hashlib.blake2b(data, digest_size=KEY_BYTES, person=_FILE).digest()


def picture_key(image: Image) -> bytes:
    """Hash a picture's pixels, with its mode and size."""
    digest = hashlib.blake2b(digest_size=KEY_BYTES, person=_PIXELS)
    digest.update(f"{image.mode} {image.width} {image.height} ".encode())
    digest.update(image.tobytes())
    return digest.digest()


def text_key(text: str) -> bytes:
    """Hash a text."""
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=KEY_BYTES, person=_TEXT).digest()
