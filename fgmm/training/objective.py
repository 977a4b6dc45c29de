"""What a step minimises: a loss, and what is added to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from fgmm.errors import TrainingError
from fgmm.training.losses import (
    CentreLoss,
    clip_loss,
    match_cosines,
    match_probabilities,
    mean_entropy,
    prototype_logits,
    prototype_loss,
    siglip_loss,
)

if TYPE_CHECKING:
    from torch import Tensor

    from fgmm.training.teaching import Lesson
    from fgmm.training.trainee import Trainee

__all__ = ["Objective", "Seen"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A whole batch as the encoder sees it, from all processes.

    Parameters
    ----------
    pictures : Tensor of shape (n, d)
        Unit rows.
    texts : Tensor of shape (n, d), or None
        Unit rows; text i is picture i's.
    groups : Tensor of shape (n,), int64
        Equal for pairs that are right for each other.
    lesson : Lesson, optional
        What a teacher says of them.
    """

    pictures: Tensor
    texts: Tensor | None
    groups: Tensor
    lesson: Lesson | None = None


class Objective(nn.Module):
    """The sum of a loss and its additions.

    Parameters
    ----------
    trainee : Trainee
        Whose scale, bias and plan.
    n_classes : int
        Of the pairs, for centres; 0 where they have none.
    dim : int
        Length of vectors.

    Raises
    ------
    TrainingError
        If a loss needs classes and there are none.
    """

    def __init__(self, trainee: Trainee, n_classes: int, dim: int) -> None:
        super().__init__()
        self._trainee, self.loss = [trainee], trainee.loss  # in a list: no part of this module
        plan = trainee.plan
        for what, asked in (
            ("loss='prototypes'", self.loss == "prototypes"),
            ("centre", plan.centre > 0),
        ):
            if asked and n_classes < 2:
                raise TrainingError(
                    f"{what} needs two classes or more, and there are {n_classes}: give a folder "
                    "of folders, or a table with a column of labels"
                )
        self.centres = CentreLoss(n_classes, dim) if plan.centre else None

    def forward(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """Give the sum and the loss alone.

        Parameters
        ----------
        seen : Seen

        Returns
        -------
        total, loss : Tensor
            Scalars, in nats.
        """
        plan = self._trainee[0].plan
        loss, logits = self.main(seen)
        total = loss
        if plan.maximum_entropy:
            total = total - plan.maximum_entropy * mean_entropy(self._distinct(logits, seen))
        if self.centres is not None:
            total = total + plan.centre * self.centres(seen.pictures, seen.groups)
        if seen.lesson is not None and plan.distillation:
            total = total + plan.distillation * self._distilled(seen, seen.lesson)
        return total, loss

    @torch.no_grad()
    def begin(self, seen: Seen) -> None:
        """Set a bias that is of the training alone by the first batch.

        So that its mean logit is that of one right answer in n: from a bias far off, SigLIP's loss
        first teaches nothing but the bias.

        Parameters
        ----------
        seen : Seen
        """
        trainee = self._trainee[0]
        if seen.texts is None or not trainee.spare_bias.requires_grad:
            return
        mean = (trainee.scale * (seen.pictures @ seen.texts.T)).mean()
        trainee.spare_bias.copy_(-mean - math.log(max(1, len(seen.pictures) - 1)))

    def main(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """Give the loss without additions, and its logits.

        Parameters
        ----------
        seen : Seen

        Returns
        -------
        loss : Tensor
            A scalar, in nats.
        logits : Tensor of shape (n, n) or (n, k)
            Of texts given pictures, or of classes.
        """
        trainee = self._trainee[0]
        if self.loss == "prototypes":
            logits = prototype_logits(seen.pictures, seen.groups, trainee.spare_scale.exp())
            return prototype_loss(logits, seen.groups), logits
        if seen.texts is None:
            raise TrainingError(f"loss is {self.loss!r}, and the pairs have no texts")
        logits = trainee.scale * (seen.pictures @ seen.texts.T)
        if self.loss == "siglip":
            logits = logits + trainee.bias
            return siglip_loss(logits, seen.groups), logits
        return clip_loss(logits, seen.groups), logits

    def _distinct(self, logits: Tensor, seen: Seen) -> Tensor:
        """Leave one text of each group: entropy is over what can be told apart."""
        if self.loss == "prototypes":
            return logits
        _, own = torch.unique(seen.groups, return_inverse=True)
        n = len(own)
        first = torch.full((int(own.max()) + 1,), n, device=own.device)
        first = first.scatter_reduce(0, own, torch.arange(n, device=own.device), "amin")
        return logits[:, first]

    def _distilled(self, seen: Seen, lesson: Lesson) -> Tensor:
        if lesson.texts is None or seen.texts is None:
            return match_cosines(seen.pictures, lesson.pictures)
        told = self._trainee[0].scale * (seen.pictures @ seen.texts.T)
        return match_probabilities(told, lesson.scale * (lesson.pictures @ lesson.texts.T))
