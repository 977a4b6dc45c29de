"""Predictions as a table on the screen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from rich import box
from rich.cells import cell_len, chop_cells
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fgmm.command.species_report import (
    NONE,
    footnotes,
    marked,
    plausible_column,
    species_lines,
    unknown_of,
)
from fgmm.command.terminal import console
from fgmm.wording import say_reasons, shorten_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fgmm.command.report_files import Wanted
    from fgmm.prediction import Prediction
    from fgmm.predictions import Predictions

__all__ = ["draw_ranking", "print_table"]

_BAR = 24
_OTHERS = 1  # runners-up in a row
_LEAST_WIDTH = 8
_GAP = 2  # between two columns
_NONE_WIDTH = len("none of")  # its head is of two lines
_BESIDE = 22  # what the word "probability" and the gaps between the columns take
_BAR_AND_GAP = 4  # by how much a probability with its bar is wider than that word


def print_table(predictions: Predictions, to: TextIO, wanted: Wanted) -> None:
    """Print one picture with its candidates below each other, or a row a picture."""
    if not len(predictions):
        return
    screen = console(to)
    names = [prediction.name or "picture" for prediction in predictions]
    one = len(names) == 1
    above = names[0] if one else _common_folder(names)
    screen.print()
    if above:  # whole, however long: the screen breaks the line, and copying mends it
        screen.print(Text(f" {above}", style="bold"), soft_wrap=True)
    if one:
        screen.print(_one_picture(predictions[0], wanted))
        for line in [*species_lines(predictions[0]), *_graph_lines(predictions[0], wanted)]:
            screen.print(Text(f" {line}"))
    else:
        names = [name[len(above) :] for name in names]
        screen.print(_many_pictures(predictions, names, wanted, screen.width))
    for line in [_meaning(predictions[0], wanted), *([] if one else footnotes(predictions))]:
        screen.print(Text(f" {line}", style="dim"))
    screen.print()


def _graph_lines(prediction: Prediction, wanted: Wanted) -> list[str]:
    """Say what the graph has to say of one picture: reasons, and what is probable enough."""
    if prediction.known is None:
        return []
    told = say_reasons(prediction)
    if wanted.floor is not None:
        told.append(f"at least {wanted.floor:g}: {prediction.backoff(wanted.floor)}")
    return told


def _meaning(prediction: Prediction, wanted: Wanted) -> str:
    """Say in plain words what the probabilities mean."""
    encoder = wanted.encoder
    if prediction.generic is not None:
        return f"how likely rather than {prediction.generic[0]!r} (encoder {encoder})"
    names = "names given" if unknown_of(prediction) is None else "species"
    among = f"the {len(prediction):,} {names}"
    if wanted.level is not None:
        return f"how likely each {wanted.level} is, if one of {among} is right (encoder {encoder})"
    if prediction.scoring == "sigmoid" or prediction.calibration != "none":
        return f"{prediction.meaning}; encoder {encoder}"
    return f"how likely among {among} (encoder {encoder}); says nothing of other things"


def draw_ranking(ranking: Iterable[tuple[str, float]]) -> Table:
    """Draw labels below each other, each with its probability and a bar; the best comes first."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(overflow="fold", min_width=12)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, width=_BAR)
    for rank, (label, probability) in enumerate(ranking):
        style = "bold green" if rank == 0 else ""
        table.add_row(
            Text(label, style=style),
            Text(_number(probability), style=style),
            _bar(probability, rank),
        )
    return table


def _one_picture(prediction: Prediction, wanted: Wanted) -> Table:
    every = wanted.ranking(prediction, len(prediction))
    table = draw_ranking(every[: wanted.top])
    if prediction.generic is not None:  # the softmax of two: this is the other one
        against = 1 - prediction.probability
        table.add_row(
            Text(f"against {prediction.generic[0]!r}", style="dim"),
            Text(_number(against), style="dim"),
            _bar(against, 1),
        )
    more = len(every) - wanted.top
    if more > 0:
        table.add_row(Text(f"and {more:,} more", style="dim"))
    return table


