"""Small pictures of a library's photos: JPEG files that say nothing but what they show."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from fgmm.errors import LibraryError
from fgmm.library.connection import DamagedError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from fgmm.library.collection import Collection

__all__ = ["Thumbnails", "check_thumbnail"]

_LARGEST = 65_536
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
    if len(jpeg) > _LARGEST:
        raise LibraryError(f"a thumbnail of {len(jpeg)} bytes: at most {_LARGEST}; make it smaller")
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


class Thumbnails:
    """The thumbnails of a library's file, by the photos' digests. See `LibraryFile.thumbnails`."""

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
        with self._reading() as connection:
            found = connection.execute(
                "SELECT jpeg, checksum FROM thumbnails WHERE digest = ?", (digest,)
            ).fetchone()
            if found and zlib.crc32(found[0]) != found[1]:
                raise DamagedError(f"the thumbnail of {digest} is not what was written")
        return bytes(found[0]) if found else None

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
        for jpeg in thumbnails.values():
            check_thumbnail(jpeg)
        with self._writing() as connection:
            for digest, jpeg in thumbnails.items():
                if self._collection().holder(digest) is None:
                    raise LibraryError(f"no species has the photo {digest!r}: add it first")
                connection.execute(
                    "INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?)",
                    (digest, jpeg, zlib.crc32(jpeg)),
                )
