"""What a meta-training gave."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fewshot.saved_heads import save_head
from fewshot.training.records import draw_curves

if TYPE_CHECKING:
    from torch import nn

    from fewshot.head import Head
    from fewshot.training.plan import TrainingPlan
    from fewshot.training.records import Record

__all__ = ["Training"]


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """A head that has learned, and what was measured on the way.

    Parameters
    ----------
    head : Head
        With the best parameters; in ``eval`` mode, on the CPU, labelled "base-trained".
    records : tuple of Record
        The first is of the head as it came.
    best_step : int
        Whose parameters were kept; 0: nothing that was learned did better on held-out classes.
    plan : TrainingPlan
        How it was trained.
    held_out : tuple
        Labels of the classes it was judged by.
    seconds : float
        Spent, interruptions left out.
    network : nn.Module, optional
        What learned below the head, with the best parameters, likewise in ``eval`` mode and on the
        CPU; its ``state_dict`` is the caller's to keep.

    Examples
    --------
    >>> from fewshot import RidgeHead
    >>> from fewshot.training.plan import TrainingPlan
    >>> from fewshot.training.records import Record
    >>> nan = float("nan")
    >>> first = Record(0, 0, nan, nan, 1.1, 0.6, 1.0, 0.1)
    >>> Training(RidgeHead(), (first,), 0, TrainingPlan(), ("a",), 0.1).best.validation_accuracy
    0.6
    """

    head: Head
    records: tuple[Record, ...]
    best_step: int
    plan: TrainingPlan
    held_out: tuple[Any, ...]
    seconds: float
    network: nn.Module | None = None

    @property
    def best(self) -> Record:
        """The record of the parameters that were kept."""
        return next(record for record in self.records if record.step == self.best_step)

    def save(self, path: str | Path) -> None:
        """Write the head, with a note on how it was trained, for `load_head`.

        Parameters
        ----------
        path : str or Path
            Ends in ".safetensors".
        """
        first, best = self.records[0], self.best
        notes = {
            "plan": self.plan.as_dict(),
            "held_out": list(self.held_out),
            "episodes": self.records[-1].episodes,
            "kept_at_episode": best.episodes,
            "validation_accuracy": [first.validation_accuracy, best.validation_accuracy],
            "validation_loss": [first.validation_loss, best.validation_loss],
        }
        save_head(self.head, path, notes=notes)

    def plot(self, path: str | Path) -> None:
        """Draw loss and accuracy over episodes.

        Parameters
        ----------
        path : str or Path
            Its ending says the format: .png, .pdf or .svg.

        Raises
        ------
        MissingExtra
            If matplotlib is not installed.
        """
        title = f"{type(self.head).__name__}, meta-trained"
        draw_curves(self.records, Path(path), title, self.best_step)
