"""Threads that compute on a core each, and leave everybody else's settings as they were.

torch splits each operation over all cores and lets the parts wait for each other by spinning.
Beside threads that decode, or another process, that waste is several times the work: the same
1,500 small pictures took 2.3 seconds of processor time with operations on one core, and 9 to 23
with operations on both (two busy cores, mobilenetv4_conv_small). So here it is whole pictures
and whole batches that run side by side.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import torch

from fgmm.encoders.base import prepares

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BatchThreads", "count_encoding_threads", "start_threads"]

_MOST_BATCHES = 4  # at once; more cores than that share in a batch


def start_threads(count: int, name: str, *, cores: int = 1) -> ThreadPoolExecutor:
    """Start threads in which torch uses so many cores; all others keep their number.

    torch keeps two numbers: each thread's own, and one for threads still to come. Setting one
    sets both, so the second is put back once all threads have begun.
    """
    if "OpenMP" not in torch.__config__.parallel_info():
        return ThreadPoolExecutor(count, thread_name_prefix=name)
    before = torch.get_num_threads()
    begun = threading.Barrier(count + 1)

    def limit() -> None:
        torch.get_num_threads()  # a thread's first look takes over the common number
        torch.set_num_threads(cores)

    executor = ThreadPoolExecutor(count, thread_name_prefix=name, initializer=limit)
    for _ in range(count):
        executor.submit(begun.wait)
    begun.wait()
    torch.set_num_threads(before)
    return executor


def count_encoding_threads(encoder: Any, workers: int, total: int | None) -> int:
    """How many batches to compute at once: one, unless the encoder computes on the processor.

    Only of a `fgmm.encoders.base.PreparingEncoder` is it known that threads may share it.
    """
    device = getattr(encoder, "device", getattr(encoder, "_device", None))
    if not prepares(encoder) or str(device) != "cpu":
        return 1
    most = min(workers, torch.get_num_threads(), _MOST_BATCHES)
    return max(1, most if total is None else min(most, total))


class BatchThreads:
    """Compute batches, in threads if there are to be several; results come as futures."""

    def __init__(self, encode: Callable[[list[Any]], Any], threads: int) -> None:
        self.threads = threads
        self._encode = encode
        self._executor: ThreadPoolExecutor | None = None
        if threads > 1:
            cores = max(1, torch.get_num_threads() // threads)
            self._executor = start_threads(threads, "fgmm-encode", cores=cores)

    def submit(self, pictures: list[Any]) -> Future[Any]:
        """Compute a batch; without threads at once."""
        if self._executor is not None:
            return self._executor.submit(self._encode, pictures)
        done: Future[Any] = Future()
        done.set_result(self._encode(pictures))
        return done

    def close(self) -> None:
        """Let go of what is not begun, and wait for what is."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
