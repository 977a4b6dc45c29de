"""The bar: on a terminal after two seconds, and nowhere else."""

from __future__ import annotations

import io
import itertools

import pytest

from fewshot import progress


class Stream(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.mark.parametrize(
    ("terminal", "show", "seconds", "seen"),
    [
        (True, True, 3, True),
        (True, True, 0.1, False),
        (True, False, 3, False),
        (False, True, 3, False),
    ],
)
def test_a_bar_is_shown_only_where_somebody_waits(terminal, show, seconds, seen, monkeypatch):
    stream, clock = Stream(terminal), itertools.count(0, seconds)
    monkeypatch.setattr(progress.sys, "stderr", stream)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.track(10, show=show, what="episodes") as advance:
        advance(4)
        advance(6)
    assert ("episodes" in stream.getvalue()) is seen
    assert bool(stream.getvalue()) is seen


def test_an_error_inside_passes_through_and_ends_the_bar(monkeypatch):
    stream, clock = Stream(True), itertools.count(0, 3)
    monkeypatch.setattr(progress.sys, "stderr", stream)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with pytest.raises(KeyError), progress.track(10) as advance:
        advance(1)
        raise KeyError
    assert stream.getvalue().count("\x1b[?25h") == 1  # the cursor is there again
