"""What an interrupted ``fgmm embed`` leaves behind, and what becomes of it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["partial_of", "tell_unfinished"]


def partial_of(into: Path) -> Path:
    """Tell where vectors are kept until ``into`` is whole.

    Parameters
    ----------
    into : Path

    Returns
    -------
    Path
    """
    return into.with_name(f"{into.name}.partial")


def tell_unfinished(into: Path, out: Path, total: int, *, embedded: bool, older: bool) -> str:
    """Say how much is done and where it lies; remove a file in the making that holds nothing.

    Parameters
    ----------
    into : Path
        The safetensors file that the vectors were going to.
    out : Path
        The file that was asked for: ``into`` itself, or one made from it.
    total : int
        How many pictures there are.
    embedded : bool
        Whether this run had all vectors, and was writing ``out``.
    older : bool
        Whether the file in the making was there before this run: then it may hold vectors of
        another encoder, or belong to another process.

    Returns
    -------
    str
    """
    if embedded:
        return f"all pictures are done, and kept in {into}; the same command goes on to write {out}"
    partial = partial_of(into)
    done = _count(partial) if partial.is_file() else 0
    if done and older:
        return (
            f"{done:,} vectors, of this run and earlier ones, are kept in {partial}; the same "
            "command continues from there"
        )
    if done:
        # The other pictures may be in a file finished before, or alike: then there is no "of".
        of = f" of {total:,}" if done <= total and not into.exists() else ""
        return (
            f"{done:,}{of} pictures are done, and kept in {partial}; the same command continues "
            "from there"
        )
    if not older:
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                partial.with_name(f"{partial.name}{end}").unlink()
    return "stopped before a picture was done"


def _count(partial: Path) -> int:
    from fgmm.cache import EmbeddingCache
    from fgmm.errors import StoreError

    try:
        with EmbeddingCache(partial, None, strict=True) as kept:
            return kept.stats().vectors
    except StoreError:  # another process is at it, perhaps
        return 0
