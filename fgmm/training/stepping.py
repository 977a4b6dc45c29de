"""One step: vectors in chunks, the loss of the whole batch, gradients, weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from fewshot.training.base_classes import number_of
from fgmm.errors import TrainingDiverged
from fgmm.training.gathering import gather_rows
from fgmm.training.objective import Seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fewshot.training.processes import Processes
    from fgmm.encoders.neural import Prepared
    from fgmm.training.batches import Batch
    from fgmm.training.objective import Objective
    from fgmm.training.plan import TuningPlan
    from fgmm.training.teaching import Teaching
    from fgmm.training.trainee import Trainee

__all__ = ["Stepper", "rate_at"]

_DRAWS = 1 << 48  # numbers of what is drawn within the network
_NAMED = 16


def rate_at(step: int, plan: TuningPlan) -> float:
    """Tell which share of its learning rate a step has.

    Parameters
    ----------
    step : int
        From 0.
    plan : TuningPlan
        ``steps`` and ``warm_up``.

    Returns
    -------
    float
        In [0, 1]: rising to 1 in a line, then falling along half a cosine.

    Examples
    --------
    >>> from fgmm.training import TuningPlan
    >>> plan = TuningPlan(steps=12, warm_up=0.25)
    >>> [round(rate_at(step, plan), 2) for step in (0, 2, 3, 11)]
    [0.33, 1.0, 1.0, 0.03]
    """
    warm = round(plan.warm_up * plan.steps)
    if step < warm:
        return (step + 1) / warm
    return 0.5 + 0.5 * math.cos(math.pi * (step - warm) / max(1, plan.steps - warm))


class Stepper:
    """Takes the steps of a training.

    Parameters
    ----------
    trainee : Trainee
    objective : Objective
    optimiser : torch.optim.Optimizer
    processes : Processes
    titles : sequence of str
        What pictures are called, by row.
    teaching : Teaching, optional

    Notes
    -----
    Vectors of a batch are computed chunk by chunk without gradients, the loss and its gradient with
    respect to the vectors from all of them, and then each chunk once more with gradients: exactly
    the gradient of the whole batch (Gao et al. 2021, "Scaling deep contrastive learning batch size
    under memory limited setup", section 3.2). A batch of one chunk is computed once.
    """

    def __init__(
        self,
        trainee: Trainee,
        objective: Objective,
        optimiser: torch.optim.Optimizer,
        processes: Processes,
        titles: Sequence[str],
        teaching: Teaching | None = None,
    ) -> None:
        self.trainee, self.objective, self.optimiser = trainee, objective, optimiser
        self.processes, self.teaching, self.plan = processes, teaching, trainee.plan
        self.titles = titles
        self.share = processes.share(self.plan.batch)
        own = self.share.stop - self.share.start
        self.chunk = min(self.plan.chunk or own, own)
        self.device = trainee.encoder._device
        low = self.plan.precision
        on_gpu = self.device.type == "cuda"
        self.low = low == "bfloat16" or (low == "auto" and on_gpu)
        self._first_rates = [group["lr"] for group in optimiser.param_groups]

    def step(self, number: int, batch: Batch, prepared: Sequence[Prepared]) -> tuple[float, float]:
        """Take a step.

        Parameters
        ----------
        number : int
            Of the step, from 0.
        batch : Batch
            Of all processes.
        prepared : sequence of dict
            This process's pictures.

        Returns
        -------
        total, loss : float
            In nats, as they were before the step.

        Raises
        ------
        TrainingDiverged
            If a vector, the loss or the gradient is not finite.
        """
        trainee = self.trainee if self.trainee.training else self.trainee.train()
        for group, rate in zip(self.optimiser.param_groups, self._first_rates, strict=True):
            group["lr"] = rate * rate_at(number, self.plan)
        self.optimiser.zero_grad(set_to_none=True)
        texts = batch.texts[self.share]
        with_texts = bool(texts) and self.objective.loss != "prototypes"
        chunks = [
            (prepared[at : at + self.chunk], texts[at : at + self.chunk] if with_texts else [])
            for at in range(0, len(prepared), self.chunk)
        ]
        cuda = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda):
            whole = len(chunks) == 1
            with torch.set_grad_enabled(whole):
                found = [self._encode(number, at, *chunk) for at, chunk in enumerate(chunks)]
            vectors = [torch.cat(kind) for kind in zip(*found, strict=True)]
            leaves = [one.detach().requires_grad_() for one in vectors]
            total, loss = self._judge(number, batch, leaves)
            total.backward()  # type: ignore[no-untyped-call]
            gradients = [one.grad for one in leaves]
            if whole:
                _send_back(vectors, gradients)
            else:
                self._again(number, chunks, gradients)
        parameters = [p for p in trainee.parameters() if p.requires_grad]
        self.processes.average_gradients(parameters)
        length = torch.nn.utils.clip_grad_norm_(parameters, self.plan.clip)
        if not torch.isfinite(length):
            raise self._diverged(f"the gradient's length is {float(length)}", number, batch, [])
        self.optimiser.step()
        return float(total.detach()), float(loss.detach())

    def _judge(self, number: int, batch: Batch, leaves: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Give the loss of the whole batch; move centres; refuse what is not finite."""
        everyone = [gather_rows(one, self.processes) for one in leaves]
        bad = torch.stack([~torch.isfinite(one).all(1) for one in everyone]).any(0)
        if bad.any():
            rows = [batch.rows[at] for at in bad.nonzero()[:, 0].tolist()]
            raise self._diverged("vectors are not finite", number, batch, rows)
        lesson = None if self.teaching is None else self.teaching.lesson(batch.rows, batch.texts)
        groups = batch.groups.to(self.device)
        seen = Seen(everyone[0], everyone[1] if len(everyone) > 1 else None, groups, lesson)
        if number == 0:
            self.objective.begin(seen)
        total, loss = self.objective(seen)
        if not torch.isfinite(total):
            raise self._diverged(f"the loss is {float(total.detach())}", number, batch, [])
        if self.objective.centres is not None:
            self.objective.centres.follow(seen.pictures, groups)
        return total, loss

    def _encode(
        self, number: int, at: int, prepared: Sequence[Prepared], texts: Sequence[str]
    ) -> list[Tensor]:
        """Encode a chunk; both times with the same random numbers."""
        places = self.processes.rank * 4096 + at
        torch.manual_seed(number_of(self.plan.seed + places, _DRAWS + number))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.low):
            found = [self.trainee.pictures(prepared)]
            if texts:
                found.append(self.trainee.texts(texts))
        return found

    def _again(self, number: int, chunks: Sequence[Any], gradients: Sequence[Any]) -> None:
        start = 0
        for at, chunk in enumerate(chunks):
            vectors = self._encode(number, at, *chunk)
            stop = start + len(chunk[0])
            _send_back(vectors, [one[start:stop] for one in gradients])
            start = stop

    def _diverged(
        self, what: str, number: int, batch: Batch, rows: Sequence[int]
    ) -> TrainingDiverged:
        titles = [self.titles[row] for row in rows or batch.rows]
        listed = ", ".join(titles[:_NAMED])
        more = f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else ""
        which = "of" if rows else "in a batch of"
        return TrainingDiverged(
            f"{what} at step {number}, {which} {listed}{more}: lower rate or clip, or look at "
            "those pictures; the last checkpoint is as it was"
        )


def _send_back(vectors: Sequence[Tensor], gradients: Sequence[Any]) -> None:
    """Go on with the gradients of vectors; those of a tower that does not learn end there."""
    both = [(v, g) for v, g in zip(vectors, gradients, strict=True) if v.requires_grad]
    if both:
        torch.autograd.backward([v for v, _ in both], [g for _, g in both])
