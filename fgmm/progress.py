"""A bar for work that takes longer than two seconds, where somebody watches."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ProgressBar"]

_PATIENCE = 2.0  # seconds that pass without a bar


class ProgressBar:
    """Count steps; show them on stderr once they take longer than two seconds.

    Parameters
    ----------
    what : str
        What is being done.
    total : int, optional
        How many steps there are, where that is known.
    show : bool, optional
        False: never. Otherwise where stderr is a terminal.

    Examples
    --------
    >>> with ProgressBar("Embedding", total=3, show=False) as bar:
    ...     for _ in range(3):
    ...         bar.advance()
    >>> bar.count
    3
    """

    def __init__(self, what: str, total: int | None = None, show: bool | None = None) -> None:
        self.what = what
        self.total = total
        self.count = 0
        self._wanted = show is not False and sys.stderr.isatty()
        self._begun = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, note: str = "") -> None:
        """Count a step, and say something beside the bar."""
        self.count += 1
        if self._bar is None:
            if not self._wanted or time.monotonic() - self._begun < _PATIENCE:
                return
            self._bar = _rich_bar()
            self._task = self._bar.add_task(self.what, total=self.total, completed=self.count)
            self._bar.start()
        self._bar.update(self._task, completed=self.count, description=f"{self.what}{note}")


def _rich_bar() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
