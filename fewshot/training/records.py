"""What was measured on the way: a table, TensorBoard's log, a drawing."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from fewshot.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Record", "TensorBoardLog", "draw_curves", "write_table"]


@dataclass(frozen=True, slots=True)
class Record:
    """One validation, and the training since the one before.

    Parameters
    ----------
    step, episodes : int
        How far training has come.
    loss, accuracy : float
        Mean over the training episodes since the last record; cross-entropy in nats, and a share in
        [0, 1]. NaN in the first record, which is of the head as it came.
    validation_loss, validation_accuracy : float
        Likewise on held-out classes.
    rate : float
        Share of the learning rates that the schedule left.
    seconds : float
        Since training began, interruptions left out.

    Examples
    --------
    >>> Record(50, 800, 0.9, 0.7, 1.0, 0.6, 1.0, 3.2).step
    50
    """

    step: int
    episodes: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    rate: float
    seconds: float


def write_table(records: Sequence[Any], path: Path) -> None:
    """Write records as CSV, a row each.

    Parameters
    ----------
    records : sequence of Record, or of another dataclass
        All there are, one or more: the file is replaced.
    path : Path
        Of the file.
    """
    draft = path.with_name(path.name + ".part")
    with draft.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [one.name for one in fields(records[0])])
        table.writeheader()
        table.writerows(asdict(record) for record in records)
    draft.replace(path)


class TensorBoardLog:
    """Records for TensorBoard, in a folder.

    Parameters
    ----------
    folder : Path
        Of the log.
    step : int
        Training goes on from here: what was logged beyond is hidden.

    Raises
    ------
    MissingExtra
        If tensorboard is not installed.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise MissingExtra(
                "tensorboard=True needs tensorboard: pip install 'fgmm[training]', or read the "
                "log.csv that is written anyway"
            ) from None
        self._writer: Any = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def add(self, record: Any, numbers: Mapping[str, float]) -> None:
        """Log a record.

        Parameters
        ----------
        record : Record, or another dataclass with a ``step``
            What was measured: its fields that are float, but for the seconds.
        numbers : mapping of str to float
            What the head has learned, where that is numbers.
        """
        for name, value in asdict(record).items():
            if isinstance(value, float) and name != "seconds" and value == value:  # not NaN
                self._writer.add_scalar(name, value, record.step)
        for name, value in numbers.items():
            self._writer.add_scalar(f"numbers/{name}", value, record.step)
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


def draw_curves(records: Sequence[Record], path: Path, title: str, best_step: int) -> None:
    """Draw losses and accuracies over episodes.

    Parameters
    ----------
    records : sequence of Record
        At least one.
    path : Path
        Its ending says the format: .png, .pdf or .svg.
    title : str
        Above the curves.
    best_step : int
        Whose parameters were kept; marked by a line.

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # and not pyplot, which asks for a screen
    except ImportError:
        raise MissingExtra("drawing curves needs matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(8.0, 3.6), dpi=160, layout="constrained")
    at = [record.episodes for record in records]
    best = next(record.episodes for record in records if record.step == best_step)
    for place, (name, unit, times) in enumerate(
        (("loss", "cross-entropy, nats", 1.0), ("accuracy", "accuracy, %", 100.0)), 1
    ):
        axes = figure.add_subplot(1, 2, place)
        for key, label, colour in (
            (name, "training", "#999999"),
            (f"validation_{name}", "held-out classes", "#0072B2"),
        ):
            axes.plot(at, [times * getattr(r, key) for r in records], label=label, color=colour)
        axes.axvline(best, color="#D55E00", linestyle=":", label="kept")
        axes.set_xlabel("episodes")
        axes.set_ylabel(unit)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.suptitle(title, x=0.02, ha="left", fontsize=11)
    draft = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        figure.savefig(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
