"""Pictures that cannot be read are found before training, listed, and left out."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from fgmm.errors import ImageError
from fgmm.images import read_image
from fgmm.progress import ProgressBar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fgmm.training.pairs import Pairs

__all__ = ["find_unreadable", "write_skipped"]


def find_unreadable(
    pairs: Pairs, *, workers: int = 2, progress: bool | None = None
) -> dict[int, str]:
    """Read every picture once.

    Parameters
    ----------
    pairs : Pairs
    workers : int, default=2
        Threads.
    progress : bool, optional
        False: no bar.

    Returns
    -------
    dict of int to str
        Of each row whose picture cannot be read in full, why.
    """

    def reason(row: int) -> str:
        pair = pairs.items[row]
        try:
            read_image(pair.source, name=pair.name or None)
        except ImageError as error:
            return str(error)
        return ""

    found = {}
    with ThreadPoolExecutor(workers) as pool, ProgressBar("Looking", len(pairs), progress) as bar:
        for row, said in enumerate(pool.map(reason, range(len(pairs)))):
            bar.advance()
            if said:
                found[row] = said
    return found


def write_skipped(skipped: Sequence[tuple[str, str]], path: Path) -> None:
    """Write which pictures were left out, and why.

    Parameters
    ----------
    skipped : sequence of (str, str)
        What each is called, and why.
    path : Path
        Of a CSV file; none is written where nothing was left out.
    """
    if not skipped:
        return
    with path.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerows([("picture", "reason"), *skipped])
