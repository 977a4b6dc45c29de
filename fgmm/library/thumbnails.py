"""Small pictures of a library's photos: JPEG files that say nothing but what they show."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from PIL import Image

from fgmm.errors import LibraryError
from fgmm.library.connection import DamagedError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from fgmm.library.collection import Collection

__all__ = [
    "LARGEST_THUMBNAIL",
    "FileThumbnails",
    "MemoryThumbnails",
    "check_thumbnail",
    "check_thumbnails",
    "make_thumbnail",
    "write_thumbnails",
]

LARGEST_THUMBNAIL = 65_536
"""Bytes."""
_SIDE = 128
_QUALITY = 75
_START_OF_IMAGE, _START_OF_SCAN, _COMMENT = 0xD8, 0xDA, 0xFE
_JFIF, _FIRST_APPLICATION, _ADOBE, _LAST_APPLICATION = 0xE0, 0xE1, 0xEE, 0xEF


def check_thumbnail(jpeg: bytes) -> None:
    """Refuse what is no small JPEG file, or has metadata: places and names stay out of a library.

    Raises
    ------
    LibraryError
        If it is no JPEG file, larger than 64 KB, or holds EXIF, XMP, a comment or the like.
    """
    if not isinstance(jpeg, bytes) or jpeg[:2] != bytes((0xFF, _START_OF_IMAGE)):
        raise LibraryError(f"a thumbnail of {type(jpeg).__name__} is no JPEG file: save it as one")
    if len(jpeg) > LARGEST_THUMBNAIL:
        raise LibraryError(
            f"a thumbnail of {len(jpeg)} bytes: at most {LARGEST_THUMBNAIL}; make it smaller"
        )
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != _START_OF_SCAN:
        marker = jpeg[at + 1]
        named = _FIRST_APPLICATION <= marker <= _LAST_APPLICATION and marker != _ADOBE
        if named or marker == _COMMENT:
            raise LibraryError(
                f"a thumbnail with metadata (segment {marker:#x}): save its pixels alone, without "
                "EXIF, profile or comment"
            )
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")


def make_thumbnail(picture: Image.Image) -> bytes:
    """Make a small JPEG file of a picture's pixels, and of nothing else.

    Parameters
    ----------
    picture : PIL.Image.Image of mode RGB
        As `fgmm.images.read_image` gives it: upright, with pixels only.

    Returns
    -------
    bytes
        Of at most 128 pixels a side; a smaller picture is not made larger.

    Examples
    --------
    >>> small = make_thumbnail(Image.new("RGB", (400, 200), "red"))
    >>> Image.open(io.BytesIO(small)).size
    (128, 64)
    """
    small = picture.copy()
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    small.info = {}  # Pillow would write what it finds there into the file
    file = io.BytesIO()
    small.save(file, "JPEG", quality=_QUALITY, optimize=True)
    return file.getvalue()


def write_thumbnails(
    connection: sqlite3.Connection, collection: Collection, thumbnails: Mapping[str, bytes]
) -> None:
    """Write thumbnails of a collection's photos, within a transaction; see `FileThumbnails.put`."""
    check_thumbnails(collection, thumbnails)
    connection.executemany(
        "INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?)",
        ((digest, jpeg, zlib.crc32(jpeg)) for digest, jpeg in thumbnails.items()),
    )


def check_thumbnails(collection: Collection, thumbnails: Mapping[str, bytes]) -> None:
    """Refuse what is no thumbnail, or of a photo that no species has.

    Raises
    ------
    LibraryError
        If one is so.
    """
    for digest, jpeg in thumbnails.items():
        check_thumbnail(jpeg)
        if collection.holder(digest) is None:
            raise LibraryError(f"no species has the photo {digest!r}: add it first")


class MemoryThumbnails:
    """The thumbnails of a library in memory, by digest. See `MemoryLibrary.thumbnails`.

    Parameters
    ----------
    collection : callable
        Gives the collection as it is now.
    """

    def __init__(self, collection: Callable[[], Collection]) -> None:
        self._collection = collection
        self._kept: dict[str, bytes] = {}

    def get(self, digest: str) -> bytes | None:
        """Give a photo's thumbnail, a JPEG file, or None if it has none."""
        return self._kept.get(digest)

    def some(self, digests: Iterable[str]) -> dict[str, bytes]:
        """Give the thumbnails there are of these photos."""
        return {digest: self._kept[digest] for digest in digests if digest in self._kept}

    def put(self, thumbnails: Mapping[str, bytes]) -> None:
        """Keep thumbnails, as `FileThumbnails.put` does."""
        check_thumbnails(self._collection(), thumbnails)
        self._kept.update(thumbnails)

    def forget(self) -> None:
        """Drop those of photos that no species has."""
        self._kept = {
            one: jpeg for one, jpeg in self._kept.items() if self._collection().holder(one)
        }

    def __bool__(self) -> bool:
        return bool(self._kept)


class FileThumbnails:
    """The thumbnails of a library's file, by the photos' digests. See `LibraryFile.thumbnails`.

    Each is read when it is asked for; there are none in memory.
    """

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[sqlite3.Connection]],
        writing: Callable[[], AbstractContextManager[sqlite3.Connection]],
        collection: Callable[[], Collection],
    ) -> None:
        self._reading = reading
        self._writing = writing
        self._collection = collection

    def get(self, digest: str) -> bytes | None:
        """Give a photo's thumbnail, a JPEG file, or None if it has none.

        Raises
        ------
        StoreError
            If it is damaged.
        """
        return self.some([digest]).get(digest)

    def some(self, digests: Iterable[str]) -> dict[str, bytes]:
        """Give the thumbnails there are of these photos, by digest.

        Raises
        ------
        StoreError
            If one is damaged.
        """
        found = {}
        with self._reading() as connection:
            for digest in digests:
                row = connection.execute(
                    "SELECT jpeg, checksum FROM thumbnails WHERE digest = ?", (digest,)
                ).fetchone()
                if row is None:
                    continue
                if zlib.crc32(row[0]) != row[1]:
                    raise DamagedError(f"the thumbnail of {digest} is not what was written")
                found[digest] = bytes(row[0])
        return found

    def put(self, thumbnails: Mapping[str, bytes]) -> None:
        """Keep thumbnails, all or none, in place of those that are there.

        Parameters
        ----------
        thumbnails : mapping of str to bytes
            JPEG files without metadata, at most 64 KB each, by the photo's digest.

        Raises
        ------
        LibraryError
            If one is no such file, or no species has its photo.
        """
        with self._writing() as connection:
            write_thumbnails(connection, self._collection(), thumbnails)

    def __bool__(self) -> bool:
        with self._reading() as connection:
            found = connection.execute("SELECT 1 FROM thumbnails LIMIT 1").fetchone()
        return found is not None
