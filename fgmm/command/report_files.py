"""Predictions as JSON lines or CSV, for other programs."""

from __future__ import annotations

import csv
import itertools
import json
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

if TYPE_CHECKING:
    from fgmm.prediction import Prediction
    from fgmm.predictions import Predictions

__all__ = ["Wanted", "safe_cell", "write_csv", "write_json_lines"]

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
    a graph, the likeliest at the level, the answer above the floor and the reasons follow; of a
    library's species, how likely it is none of them, why not to be sure, and its prediction set.
    """
    widest = min(wanted.top, max((len(prediction) for prediction in predictions), default=1))
    columns = ["name", "label", "probability"]
    for rank in range(2, widest + 1):
        columns += [f"label_{rank}", f"probability_{rank}"]
    columns += ["level", "probability_level"] if wanted.level is not None else []
    columns += ["answer", "probability_answer"] if wanted.floor is not None else []
    graph = any(prediction.known is not None for prediction in predictions)
    columns += ["reasons"] if graph else []
    columns += _species_columns(predictions)
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
        row += _species_cells(prediction)
        rows.writerow([*row, prediction.scoring, safe_cell(wanted.encoder), ""])
    for given, error in predictions.failures:
        blank = [""] * (len(columns) + 1)
        rows.writerow([safe_cell(str(given)), *blank, safe_cell(str(error))])


def safe_cell(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _species_columns(predictions: Predictions) -> list[str]:
    """What is said of the species of a library besides; nothing of other labels."""
    if not len(predictions) or not hasattr(predictions[0], "unknown"):
        return []
    sets = getattr(predictions[0], "plausible", None) is not None
    return ["unknown", "abstains", *(["plausible"] if sets else [])]


def _species_cells(prediction: Any) -> list[str]:
    if not hasattr(prediction, "unknown"):
        return []
    cells = [f"{prediction.unknown:.6g}", safe_cell(prediction.abstains or "")]
    if prediction.plausible is not None:
        cells.append(safe_cell("; ".join(prediction.plausible)))
    return cells
