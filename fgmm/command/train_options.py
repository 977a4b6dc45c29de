"""Options of ``fgmm train`` that are about what is said of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fgmm.command.graph_argument import GRAPH_HELP

__all__ = ["Columns", "Concept", "Knowledge", "LabelColumn", "Names", "Template"]

_WORDS = "What is said of pictures"

Names = Annotated[
    Path | None,
    typer.Option(
        "--names",
        metavar="FILE",
        help="What classes are called: a line a class, its folder, a tab, its name.",
        rich_help_panel=_WORDS,
    ),
]
Template = Annotated[
    list[str] | None,
    typer.Option(
        "--template",
        "-t",
        metavar="TEXT",
        help="What is said of a name, which goes where {} is; one or more.",
        show_default='"{}" and "a photo of a {}."',
        rich_help_panel=_WORDS,
    ),
]
Concept = Annotated[
    str | None,
    typer.Option("--concept", metavar="WORD", help="What all are: bird.", rich_help_panel=_WORDS),
]
Knowledge = Annotated[
    str | None,
    typer.Option(
        "--knowledge",
        metavar="GRAPH",
        help=f"Sentences from it are said too. {GRAPH_HELP}",
        rich_help_panel=_WORDS,
    ),
]
Columns = Annotated[
    tuple[str, str],
    typer.Option(
        "--columns",
        metavar="PICTURE TEXT",
        help="Names of a table's columns.",
        rich_help_panel=_WORDS,
    ),
]
LabelColumn = Annotated[
    str | None,
    typer.Option(
        "--label-column",
        metavar="NAME",
        help="A table's column of classes, if it has one.",
        rich_help_panel=_WORDS,
    ),
]
