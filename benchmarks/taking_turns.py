"""Two ways to do one thing, timed in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Turns", "take_turns"]


@dataclass(frozen=True)
class Turns:
    """Seconds of each way, pair by pair."""

    ours: list[float]
    theirs: list[float]

    @property
    def ratios(self) -> list[float]:
        """Ours over theirs, pair by pair."""
        return [a / b for a, b in zip(self.ours, self.theirs, strict=True)]

    def __str__(self) -> str:
        low, middle, high = statistics.quantiles(self.ratios, n=4, method="inclusive")
        return f"{middle:.3f}, half of {len(self.ours)} pairs within [{low:.3f}, {high:.3f}]"


def take_turns(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    runs: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Turns:
    """Time both in each of ``runs`` pairs; who begins alternates.

    What runs second finds caches and clock rates as the first left them: no side has that
    to itself.
    """

    def seconds(work: Callable[[], object]) -> float:
        start = clock()
        work()
        return clock() - start

    found = Turns([], [])
    for i in range(runs):
        pair = [(ours, found.ours), (theirs, found.theirs)]
        for work, kept in pair if i % 2 == 0 else reversed(pair):
            kept.append(seconds(work))
    return found
