"""Small pictures of a library's photos: JPEG files that say nothing but what they show."""

from __future__ import annotations

import io
import re
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
_START, _END, _SCAN, _JFIF = b"\xff\xd8", b"\xff\xd9", 0xDA, 0xE0
_FRAMES, _TABLES = (0xC0, 0xC1, 0xC2), (0xC4, 0xDB, 0xDD)
_JFIF_LENGTH = 14  # without a picture of its own
# What is coded goes on to the next marker; FF 00 is a byte of it, and so are marks to restart at.
_CODED = re.compile(rb"(?:[^\xff]|\xff[\x00\xd0-\xd7])*")


def check_thumbnail(jpeg: bytes) -> None:
    """Refuse what is no small JPEG file, or has metadata: places and names stay out of a library.

    Nothing may be in it but what its pixels need, part by part from the first byte to the last.

    Raises
    ------
    LibraryError
        If it is no JPEG file, larger than 64 KB, or holds EXIF, XMP, a comment or the like.

    References
    ----------
    ITU-T T.81 (JPEG), annex B; ITU-T T.871 (JFIF), section 10.
    """
    if not isinstance(jpeg, bytes) or not jpeg.startswith(_START):
        raise LibraryError(f"a thumbnail of {type(jpeg).__name__} is no JPEG file: save it as one")
    if len(jpeg) > LARGEST_THUMBNAIL:
        raise LibraryError(
            f"a thumbnail of {len(jpeg)} bytes: at most {LARGEST_THUMBNAIL}; make it smaller"
        )
    at = len(_START)
    while jpeg[at:] != _END:
        marker, start = jpeg[at + 1 : at + 2], at + 4
        end = at + 2 + int.from_bytes(jpeg[at + 2 : start], "big")
        if jpeg[at : at + 1] != b"\xff" or not marker or not start <= end <= len(jpeg):
            raise LibraryError(
                f"a thumbnail that is no whole JPEG file, or has more behind it (byte {at} of "
                f"{len(jpeg)}): save its pixels alone, as a new file"
            )
        first = at == len(_START) and jpeg.startswith(b"JFIF", start)
        jfif = marker[0] == _JFIF and first and end - start <= _JFIF_LENGTH
        if not jfif and marker[0] not in (*_TABLES, *_FRAMES, _SCAN):
            raise LibraryError(
                f"a thumbnail with metadata (segment {marker[0]:#x}): save its pixels alone, "
                "without EXIF, profile or comment"
            )
        found = _CODED.match(jpeg, end) if marker[0] == _SCAN else None
        at = found.end() if found else end


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