def _many_pictures(
    predictions: Predictions, names: list[str], wanted: Wanted, screen: int
) -> Table:
    rows = [wanted.ranking(prediction, min(wanted.top, 1 + _OTHERS)) for prediction in predictions]
    best = [marked(one, row[0][0]) for one, row in zip(predictions, rows, strict=True)]
    unknown = [unknown_of(prediction) for prediction in predictions]
    head, last = "next", [_runners_up(row[1:]) for row in rows]
    if wanted.floor is not None:  # what is probable enough tells more than what came second
        head = f"at least {wanted.floor:g}"
        last = [str(prediction.backoff(wanted.floor)) for prediction in predictions]
    elif (sets := plausible_column(predictions)) is not None:
        head, last = sets
    room = screen - (_NONE_WIDTH + _GAP if unknown[0] is not None else 0)
    widths, bars = _widths({"picture": names, "name": best, head: last}, room)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column("picture", no_wrap=True, width=widths[0])
    table.add_column("name", overflow="fold", width=widths[1])
    table.add_column("probability", no_wrap=True)
    if unknown[0] is not None:
        table.add_column(NONE.replace(" these", "\nthese"), no_wrap=True, justify="right")
    if widths[2]:
        table.add_column(head, overflow="fold", style="dim", width=widths[2])
    for name, label, ((_, probability), *_), none, beside in zip(
        names, best, rows, unknown, last, strict=True
    ):
        row: list[Text | Table] = [
            # A file's name is never cut: one that is too wide goes on in the next line.
            Text("\n".join(chop_cells(shorten_path(name, widths[0]), widths[0]))),
            Text(label, style="bold"),
            _number_and_bar(probability) if bars else Text(f"{_number(probability):>6}"),
        ]
        if none is not None:
            row.append(Text(_number(none)))
        if widths[2]:
            row.append(Text(beside))
        table.add_row(*row)
    return table


def _runners_up(rest: list[tuple[str, float]]) -> str:
    return ", ".join(f"{other} {_number(probability)}" for other, probability in rest)


def _widths(columns: dict[str, list[str]], screen: int) -> tuple[tuple[int, int, int], bool]:
    """Give the widths of three columns (the last 0: no room), and whether bars have room."""
    wanted = [max(len(head), *map(cell_len, column)) for head, column in columns.items()]
    if not any([*columns.values()][2]):
        wanted[2] = 0
    bars = sum(wanted) + _BESIDE + _BAR_AND_GAP <= screen  # else they are the first to go
    if bars or sum(wanted) + _BESIDE <= screen:
        return (wanted[0], wanted[1], wanted[2]), bars
    if screen - _BESIDE < 3 * _LEAST_WIDTH:
        wanted[2] = 0
    room = screen - _BESIDE
    # The widest gives way first, down to what the others take.
    while sum(wanted) > room and max(wanted) > _LEAST_WIDTH:
        wanted[wanted.index(max(wanted))] -= 1
    return (wanted[0], wanted[1], wanted[2]), False


def _common_folder(names: list[str]) -> str:
    """Give the folder all names are in, with its last slash; nothing if there is none."""
    common = os.path.commonprefix(names)  # noqa: RUF071 (cut at a slash below)
    return common[: max(common.rfind("/"), common.rfind(os.sep)) + 1]


def _number_and_bar(probability: float) -> Table:
    pair = Table.grid(padding=(0, 1))
    pair.add_column(justify="right", width=6)
    pair.add_column(width=_BAR // 3)
    pair.add_row(Text(_number(probability)), _bar(probability, 0))
    return pair


def _number(probability: float) -> str:
    return "<0.001" if 0 < probability < 0.0005 else f"{probability:.3f}"


def _bar(probability: float, rank: int) -> ProgressBar:
    # A bar of its own kind of dash where a terminal has no others.
    style = "green" if rank == 0 else "cyan"
    return ProgressBar(
        total=1.0, completed=probability, complete_style=style, finished_style=style, style="grey23"
    )
