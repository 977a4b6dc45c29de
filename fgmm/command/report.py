"""Predictions as a table, JSON lines or CSV."""

from __future__ import annotations

import csv
import itertools
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from rich import box
from rich.cells import cell_len, chop_cells
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fgmm.command.terminal import console
from fgmm.wording import say_reasons, shorten_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fgmm.prediction import Prediction
    from fgmm.predictions import Predictions

__all__ = [
    "Wanted",
    "draw_ranking",
    "print_table",
    "safe_cell",
    "write_csv",
    "write_json_lines",
]

_BAR = 24
_OTHERS = 1  # runners-up in a row
_LEAST_WIDTH = 8
_BESIDE = 22  # what the word "probability" and the gaps between the columns take
_BAR_AND_GAP = 4  # by how much a probability with its bar is wider than that word
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Wanted(NamedTuple):
    """What to report: how many labels, and what else of a graph.

    Parameters
    ----------
    top : int
        Labels for each picture.
    encoder : str
        As it was typed.
    level : str, optional
        A rank to add up to.
    floor : float, optional
        How probable an answer must be, in (0, 1].
    """

    top: int
    encoder: str
    level: str | None = None
    floor: float | None = None

    def ranking(self, prediction: Prediction, k: int) -> list[tuple[str, float]]:
        """Give the k most likely labels, or what is above them at the level."""
        if self.level is None:
            return prediction.top(k)
        levels = prediction.rollup(self.level)[:k]
        return [(level.label or "", level.probability) for level in levels]


def write_json_lines(predictions: Predictions, to: TextIO, wanted: Wanted) -> None:
    """Write an object a picture; pictures that failed come last, with ``error``."""
    rows = (_json_row(prediction, wanted) for prediction in predictions)
    failed = ({"name": str(given), "error": str(error)} for given, error in predictions.failures)
    for row in itertools.chain(rows, failed):
        line = json.dumps(row, ensure_ascii=False)
        try:
            line.encode(to.encoding or "utf-8")
        except UnicodeEncodeError:  # a terminal without Unicode, or a name that is not Unicode
            line = json.dumps(row)
        to.write(line + "\n")


def _json_row(prediction: Prediction, wanted: Wanted) -> dict[str, Any]:
    row = prediction.to_dict(wanted.top)
    row["provenance"]["encoder_name"] = wanted.encoder  # as typed; the library saw it loaded
    if wanted.level is not None:
        levels = prediction.rollup(wanted.level)[: wanted.top]
        row["level"] = {"rank": wanted.level, "top": [level._asdict() for level in levels]}
    if wanted.floor is not None:
        row["answer"] = {"floor": wanted.floor, **prediction.backoff(wanted.floor)._asdict()}
    return row


def write_csv(predictions: Predictions, to: TextIO, wanted: Wanted) -> None:
    """Write a row a picture, safe to open in a spreadsheet.

    Names and labels that a spreadsheet would take for a formula (they begin with one of
    ``= + - @``) get an apostrophe before them; JSON lines have them as they are. Where there is
    a graph, the likeliest at the level, the answer above the floor and the reasons follow.
    """
    widest = min(wanted.top, max((len(prediction) for prediction in predictions), default=1))
    columns = ["name", "label", "probability"]
    for rank in range(2, widest + 1):
        columns += [f"label_{rank}", f"probability_{rank}"]
    columns += ["level", "probability_level"] if wanted.level is not None else []
    columns += ["answer", "probability_answer"] if wanted.floor is not None else []
    graph = any(prediction.known is not None for prediction in predictions)
    columns += ["reasons"] if graph else []
    rows = csv.writer(to, lineterminator="\n")
    rows.writerow([*columns, "scoring", "encoder", "error"])
    for prediction in predictions:
        row = [safe_cell(prediction.name or "")]
        for label, probability in prediction.top(widest):
            row += [safe_cell(label), f"{probability:.6g}"]
        if wanted.level is not None:
            ((label, probability),) = wanted.ranking(prediction, 1)
            row += [safe_cell(label), f"{probability:.6g}"]
        if wanted.floor is not None:
            answer = prediction.backoff(wanted.floor)
            row += [safe_cell(answer.label or ""), f"{answer.probability:.6g}"]
        if graph:
            row.append(safe_cell("; ".join(map(str, prediction.reasons()))))
        rows.writerow([*row, prediction.scoring, safe_cell(wanted.encoder), ""])
    for given, error in predictions.failures:
        blank = [""] * (len(columns) + 1)
        rows.writerow([safe_cell(str(given)), *blank, safe_cell(str(error))])


def safe_cell(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


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
        for line in [*_photo_lines(predictions[0]), *_graph_lines(predictions[0], wanted)]:
            screen.print(Text(f" {line}"))
    else:
        names = [name[len(above) :] for name in names]
        screen.print(_many_pictures(predictions, names, wanted, screen.width))
    screen.print(Text(f" {_meaning(predictions[0], wanted)}", style="dim"))
    screen.print()


def _photo_lines(prediction: Prediction) -> list[str]:
    """Name the photo of a library that a picture looks most like."""
    from fgmm.recognition.species_prediction import SpeciesPrediction

    if not isinstance(prediction, SpeciesPrediction):
        return []
    photo = prediction.nearest_photo()
    told = [] if photo is None else [f"looks most like {photo}"]
    if prediction.unrestricted is not None and prediction.unrestricted.label != prediction.label:
        told.append(f"of all species: {prediction.unrestricted.label}")
    return told


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
    among = f"the {len(prediction):,} names given"
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
    if wanted.floor is None:
        head, last = "next", [_runners_up(row[1:]) for row in rows]
    else:  # what is probable enough tells more than what came second
        head = f"at least {wanted.floor:g}"
        last = [str(prediction.backoff(wanted.floor)) for prediction in predictions]
    widths, bars = _widths(
        {"picture": names, "name": [row[0][0] for row in rows], head: last}, screen
    )
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column("picture", no_wrap=True, width=widths[0])
    table.add_column("name", overflow="fold", width=widths[1])
    table.add_column("probability", no_wrap=True)
    if widths[2]:
        table.add_column(head, overflow="fold", style="dim", width=widths[2])
    for name, ((label, probability), *_), beside in zip(names, rows, last, strict=True):
        row: list[Text | Table] = [
            # A file's name is never cut: one that is too wide goes on in the next line.
            Text("\n".join(chop_cells(shorten_path(name, widths[0]), widths[0]))),
            Text(label, style="bold"),
            _number_and_bar(probability) if bars else Text(f"{_number(probability):>6}"),
        ]
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
