"""A prediction in words, and as a table for a screen of any width of letters."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fgmm.prediction import Prediction

__all__ = ["Wording", "draw_table", "explain_prediction", "say_reasons", "shorten_path"]

_ROWS = 5
_LABEL_WIDTH = 48


@dataclass(frozen=True, slots=True)
class Wording:
    """One text, how near it is to the picture (a cosine), and among how many it was nearest."""

    text: str
    cosine: float
    among: int


def explain_prediction(prediction: Prediction, k: int) -> str:
    """Say how the logits of the k most likely candidates come about."""
    first = prediction.ranking(1)[0]
    subject = f"{prediction.name}: " if prediction.name else ""
    answer = f"{prediction.label}, probability {prediction.probability:.3f}"
    lines = [f"{subject}{answer} ({prediction.meaning})"]
    for i in prediction.ranking(k):
        parts = _sum(f"{float(v[i]):.2f} {key}" for key, v in prediction.evidence.items())
        line = f"  {prediction.labels[i]}: {float(prediction.logits[i]):.2f} nats = {parts}"
        if i != first:
            line += f", {float(prediction.logits[first] - prediction.logits[i]):.2f} behind"
        line += f"; cosine {float(prediction.cosines[i]):.3f}"
        wording = prediction.nearest_text(i) if prediction.nearest_text is not None else None
        if wording is not None and wording.among > 1:
            line += f"; nearest of {wording.among} texts: {wording.text!r} ({wording.cosine:.3f})"
        lines.append(line)
        if i == first and prediction.known is not None:
            lines += [f"    {line}" for line in say_reasons(prediction)]
    if prediction.generic is not None:
        text, logit = prediction.generic
        lines.append(f"  weighed against {text!r}: {logit:.2f} nats")
    return "\n".join(lines)


def _sum(terms: Iterable[str]) -> str:
    return " + ".join(terms).replace("+ -", "- ")


def say_reasons(prediction: Prediction) -> list[str]:
    """Say in words what a graph has to say for the answer, and against the second.

    Parameters
    ----------
    prediction : Prediction
        Made with a graph.

    Returns
    -------
    list of str
        A line for each; where there are no reasons, one that says why.
    """
    kinds = [(f"for {prediction.label}", prediction.reasons())]
    if len(prediction) > 1:
        second = prediction.labels[prediction.ranking(2)[1]]
        kinds.append((f"told from {second} by", prediction.reasons(against=second)))
    lines = [f"{what}: {', '.join(map(str, told))} nats" for what, told in kinds if told]
    if not lines and prediction.known is not None:
        lines.append(f"no reasons: {prediction.known.say_why_none(prediction.ranking(1)[0])}")
    return lines


def draw_table(prediction: Prediction) -> str:
    """Draw the most likely candidates below each other, and what the numbers mean."""
    best = prediction.ranking(_ROWS)
    more = len(prediction) - len(best)
    rest = f"{more} more" if more else ""
    against = f"against {prediction.generic[0]!r}" if prediction.generic else ""
    width = max(cell_len(text) for text in (*(prediction.labels[i] for i in best), rest, against))
    width = min(max(width, cell_len(prediction.name or "") - 2, 12), _LABEL_WIDTH)
    title = prediction.name or "picture"
    lines = []
    if cell_len(title) > width + 2:  # the end of a path tells more than its beginning
        folder, file = _folder_and_file(title)
        room = width - 1 - cell_len(file)
        if room < 0:  # the file's name alone is too wide, and it is never cut
            lines.append(title)
        while cell_len(folder) > room and folder:
            folder = folder[1:]
        title = f"...{folder}{file}" if room >= 0 else ""
    lines.append(f"{set_cell_size(title, width + 2)}  probability  cosine")
    for i in best:
        label = set_cell_size(_shortened(prediction.labels[i], width), width)
        numbers = f"{float(prediction.probabilities[i]):11.3f}  {float(prediction.cosines[i]):6.3f}"
        lines.append(f"  {label}  {numbers}")
    if prediction.generic is not None:  # the softmax of two: this is the other one
        lines.append(f"  {set_cell_size(against, width)}  {1 - prediction.probability:11.3f}")
    if more:
        lines.append(f"  {rest}")
    made = prediction.provenance
    encoder = made.get("encoder_name") or made.get("encoder_space", "unknown")
    lines.append(f"{prediction.meaning}; encoder {encoder}")
    return "\n".join(lines)


def shorten_path(path: str, width: int) -> str:
    """Shorten the folders of a path to make it fit; never the file's name, which tells most.

    Parameters
    ----------
    path : str
    width : int
        In cells of a screen: some letters take two.

    Returns
    -------
    str
        Wider than that if the file's name is.

    Examples
    --------
    >>> shorten_path("holiday/2026/Norway/robin.jpg", 22)
    'holiday/202…/robin.jpg'
    """
    folder, file = _folder_and_file(path)
    if cell_len(path) <= width or not folder:
        return path
    room = width - cell_len(file) - 2
    return f"{set_cell_size(folder, room).rstrip() if room > 0 else ''}…/{file}"


def _folder_and_file(path: str) -> tuple[str, str]:
    """Split a path at its last slash."""
    cut = max(path.rfind("/"), path.rfind(os.sep)) + 1
    return path[:cut], path[cut:]


def _shortened(label: str, width: int) -> str:
    return label if cell_len(label) <= width else f"{set_cell_size(label, width - 3)}..."
