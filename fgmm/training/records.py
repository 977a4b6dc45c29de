"""What was measured on the way, and its drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Record", "draw_progress"]


@dataclass(frozen=True, slots=True)
class Record:
    """A look at a training, and its mean since the look before.

    Parameters
    ----------
    step, pictures : int
        How far it has come.
    total, loss : float
        Mean of what was minimised, and of the loss without additions; in nats. NaN at first.
    validation_loss : float
        Of the pictures held out, in nats; NaN where there are none.
    validation_accuracy : float
        Share of them whose own text (or own class's prototype) is the nearest, in [0, 1].
    rate : float
        Learning rate of the last step.
    logit_scale : float
        As it is; NaN where there is none.
    seconds : float
        Since training began, interruptions left out.

    Examples
    --------
    >>> nan = float("nan")
    >>> Record(50, 1600, 2.1, 2.0, nan, nan, 2e-4, 100.0, 30.5).pictures
    1600
    """

    step: int
    pictures: int
    total: float
    loss: float
    validation_loss: float
    validation_accuracy: float
    rate: float
    logit_scale: float
    seconds: float


def draw_progress(records: Sequence[Record], path: Path, title: str, kept: int) -> None:
    """Draw losses, and accuracy where there is one, over steps.

    Parameters
    ----------
    records : sequence of Record
        At least one.
    path : Path
        Its ending says the format: .png, .pdf or .svg.
    title : str
        Above the curves.
    kept : int
        Step whose weights were kept; marked by a line.
    """
    from matplotlib.figure import Figure  # and not pyplot, which asks for a screen

    judged = any(one.validation_accuracy == one.validation_accuracy for one in records)
    panels = [("nats", [("loss", "training", "#999999", 1.0)])]
    if judged:
        panels[0][1].append(("validation_loss", "held out", "#0072B2", 1.0))
        panels.append(("accuracy, %", [("validation_accuracy", "held out", "#0072B2", 100.0)]))
    figure = Figure(figsize=(4.0 * len(panels), 3.6), dpi=160, layout="constrained")
    at = [one.step for one in records]
    for place, (unit, lines) in enumerate(panels, 1):
        axes = figure.add_subplot(1, len(panels), place)
        for name, label, colour, times in lines:
            axes.plot(at, [times * getattr(r, name) for r in records], label=label, color=colour)
        axes.axvline(kept, color="#D55E00", linestyle=":", label="kept")
        axes.set_xlabel("steps")
        axes.set_ylabel(unit)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.suptitle(title, x=0.02, ha="left", fontsize=10)
    draft = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        figure.savefig(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
