"""``fgmm evaluate --heads``: every head, a line each."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import typer
from rich.text import Text

from fgmm.command.head_marks import FOOTNOTE, marked
from fgmm.command.terminal import console

__all__ = ["show_heads"]

_PLAIN = (bool, int, float, str, type(None))  # what --head can give


def show_heads(asked: bool) -> None:
    """Print every head, what it needs and its parameters with their defaults, and end.

    Parameters
    ----------
    asked : bool
        Nothing happens if not.

    Raises
    ------
    typer.Exit
        After printing.
    """
    if not asked:
        return
    from fewshot import head_names

    rows = [("name", "needs", "parameters"), *map(_row, head_names())]
    first, second = (max(len(row[at]) for row in rows) for at in (0, 1))
    screen = console(sys.stdout)
    for at, (name, needs, parameters) in enumerate(rows):
        line = f"{name:{first}}  {needs:{second}}  {parameters}".rstrip()
        screen.print(Text(line, style="" if at else "bold"), soft_wrap=True)
    screen.print(Text(f"* transductive: {FOOTNOTE}", style="dim"), soft_wrap=True)
    raise typer.Exit


def _row(name: str) -> tuple[str, str, str]:
    from fewshot.registry import find_head, head_parameters

    try:
        made: Any = find_head(name)
    except Exception as error:  # another package's code may raise anything
        return name, "-", f"does not load: {type(error).__name__}: {error}"
    needs = " and ".join(sorted(getattr(made, "needs", ()))) or "either"
    given = {k: p.default for k, p in head_parameters(name).items()}
    told = [
        k if default is inspect.Parameter.empty else f"{k}={_told(default)}"
        for k, default in given.items()
        if isinstance(default, _PLAIN) or default is inspect.Parameter.empty
    ]
    return marked(name, bool(getattr(made, "transductive", False))), needs, ", ".join(told)


def _told(value: Any) -> str:
    """Write a value as --head reads it."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)
