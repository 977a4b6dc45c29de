"""What an interrupted ``fgmm embed`` leaves behind, and what becomes of it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["tell_unfinished"]


def tell_unfinished(into: Path, out: Path, total: int) -> str:
    """Say how much is done and where it lies; remove a file in the making that holds nothing.

    Parameters
    ----------
    into : Path
        The safetensors file that the vectors were going to.
    out : Path
        The file that was asked for: ``into`` itself, or one made from it.
    total : int
        How many pictures there are.

    Returns
    -------
    str
    """
    partial = into.with_name(f"{into.name}.partial")
    done = _count(partial) if partial.is_file() else 0
    if done:
        # The other pictures may be in a file finished before, or alike: then there is no "of".
        of = f" of {total:,}" if done <= total and not into.exists() else ""
        return (
            f"{done:,}{of} pictures are done, and kept in {partial}; the same command continues "
            "from there"
        )
    if into != out and into.is_file():
        return f"all pictures are done, and kept in {into}; the same command goes on to write {out}"
    return "stopped before a picture was done"


def _count(partial: Path) -> int:
    from fgmm.cache import EmbeddingCache
    from fgmm.errors import StoreError

    try:
        with EmbeddingCache(partial, None, strict=True) as kept:
            count = kept.stats().vectors
    except StoreError:  # another process is at it, perhaps
        return 0
    if not count:
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                partial.with_name(f"{partial.name}{end}").unlink()
    return count
