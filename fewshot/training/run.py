"""A meta-training under way: steps, validations, checkpoints."""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from fewshot.errors import TrainingDiverged, TrainingError
from fewshot.progress import track
from fewshot.training.base_classes import measure, number_of
from fewshot.training.checkpoint import Checkpoint, optimiser_tensors, restore_optimiser
from fewshot.training.records import Record, TensorBoardLog, write_table
from fewshot.training.result import Training

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor
    from torch.optim.lr_scheduler import LRScheduler

    from fewshot.training.base_classes import BaseClasses
    from fewshot.training.learner import Learner
    from fewshot.training.plan import TrainingPlan
    from fewshot.training.processes import Processes

__all__ = ["Run"]

CHECKPOINT, TABLE = "checkpoint.safetensors", "log.csv"


class Run:
    """A training that can stop after any record and go on.

    Parameters
    ----------
    learner : Learner
        What learns.
    base : BaseClasses
        From what.
    plan : TrainingPlan
        How.
    processes : Processes
        With whom.
    folder : Path, optional
        Of checkpoint and log.
    space : str, optional
        Of the features.
    """

    def __init__(
        self,
        learner: Learner,
        base: BaseClasses,
        plan: TrainingPlan,
        processes: Processes,
        folder: Path | None,
        space: str | None,
    ) -> None:
        self.learner, self.base, self.plan, self.processes = learner, base, plan, processes
        self.folder, self.space = folder, space
        self.share = processes.share(plan.batch)
        groups = learner.groups(plan.learning_rate, plan.number_rate, plan.weight_decay)
        self.optimiser = _optimiser(plan, groups)
        self.schedule = _schedule(plan, self.optimiser)
        self.step, self.seconds, self.stale = 0, 0.0, 0
        self.records: list[Record] = []
        self.best = self._state()
        self.best_step = 0
        self.sums = torch.zeros(3, dtype=torch.float64)  # loss, accuracy, episodes
        started = hashlib.sha256(repr(learner.head).encode() + repr(learner.network).encode())
        for name, value in sorted(learner.state_dict().items()):
            started.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
        self.mark = f"{base.mark}-{started.hexdigest()[:16]}"

    def _state(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.learner.state_dict().items()}

    @property
    def over(self) -> bool:
        """Whether the steps or the patience are used up."""
        return self.step >= self.plan.steps or self.stale >= self.plan.patience

    def go(self, tensorboard: bool, progress: bool, watch: Callable[[Record], None] | None) -> None:
        """Train until the steps or the patience are used up.

        Parameters
        ----------
        tensorboard : bool
            Whether that log is written.
        progress : bool
            Whether a bar may be shown.
        watch : callable, optional
            Called with each record.
        """
        log = None
        if self.folder is not None:
            if self.processes.first:
                self.folder.mkdir(parents=True, exist_ok=True)
            kept = self.folder / CHECKPOINT
            # the first says so: it may have written a new one before another looks
            if self.processes.agree([float(kept.is_file())])[0]:
                self._take_up(kept)
            if tensorboard and self.processes.first:
                log = TensorBoardLog(self.folder / "tensorboard", self.step)
        begun, before = time.monotonic(), self.seconds
        show = progress and self.processes.first
        try:
            with track(self.plan.steps, show=show, what="meta-training") as advance:
                advance(self.step)
                while True:
                    if not self.records or self.step > self.records[-1].step:
                        self.seconds = before + time.monotonic() - begun
                        record = self._judge()
                        if log is not None:
                            log.add(record, self.learner.values())
                        if watch is not None and self.processes.first:
                            watch(record)
                    if self.over:
                        break
                    until = min(self.step + self.plan.validate_every, self.plan.steps)
                    while self.step < until:
                        self._learn()
                        advance(1)
        finally:
            if log is not None:
                log.close()

    def _learn(self) -> None:
        """Take one step of the optimiser."""
        self.learner.train()
        device, plan = self.processes.device, self.plan
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(number_of(plan.seed, self.step))  # for heads that draw numbers
            low, network = plan.precision == "bfloat16", self.learner.network
            with torch.autocast(device.type, torch.bfloat16, enabled=low):
                support, queries, labels = self.base.batch(self.step, self.share, network)
            # distances between vectors that learn are small differences of large products
            with torch.autocast(device.type, torch.bfloat16, enabled=low and network is None):
                logits = self.learner(support, queries, labels >= 0)
            losses, right = measure(logits, labels)
        told = self.processes.gather(torch.stack([losses.detach(), right], -1))
        self._check(torch.isfinite(told[:, 0]), f"the loss is {float(told[:, 0].mean())}")
        self.optimiser.zero_grad()
        losses.mean().backward()  # type: ignore[no-untyped-call]
        parameters = [p for p in self.learner.parameters() if p.requires_grad]
        self.processes.average_gradients(parameters)
        length = torch.nn.utils.clip_grad_norm_(parameters, plan.clip)
        good = torch.isfinite(length).expand(plan.batch)
        self._check(good, f"the length of the gradient is {float(length)}")
        self.optimiser.step()
        self.schedule.step()
        self.step += 1
        sums = told.cpu().double().sum(0)
        self.sums += torch.cat([sums, sums.new_tensor([len(told)])])

    def _check(self, good: Tensor, what: str) -> None:
        if good.all():
            return
        first = self.step * self.plan.batch
        wrong = [first + i for i in (~good).nonzero().flatten().tolist()]
        listed = ", ".join(map(str, wrong[:8])) + (" and more" if len(wrong) > 8 else "")
        raise TrainingDiverged(
            f"{what} at step {self.step}, in episodes {listed} (this batch is {first} to "
            f"{first + self.plan.batch - 1}): lower learning_rate or clip, or look at those "
            "episodes' features with EpisodeSampler"
        )

    def _judge(self) -> Record:
        """Measure the head on held-out classes, keep it if it is the best, write a checkpoint."""
        found = [math.nan, math.nan]
        if self.processes.first:
            with self.learner.eval().in_place() as head:
                found = list(self.base.judge(head, self.learner.network))
        loss, accuracy = self.processes.agree(found)
        own_loss, own_accuracy = (self.sums[:2] / self.sums[2]).tolist()
        rate = self.optimiser.param_groups[0]["lr"] / self.optimiser.param_groups[0]["initial_lr"]
        record = Record(
            self.step,
            self.step * self.plan.batch,
            own_loss,
            own_accuracy,
            loss,
            accuracy,
            rate,
            round(self.seconds, 2),
        )
        self.sums.zero_()
        best = next((r for r in self.records if r.step == self.best_step), None)
        if best is None or self._score(record) > self._score(best):
            self.best, self.best_step, self.stale = self._state(), self.step, 0
        else:
            self.stale += 1
        self.records.append(record)
        if self.folder is not None and self.processes.first:
            self._checkpoint().write(self.folder / CHECKPOINT)
            write_table(self.records, self.folder / TABLE)
        return record

    def _score(self, record: Record) -> tuple[float, float]:
        loss = -record.validation_loss
        return (record.validation_accuracy, loss) if self.plan.choose == "accuracy" else (loss, 0.0)

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
            "schedule": self.schedule.state_dict(),
        }
        parts = {"learner": self.learner.state_dict(), "best": self.best}
        return Checkpoint(told, {**parts, "optimiser": optimiser_tensors(self.optimiser)})

    def _take_up(self, path: Path) -> None:
        """Go on from a checkpoint of this very training."""
        kept = Checkpoint.read(path)
        told, plan = kept.told, self.plan.as_dict()
        other = [f"{k} was {told['plan'].get(k)!r}, is {v!r}" for k, v in plan.items()
                 if told["plan"].get(k) != v]  # fmt: skip
        if not other and told["mark"] != self.mark:
            other = ["features, labels, words, background, held-out classes or head are others"]
        if other:
            raise TrainingError(
                f"{path} belongs to another training ({'; '.join(other)}): give another folder, "
                "or delete it to begin anew"
            )
        device = self.processes.device
        self.learner.load_state_dict(kept.tensors["learner"])
        self.best = {name: value.to(device) for name, value in kept.tensors["best"].items()}
        restore_optimiser(self.optimiser, kept.tensors.get("optimiser", {}), told["rates"])
        self.schedule.load_state_dict(dict(told["schedule"]))
        self.step, self.best_step, self.stale = told["step"], told["best_step"], told["stale"]
        self.seconds = told["seconds"]
        self.records = [
            Record(**dict(row, **{k: math.nan for k, v in row.items() if v is None}))
            for row in told["records"]
        ]

    def result(self) -> Training:
        """Give the best head and what was measured.

        Returns
        -------
        Training
        """
        self.learner.load_state_dict(self.best)
        head = self.learner.settled().to("cpu")
        network = self.learner.settled_network()
        network = None if network is None else network.to("cpu")
        head.protocol, head.space = "base-trained", self.space
        return Training(
            head,
            tuple(self.records),
            self.best_step,
            self.plan,
            self.base.held_out,
            self.seconds,
            network,
        )


def _optimiser(plan: TrainingPlan, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    if plan.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=0.9)
    kind = torch.optim.AdamW if plan.optimiser == "adamw" else torch.optim.Adam
    return kind(groups)


def _schedule(plan: TrainingPlan, optimiser: torch.optim.Optimizer) -> LRScheduler:
    from torch.optim import lr_scheduler

    if plan.schedule == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimiser, plan.steps)
    if plan.schedule == "step":
        return lr_scheduler.StepLR(optimiser, max(1, plan.steps // 5), 0.5)
    return lr_scheduler.ConstantLR(optimiser, 1.0)
