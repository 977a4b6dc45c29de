"""Evaluations as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from fgmm.command.terminal import console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fewshot import Comparison

__all__ = ["print_evaluations", "print_runs"]


def print_evaluations(found: Mapping[int, Comparison], title: str, footer: str) -> None:
    """Print a row for each number of shots and head, the best head first.

    Parameters
    ----------
    found : mapping of int to Comparison
        By shots.
    title, footer : str
    """
    table = _table("head", "shots", "accuracy", "over episodes", "over classes")
    for n, comparison in sorted(found.items()):
        ranked = sorted(comparison.items(), key=lambda item: -item[1].mean)
        for rank, (name, one) in enumerate(ranked):
            table.add_row(
                Text(name, style="" if rank else "bold"),
                str(n),
                Text(f"{100 * one.mean:.1f} %", style="" if rank else "bold green"),
                _between(one.ci95),
                _between(one.class_ci95),
                end_section=rank == len(ranked) - 1,
            )
    _print(table, title, f"{footer}; intervals hold 95 %")


def print_runs(
    errors: Mapping[str, tuple[float, tuple[float, float]]],
    published: Sequence[tuple[str, float, str]],
    title: str,
    footer: str,
) -> None:
    """Print the mean error of each head in the official runs, and published ones.

    Parameters
    ----------
    errors : mapping of str to (mean, (low, high))
        Shares in [0, 1].
    published : sequence of (what, percent, source)
    title, footer : str
    """
    table = _table("what", "error", "over runs", "source")
    for name, (mean, interval) in errors.items():
        table.add_row(
            Text(name, style="bold"),
            Text(f"{100 * mean:.1f} %", style="bold green"),
            _between(interval),
            "measured now",
        )
    for what, percent, source in published:
        table.add_row(what, f"{percent:.1f} %", "", source, style="dim")
    _print(table, title, f"{footer}; the interval holds 95 %")


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    numbers = {"shots", "accuracy", "error"}
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left")
    return table


def _between(interval: tuple[float, float]) -> str:
    low, high = interval
    return "unknown" if low != low else f"{100 * low:.1f} to {100 * high:.1f}"


def _print(table: Table, title: str, footer: str) -> None:
    screen = console()
    screen.print()
    screen.print(Text(f" {title}", style="bold"))
    screen.print(table)
    screen.print(Text(f" {footer}", style="dim"))
    screen.print()
