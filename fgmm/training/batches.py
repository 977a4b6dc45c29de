"""Which pictures a step sees, and in what shape: a function of the seed and of the step."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, Dataset

from fewshot.training.base_classes import number_of
from fgmm.errors import TrainingError
from fgmm.images import read_image
from fgmm.plurals import counted
from fgmm.training.augmentation import Augmentation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fgmm.encoders.neural import NeuralImageEncoder, Prepared
    from fgmm.training.pairs import Pairs
    from fgmm.training.plan import TuningPlan

__all__ = ["Batch", "Batches", "PictureViews"]

_EPOCHS = 1 << 47  # numbers of epochs, far from those of steps
_HEAVY = ("_model", "_trunk", "_projection", "_fingerprint", "_tokenizer")


@dataclass(frozen=True, slots=True)
class Batch:
    """The pictures of a step, in all processes.

    Parameters
    ----------
    rows : list of int
        Of the pairs.
    texts : list of str
        One drawn for each; empty where they have none.
    groups : Tensor of shape (n,), int64
        Equal for pairs that are right for each other: of one class, or with one text.
    seeds : list of int
        For what is drawn of each picture.
    """

    rows: list[int]
    texts: list[str]
    groups: torch.Tensor
    seeds: list[int]


class Batches:
    """The batches of a training.

    Every picture is shown once before any is shown again; what is left of an epoch and does not
    fill a batch is left out of it. With ``per_class`` the pictures of a class come in groups of
    that many, and a class's last group is filled up with others of its pictures.

    Parameters
    ----------
    pairs : Pairs
    plan : TuningPlan
        ``batch``, ``per_class`` and ``seed``.

    Raises
    ------
    TrainingError
        If there are fewer pictures than a batch has, or classes are needed and not known.
    """

    def __init__(self, pairs: Pairs, plan: TuningPlan) -> None:
        self.pairs, self.plan = pairs, plan
        number = {label: at for at, label in enumerate(pairs.classes)}
        self.labels = torch.tensor([number.get(pair.label or "", -1) for pair in pairs.items])
        if plan.per_class and not number:
            raise TrainingError(
                f"per_class is {plan.per_class} and the pictures of {pairs.name} have no classes: "
                "give a folder of folders, or a table with a column of labels"
            )
        self._epoch: tuple[int, list[int]] = (-1, [])
        self.steps_an_epoch = len(self._order(0)) // plan.batch
        if not self.steps_an_epoch:
            raise TrainingError(
                f"batch is {plan.batch} and there are {counted(len(pairs), 'picture')} to learn "
                "from: give a smaller batch"
            )

    def batch(self, step: int) -> Batch:
        """Tell what a step sees.

        Parameters
        ----------
        step : int
            From 0.

        Returns
        -------
        Batch
        """
        plan, (epoch, place) = self.plan, divmod(step, self.steps_an_epoch)
        if self._epoch[0] != epoch:
            self._epoch = epoch, self._order(epoch)
        rows = self._epoch[1][place * plan.batch : (place + 1) * plan.batch]
        draw = torch.Generator().manual_seed(number_of(plan.seed, step))
        seeds = torch.randint(2**62, (len(rows),), generator=draw).tolist()
        items = [self.pairs.items[row] for row in rows]
        texts = [
            pair.texts[seed % len(pair.texts)]
            for pair, seed in zip(items, seeds, strict=True)
            if pair.texts
        ]
        labels = self.labels[rows]
        if int(labels.min()) < 0:  # no classes: one text twice is right for both pictures
            first = {text: at for at, text in reversed(list(enumerate(texts)))}
            labels = torch.tensor([first[text] for text in texts] or list(range(len(rows))))
        return Batch(rows, texts, labels, seeds)

    def _order(self, epoch: int) -> list[int]:
        draw = torch.Generator().manual_seed(number_of(self.plan.seed, _EPOCHS + epoch))
        order = torch.randperm(len(self.pairs), generator=draw)
        if not self.plan.per_class:
            return order.tolist()
        size, groups = self.plan.per_class, []
        for label in range(len(self.pairs.classes)):
            own = order[self.labels[order] == label].tolist()
            for start in range(0, len(own), size):
                part = own[start : start + size]
                groups.append(part + (own * size)[: size - len(part)])
        chosen = torch.randperm(len(groups), generator=draw).tolist()
        return [row for at in chosen for row in groups[at]]


class PictureViews(Dataset[Any]):
    """Pictures as the network takes them, changed by chance or as they are.

    Parameters
    ----------
    pairs : Pairs
    encoder : NeuralImageEncoder
        Whose preprocessing it is.
    plan : TuningPlan, optional
        How they are changed; not at all where it is not given.
    """

    def __init__(
        self, pairs: Pairs, encoder: NeuralImageEncoder, plan: TuningPlan | None = None
    ) -> None:
        self.pairs = pairs
        # workers that are started afresh get a copy, in which the network would only be heavy
        self._encoder = copy.copy(encoder)
        for name in _HEAVY:
            self._encoder.__dict__.pop(name, None)
        self._change = None if plan is None else Augmentation(plan, find_side(encoder))

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, asked: tuple[int, int]) -> Prepared:
        row, seed = asked
        pair = self.pairs.items[row]
        image = read_image(pair.source, name=pair.name or None)
        if self._change is not None:
            image = self._change(image, seed)
        return self._encoder.prepare(image)

    def stream(self, asked: Iterator[list[tuple[int, int]]], workers: int) -> Iterator[Any]:
        """Read batches ahead.

        Parameters
        ----------
        asked : iterator of lists of (row, seed)
        workers : int
            Processes that read; 0: this one.

        Returns
        -------
        iterator of lists of dict
        """
        return iter(DataLoader(self, batch_sampler=_Asked(asked), num_workers=workers,
                               collate_fn=list))  # fmt: skip


class _Asked:
    """A sampler of torch that asks for what it is told."""

    def __init__(self, asked: Iterator[list[tuple[int, int]]]) -> None:
        self._asked = asked

    def __iter__(self) -> Iterator[Any]:
        return self._asked


def find_side(encoder: NeuralImageEncoder) -> int:
    """Find how many pixels wide the network's pictures are.

    Parameters
    ----------
    encoder : NeuralImageEncoder

    Returns
    -------
    int
        256 for networks that take patches of pictures of any shape.
    """
    from PIL import Image

    for value in encoder.prepare(Image.new("RGB", (64, 64))).values():
        if value.ndim == 3 and len(value) == 3:
            return int(value.shape[-1])
    return 256
