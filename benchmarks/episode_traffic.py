"""How many bytes an episode has to touch, and how many a second memory moves."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from fewshot import Head, InnerProductHead

__all__ = ["bandwidth", "episode_bytes"]


def episode_bytes(head: Head, sizes: tuple[int, int, int], d: int, words: bool) -> int:
    """Bytes an episode has to read once, whatever is done with them.

    A head of inner products: its blocks of the Gram matrix. Any other head: the features, and
    the words where it is given them. Floats of 4 bytes, and 8 for the number of each row. What
    a head writes, or reads again in later rounds, is not counted: that can stay in the cache.
    """
    k, shots, queries = sizes
    s, q = k * shots, k * queries
    if isinstance(head, InnerProductHead):
        numbers = s * s + q * s + q + (q * q if head.transductive else 0)
        numbers += (s + q + k) * k if words else 0
    else:
        numbers = (s + q + (k if words else 0)) * d
    return 4 * numbers + 8 * (s + q + k)


def bandwidth(
    megabytes: int = 256, runs: int = 7, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Bytes a second that this process reads from memory: the best of ``runs`` sums."""
    x = torch.ones(megabytes << 18)
    x.sum()
    taken = []
    for _ in range(runs):
        start = clock()
        x.sum()
        taken.append(clock() - start)
    return x.nbytes / min(taken)
