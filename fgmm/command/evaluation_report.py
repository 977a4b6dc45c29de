"""Evaluations as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from fgmm.command.head_marks import FOOTNOTE, marked
from fgmm.command.terminal import console
from fgmm.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fewshot import Comparison
    from fewshot.intervals import Difference

__all__ = ["print_evaluations", "print_runs"]


_WORDY = {"head", "what", "source"}  # columns that may take several lines


def print_evaluations(
    found: Mapping[int, Comparison],
    title: str,
    footer: str,
    transductive: Collection[str] = (),
) -> None:
    """Print a row for each number of shots and head, the best head first.

    Parameters
    ----------
    found : mapping of int to Comparison
        By shots.
    title, footer : str
    transductive : collection of str
        Heads to mark.
    """
    several = any(len(comparison) > 1 for comparison in found.values())
    columns = ("head", "accuracy", "over episodes", "over classes")
    table = _table(*columns, *(("against the first",) if several else ()))
    for n, comparison in sorted(found.items()):
        ranked = sorted(comparison.items(), key=lambda item: -item[1].mean)
        # a row of its own: as a column it would leave names no room on a terminal of 80 characters
        table.add_row(Text(counted(n, "shot"), style="dim"))
        for rank, (name, one) in enumerate(ranked):
            cells: list[Text | str] = [
                Text(marked(name, name in transductive), style="" if rank else "bold"),
                Text(f"{100 * one.mean:.1f} %", style="" if rank else "bold green"),
                _between(one.ci95),
                _between(one.class_ci95),
            ]
            if several and rank:
                cells.append(_points(comparison.difference(name, ranked[0][0])))
            table.add_row(*cells, end_section=rank == len(ranked) - 1)
    told = f"{footer}; intervals hold 95 %: over episodes of these pictures, over other classes"
    if several:
        told += "; against the first: points, paired by episode"
    _print(table, title, told, transductive)


def print_runs(
    errors: Mapping[str, tuple[float, tuple[float, float]]],
    published: Sequence[tuple[str, float, str]],
    title: str,
    footer: str,
    transductive: Collection[str] = (),
) -> None:
    """Print the mean error of each head in the official runs, and published ones.

    Parameters
    ----------
    errors : mapping of str to (mean, (low, high))
        Shares in [0, 1].
    published : sequence of (what, percent, source)
    title, footer : str
    transductive : collection of str
        Heads to mark.
    """
    table = _table("what", "error", "over runs", "source")
    for name, (mean, interval) in errors.items():
        table.add_row(
            Text(marked(name, name in transductive), style="bold"),
            Text(f"{100 * mean:.1f} %", style="bold green"),
            _between(interval),
            "measured now",
        )
    for what, percent, source in published:
        table.add_row(what, f"{percent:.1f} %", "", source, style="dim")
    _print(table, title, f"{footer}; the interval holds 95 %", transductive)


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    numbers = {"accuracy", "error"}
    for heading in headings:
        # a head with many parameters is folded, never cut; numbers stay whole
        table.add_column(
            heading,
            justify="right" if heading in numbers else "left",
            no_wrap=heading not in _WORDY,
            overflow="fold",
        )
    return table


def _between(interval: tuple[float, float]) -> str:
    low, high = interval
    return "unknown" if low != low else f"{100 * low:.1f} to {100 * high:.1f}"


def _points(difference: Difference) -> str:
    mean, low, high = (100 * x for x in (difference.mean, *difference.ci95))
    # with signs: an interval up to -0.0 ends below zero
    return f"{mean:+.1f}" if low != low else f"{mean:+.1f} ({low:+.1f}, {high:+.1f})"


def _print(table: Table, title: str, footer: str, transductive: Collection[str]) -> None:
    screen = console()
    screen.print()
    screen.print(Text(f" {title}", style="bold"))
    screen.print(table)
    if transductive:
        screen.print(Text(f" * {FOOTNOTE}", style="dim"))
    screen.print(Text(f" {footer}", style="dim"))
    screen.print()
