"""The photos a species is known by: a frozen value."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fgmm.errors import LibraryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["LENGTH_TOLERANCE", "Photos", "utc_now"]

LENGTH_TOLERANCE = 1e-3
"""How far from one a row's length may be, as for `fgmm.embeddings.Embeddings`."""

_DIGEST = re.compile(r"(?:[0-9a-f]{2}){8,64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:00)")


def utc_now() -> str:
    """Give the time as a library writes it down, in UTC.

    Examples
    --------
    >>> len(utc_now()) == len("2026-05-01T06:00:00Z")
    True
    """
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """Photos as a library keeps them: what the encoder made of each, and what it was made from.

    Parameters
    ----------
    vectors : array-like of shape (n, d)
        Unit rows in the library's space. Kept as a read-only float32 array.
    digests : sequence of n str
        Hash of each picture's content, in hexadecimal: equal content is the same photo.
    origins : sequence of n str, optional
        Path or name as it was given, ``""`` where there is none.
    added : sequence of n str, optional
        When each was added, in UTC, as `utc_now` writes it. Now, if not given.

    Raises
    ------
    LibraryError
        If the lengths differ, a row is not finite or not of length one, a digest is no hash in
        lower-case hexadecimal of 8 to 64 bytes, or a time is none.

    Examples
    --------
    >>> photos = Photos([[1.0, 0.0], [0.6, 0.8]], ["00" * 16, "01" * 16], ["a.jpg", "b.jpg"])
    >>> len(photos), photos.dim, photos.select([1]).origins
    (2, 2, ('b.jpg',))
    """

    vectors: NDArray[np.float32]
    digests: tuple[str, ...]
    origins: tuple[str, ...]
    added: tuple[str, ...]

    def __init__(
        self,
        vectors: ArrayLike,
        digests: Sequence[str],
        origins: Sequence[str] | None = None,
        added: Sequence[str] | None = None,
    ) -> None:
        n = len(digests)
        rows = _checked_rows(vectors)
        texts = {
            "digests": tuple(digests),
            "origins": ("",) * n if origins is None else tuple(origins),
            "added": (utc_now(),) * n if added is None else tuple(added),
        }
        counts = {"vectors": len(rows)} | {name: len(text) for name, text in texts.items()}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{count} {name}" for name, count in counts.items())
            raise LibraryError(f"photos with {told}: each photo has one of each")
        _check_texts(texts["digests"], "digest", _DIGEST, "8 to 64 bytes in lower-case hexadecimal")
        _check_texts(texts["origins"], "origin", None, "the path or name it was given by, or ''")
        _check_texts(texts["added"], "time", _TIME, "UTC, such as '2026-05-01T06:00:00Z'")
        self._fill(rows, **texts)

    @classmethod
    def _of_checked(
        cls,
        vectors: NDArray[np.float32],
        digests: tuple[str, ...],
        origins: tuple[str, ...],
        added: tuple[str, ...],
    ) -> Photos:
        """Make photos of parts of checked ones: ten thousand species are opened at once."""
        photos = object.__new__(cls)
        photos._fill(vectors, digests, origins, added)
        return photos

    def _fill(
        self,
        vectors: NDArray[np.float32],
        digests: tuple[str, ...],
        origins: tuple[str, ...],
        added: tuple[str, ...],
    ) -> None:
        object.__setattr__(self, "vectors", vectors)
        object.__setattr__(self, "digests", digests)
        object.__setattr__(self, "origins", origins)
        object.__setattr__(self, "added", added)

    @classmethod
    def none(cls, dim: int) -> Photos:
        """Give no photos of ``dim`` dimensions, for a species known by words only."""
        return cls(np.empty((0, dim), np.float32), ())

    @property
    def dim(self) -> int:
        """Length of a row."""
        return int(self.vectors.shape[1])

    def __len__(self) -> int:
        return len(self.digests)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Photos):
            return NotImplemented
        return (
            (self.digests, self.origins, self.added) == (other.digests, other.origins, other.added)
        ) and bool(np.array_equal(self.vectors, other.vectors))

    __hash__ = None  # type: ignore[assignment]  # equal by content, and content is large

    def select(self, positions: Iterable[int]) -> Photos:
        """Give some of the photos, in the order of ``positions``."""
        at = [int(position) for position in positions]
        rows = self.vectors[np.asarray(at, dtype=np.intp)]
        rows.flags.writeable = False
        texts = (self.digests, self.origins, self.added)
        return Photos._of_checked(rows, *(tuple([text[i] for i in at]) for text in texts))

    def part(self, start: int, stop: int) -> Photos:
        """Give some photos that follow each other; nothing is copied.

        Parameters
        ----------
        start, stop : int
            The first, and the one behind the last.

        Returns
        -------
        Photos
        """
        texts = (self.digests, self.origins, self.added)
        rows = self.vectors[start:stop]
        return Photos._of_checked(rows, *(text[start:stop] for text in texts))

    def joined(self, other: Photos) -> Photos:
        """Give these photos followed by the other's.

        Raises
        ------
        LibraryError
            If their rows are of different length.
        """
        if self.dim != other.dim:
            raise LibraryError(
                f"photos of {self.dim} dimensions and of {other.dim} are of two encoders: encode "
                "all with one"
            )
        rows = np.concatenate([self.vectors, other.vectors])
        rows.flags.writeable = False
        return Photos._of_checked(
            rows,
            self.digests + other.digests,
            self.origins + other.origins,
            self.added + other.added,
        )


def _checked_rows(vectors: ArrayLike) -> NDArray[np.float32]:
    try:
        given: NDArray[Any] = np.asarray(vectors)
        rows: NDArray[np.float32] = np.array(given, np.float32, order="C")
    except (TypeError, ValueError) as error:
        raise LibraryError(f"the photos' vectors are no table of numbers: {error}") from error
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise LibraryError(
            f"the photos' vectors are of shape {rows.shape}: they are (n, d), a row for each photo"
        )
    lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
    bad = np.flatnonzero(~(np.abs(lengths - 1) <= LENGTH_TOLERANCE))
    if len(bad):
        raise LibraryError(
            f"{len(bad)} of {len(rows)} photos' vectors are not of length one; the first is row "
            f"{bad[0]}, of length {lengths[bad[0]]:.4g}: divide each by its length"
        )
    rows.flags.writeable = False
    return rows


def _check_texts(
    texts: tuple[str, ...], what: str, pattern: re.Pattern[str] | None, rule: str
) -> None:
    for at, text in enumerate(texts):
        if not isinstance(text, str) or (pattern and not pattern.fullmatch(text)):
            raise LibraryError(f"the {what} of photo {at} is {text!r}: it is {rule}")
