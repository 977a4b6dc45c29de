"""A bar for what takes longer than two seconds, on a terminal and nowhere else."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["track"]


@contextmanager
def track(
    total: int, *, show: bool = True, what: str = "episodes"
) -> Iterator[Callable[[int], None]]:
    """Show a bar once two seconds have passed.

    Parameters
    ----------
    total : int
        How much there is to do.
    show : bool, default=True
        False never shows it.
    what : str, default="episodes"
        What is counted.

    Yields
    ------
    callable
        Call it with how much was done since the last call.
    """
    begun, done, bar = time.monotonic(), 0, None
    wanted = show and sys.stderr.isatty()

    def advance(n: int) -> None:
        nonlocal done, bar
        done += n
        if wanted and bar is None and time.monotonic() - begun > 2:
            from rich.console import Console
            from rich.progress import Progress

            bar = Progress(console=Console(stderr=True), transient=True)
            bar.add_task(what, total=total)
            bar.start()
        if bar is not None:
            bar.update(bar.task_ids[0], completed=done)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()
