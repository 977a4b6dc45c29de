"""The bar: after two seconds, on a terminal only."""

from __future__ import annotations

import io
import itertools
import sys

from fgmm import embed_images
from fgmm.progress import ProgressBar
from tests.fgmm.embedding.conftest import Eye, assert_right


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_after_two_seconds_on_a_terminal_only(monkeypatch):
    clock = itertools.count(step=1.0)  # each look at it is a second later
    monkeypatch.setattr("fgmm.progress.time.monotonic", lambda: next(clock))
    for stream, show, seen in (
        (Terminal(), None, True),
        (Terminal(), True, True),
        (Terminal(), False, False),
        (io.StringIO(), None, False),
        (io.StringIO(), True, False),
    ):
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        with ProgressBar("Embedding", total=5, show=show) as bar:
            bar.advance()
            assert stream.getvalue() == ""
            for _ in range(4):
                bar.advance(", 1 failed")
        assert ("Embedding, 1 failed" in stream.getvalue()) == seen
        assert bar.count == 5


def test_quick_work_shows_nothing(folder, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    assert_right(embed_images(folder, encoder=Eye()))
    assert stream.getvalue() == ""
