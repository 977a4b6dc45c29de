"""A training under way: steps, records, checkpoints."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from fewshot.errors import TrainingError as UnreadableCheckpoint
from fewshot.training.checkpoint import Checkpoint, optimiser_tensors, restore_optimiser
from fewshot.training.records import TensorBoardLog, write_table
from fgmm.errors import TrainingError
from fgmm.progress import ProgressBar
from fgmm.training.averaging import RunningMean
from fgmm.training.judging import judge_pairs
from fgmm.training.objective import Objective
from fgmm.training.records import Record
from fgmm.training.stepping import Stepper, rate_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor

    from fewshot.training.processes import Processes
    from fgmm.training.batches import Batches, PictureViews
    from fgmm.training.teaching import Teaching
    from fgmm.training.trainee import Trainee

__all__ = ["CHECKPOINT", "TABLE", "Run"]

CHECKPOINT, TABLE = "checkpoint.safetensors", "log.csv"


class Run:
    """A training that can be killed at any moment and taken up from its last record.

    Parameters
    ----------
    trainee : Trainee
    batches : Batches
        What steps see.
    views : PictureViews
        Of the same pairs, changed by chance.
    held_out : PictureViews or None
        Of others, as they are.
    processes : Processes
    folder : Path
        Of checkpoint and log.
    teaching : Teaching, optional
    mark : str
        Of encoder, pairs and teacher: a checkpoint with another is refused.
    workers : int
        Processes that read pictures.
    """

    def __init__(
        self,
        trainee: Trainee,
        batches: Batches,
        views: PictureViews,
        held_out: PictureViews | None,
        processes: Processes,
        folder: Path,
        *,
        teaching: Teaching | None,
        mark: str,
        workers: int,
    ) -> None:
        self.trainee, self.plan, self.batches = trainee, trainee.plan, batches
        self.views, self.held_out, self.processes = views, held_out, processes
        self.folder, self.mark, self.workers = folder, mark, workers
        objective = Objective(trainee, len(batches.pairs.classes), trainee.encoder.dim)
        self.objective = objective.to(trainee.encoder._device)
        self.optimiser = torch.optim.AdamW(trainee.groups(), betas=(0.9, 0.98))
        titles = [pair.title for pair in batches.pairs.items]
        self.stepper = Stepper(trainee, self.objective, self.optimiser, processes, titles, teaching)
        decay = self.plan.ema
        self.mean = RunningMean(trainee.trained(), decay) if decay else None
        self.step, self.seconds, self.stale, self.best_step = 0, 0.0, 0, 0
        self.records: list[Record] = []
        self.best = self._weights()
        self.sums = [0.0, 0.0, 0]

    @property
    def over(self) -> bool:
        """Whether the steps or the patience are used up."""
        tired = 0 < self.plan.patience <= self.stale
        return self.step >= self.plan.steps or tired

    def go(self, tensorboard: bool, progress: bool, watch: Callable[[Record], None] | None) -> None:
        """Train until the steps or the patience are used up.

        Parameters
        ----------
        tensorboard : bool
            Whether that log is written too.
        progress : bool
            Whether a bar may be shown.
        watch : callable, optional
            Called with each record, once its checkpoint is written.
        """
        first = self.processes.first
        log = None
        if tensorboard and first:
            log = TensorBoardLog(self.folder / "tensorboard", self.step)
        begun, before = time.monotonic(), self.seconds
        stream = self.views.stream(self._asked(self.step), self.workers)
        try:
            with ProgressBar("Training", self.plan.steps, progress and first) as bar:
                bar.count = self.step
                while True:
                    if not self.records or self.step > self.records[-1].step:
                        self.seconds = before + time.monotonic() - begun
                        record = self._look()
                        if log is not None:
                            log.add(record, {})
                        if watch is not None and first:
                            watch(record)
                    if self.over:
                        break
                    until = min(self.step + self.plan.every, self.plan.steps)
                    while self.step < until:
                        self._learn(next(stream))
                        bar.advance(f", loss {self.sums[1] / self.sums[2]:.3f}")
        finally:
            if log is not None:
                log.close()

    def _asked(self, start: int) -> Iterator[list[tuple[int, int]]]:
        share = self.stepper.share
        for step in range(start, self.plan.steps):
            batch = self.batches.batch(step)
            yield list(zip(batch.rows[share], batch.seeds[share], strict=True))

    def _learn(self, prepared: Any) -> None:
        total, loss = self.stepper.step(self.step, self.batches.batch(self.step), prepared)
        if self.mean is not None:
            self.mean.take(self.trainee.trained())
        self.step += 1
        self.sums = [self.sums[0] + total, self.sums[1] + loss, self.sums[2] + 1]

    def _weights(self) -> dict[str, Tensor]:
        """Give what is judged and kept: the running mean, if there is one."""
        own = self.trainee.trained() if self.mean is None else self.mean.tensors
        return {name: value.clone() for name, value in own.items()}

    def _look(self) -> Record:
        """Judge by what is held out, keep the weights if they are the best, write a checkpoint."""
        weights = self._weights()
        found = [math.nan, math.nan]
        if self.held_out is not None and self.processes.first:
            learning = {name: value.clone() for name, value in self.trainee.trained().items()}
            self.trainee.take(weights)
            found = list(judge_pairs(self.trainee.eval(), self.objective, self.held_out))
            self.trainee.take(learning)
        loss, accuracy = self.processes.agree(found)
        number = self.sums[2] or math.nan
        scale = self.trainee.scale.detach() if self.trainee.reads_texts else math.nan
        record = Record(
            self.step,
            self.step * self.plan.batch,
            self.sums[0] / number,
            self.sums[1] / number,
            loss,
            accuracy,
            self.plan.rate * rate_at(max(0, self.step - 1), self.plan) if self.step else 0.0,
            float(scale),
            round(self.seconds, 2),
        )
        self.sums = [0.0, 0.0, 0]
        best = next((one for one in self.records if one.step == self.best_step), None)
        if best is None or not loss >= best.validation_loss:  # nothing held out: the last is kept
            self.best, self.best_step, self.stale = weights, self.step, 0
        else:
            self.stale += 1
        self.records.append(record)
        if self.processes.first:
            self._checkpoint().write(self.folder / CHECKPOINT)
            write_table(self.records, self.folder / TABLE)
        return record

    def _checkpoint(self) -> Checkpoint:
        rows = [{k: None if v != v else v for k, v in asdict(r).items()} for r in self.records]
        told = {
            "plan": self.plan.as_dict(),
            "mark": self.mark,
            "step": self.step,
            "best_step": self.best_step,
            "stale": self.stale,
            "seconds": self.seconds,
            "records": rows,
            "rates": [group["lr"] for group in self.optimiser.param_groups],
            "mean_steps": self.mean.steps if self.mean else 0,
        }
        return Checkpoint(
            told,
            {
                "learning": self.trainee.trained(),
                "best": self.best,
                "mean": self.mean.tensors if self.mean else {},
                "centres": self.objective.state_dict(),
                "optimiser": optimiser_tensors(self.optimiser),
            },
        )

    def take_up(self) -> None:
        """Go on from the folder's checkpoint.

        Raises
        ------
        TrainingError
            If it cannot be read, or is of another training.
        """
        path = self.folder / CHECKPOINT
        try:
            kept = Checkpoint.read(path)
        except UnreadableCheckpoint as error:
            raise TrainingError(str(error)) from error
        told, plan = kept.told, self.plan.as_dict()
        other = [
            f"{name} was {told['plan'].get(name)!r}, is {value!r}"
            for name, value in plan.items()
            if told["plan"].get(name) != value
        ]
        if not other and told["mark"] != self.mark:
            other = ["encoder, pictures, texts or teacher are others"]
        if other:
            raise TrainingError(
                f"{path} belongs to another training ({'; '.join(other)}): give another folder"
            )
        device = self.trainee.encoder._device
        self.trainee.take(kept.tensors["learning"])
        self.best = {name: value.to(device) for name, value in kept.tensors["best"].items()}
        if self.mean is not None:
            self.mean.steps = told["mean_steps"]
            self.mean.tensors = {k: v.to(device) for k, v in kept.tensors["mean"].items()}
        self.objective.load_state_dict(kept.tensors.get("centres", {}))
        restore_optimiser(self.optimiser, kept.tensors.get("optimiser", {}), told["rates"])
        self.step, self.best_step, self.stale = told["step"], told["best_step"], told["stale"]
        self.seconds = told["seconds"]
        self.records = [
            Record(**dict(row, **{k: math.nan for k, v in row.items() if v is None}))
            for row in told["records"]
        ]
