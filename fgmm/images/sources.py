"""Where a picture comes from: a path, bytes, an open file, or pixels already in memory."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO, Any, TypeAlias

from PIL import Image

from fgmm.errors import ImageError
from fgmm.images.arrays import is_array
from fgmm.images.nearest import suggest_path

__all__ = ["MAX_PIXELS", "ImageSource", "explain_error", "fetch_bytes", "name_source"]

ImageSource: TypeAlias = "str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | Any"

MAX_PIXELS = 100_000_000
"""The most pixels a picture may have where nothing else is said: 400 MB once decoded."""

# The largest an honest file can be: 16-bit RGBA without compression, and its metadata.
_BYTES_PER_PIXEL, _BYTES_BESIDE = 8, 1 << 26


def name_source(source: ImageSource, name: str | None = None) -> str:
    """What messages call a picture."""
    if isinstance(source, (str, os.PathLike)):
        return name or os.fsdecode(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"<bytes> {name}" if name else "<bytes>"
    own = getattr(source, "filename", None) or getattr(source, "name", None)
    return name or (own if isinstance(own, str) else f"<{type(source).__name__}>")


def fetch_bytes(
    source: ImageSource, name: str, max_pixels: int = MAX_PIXELS, *, suggest: bool = False
) -> bytes | None:
    """Fetch a picture's file, still encoded; None if the source holds pixels already.

    With ``suggest`` the message about a path that does not exist names the nearest that does:
    for one path, not for each of thousands.

    Raises
    ------
    ImageError
        If it cannot be had, or is larger than a picture of ``max_pixels`` can be.
    """
    if isinstance(source, bytes):
        return source
    if isinstance(source, (bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, Image.Image) or is_array(source):
        return None
    limit = _BYTES_PER_PIXEL * max_pixels + _BYTES_BESIDE
    try:
        if isinstance(source, (str, os.PathLike)):
            data = _read_path(source, name, limit, suggest=suggest)
        elif hasattr(source, "read"):
            data = _read_stream(source, limit)
        else:
            raise ImageError(
                f"cannot read {name!r}: {type(source).__name__} is no picture; pass a path, "
                "bytes, a binary file, a PIL image, an array or a tensor"
            )
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"cannot read {name!r}: {explain_error(error)}") from error
    _check_bytes(len(data), limit, name)
    return data


def explain_error(error: BaseException) -> str:
    """Say why something failed, in one short line."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if isinstance(error, LookupError):  # says only what was looked up
        reason = f"{type(error).__name__} {reason}"
    return " ".join((reason or type(error).__name__).split())[:200]


def _check_bytes(count: int, limit: int, name: str) -> None:
    if count > limit:
        raise ImageError(
            f"cannot read {name!r}: it has more bytes than the {limit:,} that one picture of the "
            "pixels allowed can have; raise max_pixels if it is one"
        )


def _read_path(path: str | os.PathLike[str], name: str, limit: int, *, suggest: bool) -> bytes:
    try:
        status = os.stat(path)  # noqa: PTH116 (a Path would lose a name's trailing dot or slash)
    except FileNotFoundError as error:
        if "://" in name:
            reason = "it is an address: download it first"
        else:
            reason = f"there is no such file or folder{suggest_path(path) if suggest else ''}"
        raise ImageError(f"cannot read {name!r}: {reason}") from error
    if stat.S_ISDIR(status.st_mode):
        raise ImageError(
            f"cannot read {name!r}: it is a folder; pass its files, see fgmm.images.find_images"
        )
    if not stat.S_ISREG(status.st_mode):  # reading a pipe or a device may never end
        raise ImageError(f"cannot read {name!r}: it is a pipe or a device, not a file")
    _check_bytes(status.st_size, limit, name)
    with Path(path).open("rb") as file:
        return file.read(limit + 1)


def _read_stream(stream: IO[bytes], limit: int) -> bytes:
    if getattr(stream, "seekable", lambda: False)():
        stream.seek(0)
    data: Any = stream.read(limit + 1)
    if not isinstance(data, bytes):
        raise TypeError(f"its read() gave {type(data).__name__}: open it in binary mode, 'rb'")
    return data
