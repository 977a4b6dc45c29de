"""Who is compared at five photos: `Scorer`, and what others do with the same photos and vectors.

A task is some base classes by words and some novel ones by photos; an answer is a class for
each picture. Methods that need photos and texts in one space are given the joint layer, and once
more both layers end to end ("both layers"), where a text is zero in the second half. Each has a
row as it comes and one with its strength chosen by leave-one-out on the photos given.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from five_photos_sets import Scene, recognise
from shots_heads import STRENGTHS
from torch import Tensor
from torch.nn.functional import normalize

import fewshot
from fewshot import Support, Words

__all__ = ["Method", "Task", "by_words", "methods"]

SHARES = (1.0, 0.25, 0.5, 0.75)  # of photos in a prototype; the first is the default
# What they are called here: the head, what is set, whether texts are among the photos. In `fewshot`
# the votes of Tip-Adapter and the means of GDA speak neither for nor against a class without
# photos, which helps nobody where only one class has some: they are also given as published.
HEADS: dict[str, tuple[str, dict[str, str], bool]] = {
    "logistic": ("logistic", {}, True),
    "tip-adapter": ("tip-adapter", {"values": "sum"}, False),
    "tip-adapter, fair": ("tip-adapter", {}, False),
    "gda": ("gda", {}, False),
    "gda, texts as photos": ("gda", {}, True),
    "clap": ("clap", {}, False),
    "lp++": ("lp++", {}, False),
}
EPISODES = 7  # of one species each that are answered at once


@dataclass(frozen=True)
class Task:
    """Classes there are, (b, k), and photos of some, (b, s); one row for each of b libraries."""

    classes: np.ndarray
    photos: np.ndarray


class Method(Protocol):
    """Give the class of each picture by each library, (b, q)."""

    name: str

    def answers(self, given: Scene, task: Task, asked: np.ndarray) -> np.ndarray: ...


def layer_of(given: Scene, both: bool) -> tuple[Tensor, Tensor, float]:
    """Vectors of pictures, of texts, and the scale that gives the same logits."""
    if not both:
        return given.joint, given.texts, given.scale
    zeros = torch.zeros(len(given.texts), given.features.shape[1])
    joined = torch.cat([given.joint, given.features], 1) / 2**0.5
    return joined, torch.cat([given.texts, zeros], 1), given.scale * 2**0.5


def by_words(given: Scene, classes: list[int], asked: np.ndarray) -> np.ndarray:
    """Class of each picture by words alone."""
    cosines = given.joint[torch.from_numpy(asked)] @ given.texts[classes].mT
    return np.array(classes)[cosines.argmax(1).numpy()]


@dataclass(frozen=True)
class Ours:
    """The library's own `Scorer`."""

    name: str = "Recognizer"

    def answers(self, given: Scene, task: Task, asked: np.ndarray) -> np.ndarray:
        rows, found = torch.from_numpy(asked), []
        for classes, photos in zip(task.classes, task.photos, strict=True):
            own = {int(c): photos[given.labels[photos] == c] for c in given.labels[photos]}
            scorer = recognise(given, classes.tolist(), own)
            told = scorer.evidence(given.features[rows], given.joint[rows])
            found.append(classes[(told["text"] + told["photos"]).argmax(1).numpy()])
        return np.stack(found)


@dataclass(frozen=True)
class ByWords:
    """No photo is looked at."""

    name: str = "zero-shot"

    def answers(self, given: Scene, task: Task, asked: np.ndarray) -> np.ndarray:
        return np.stack([by_words(given, row.tolist(), asked) for row in task.classes])


@dataclass(frozen=True)
class Prototypes:
    """A class vector is the mean photo, with a share of the text; the text where none is."""

    name: str
    shares: tuple[float, ...]
    both: bool = False

    def answers(self, given: Scene, task: Task, asked: np.ndarray) -> np.ndarray:
        x, texts, scale = layer_of(given, self.both)
        found = []
        for classes, photos in zip(task.classes, task.photos, strict=True):
            points, own = x[torch.from_numpy(photos)], places(given, classes, photos)
            words, k = texts[torch.from_numpy(classes)], len(classes)
            member = torch.nn.functional.one_hot(own, k).float()
            sums, counts = member.mT @ points, member.sum(0).unsqueeze(1)
            losses = [self.loss(points, own, words, sums, counts, s, scale) for s in self.shares]
            share = self.shares[int(np.argmin(losses))]
            vectors = class_vectors(sums, counts, words, share)
            best = (x[torch.from_numpy(asked)] @ vectors.mT).argmax(1)
            found.append(classes[best.numpy()])
        return np.stack(found)

    def loss(
        self,
        points: Tensor,
        own: Tensor,
        words: Tensor,
        sums: Tensor,
        counts: Tensor,
        share: float,
        scale: float,
    ) -> float:
        """Cross-entropy of every photo by vectors of which it is no part."""
        if len(self.shares) == 1:
            return 0.0
        cosines = points @ class_vectors(sums, counts, words, share).mT
        alone = class_vectors(sums[own] - points, counts[own] - 1, words[own], share)
        cosines[torch.arange(len(own)), own] = (points * alone).sum(1)
        return float(torch.nn.functional.cross_entropy(scale * cosines, own))


def class_vectors(sums: Tensor, counts: Tensor, words: Tensor, share: float) -> Tensor:
    """Unit rows of so large a share of the mean photo."""
    mixed = share * normalize(sums, dim=1) + (1 - share) * words
    return torch.where(counts > 0, normalize(mixed, dim=1), words)


def places(given: Scene, classes: np.ndarray, photos: np.ndarray) -> Tensor:
    """Which of the classes each photo is of."""
    where = {int(c): row for row, c in enumerate(classes)}
    return torch.tensor([where[int(c)] for c in given.labels[photos]])


@dataclass(frozen=True)
class ByHead:
    """Heads of `fewshot`, of which the one answers that likes photos best it was not given.

    One photo of every species is left out at a time: with one species that is leave-one-out.
    """

    name: str
    heads: tuple[fewshot.Head, ...]
    both: bool = False
    background: bool = False
    examples: bool = False  # texts are among the photos, so that no class is without

    def answers(self, given: Scene, task: Task, asked: np.ndarray) -> np.ndarray:
        x, texts, scale = layer_of(given, self.both)
        background = given.joint_background if self.background else None
        found = []
        for start in range(0, len(task.classes), EPISODES):
            classes = task.classes[start : start + EPISODES]
            photos = task.photos[start : start + EPISODES]
            own = torch.stack([places(given, c, p) for c, p in zip(classes, photos, strict=True)])
            points, words = x[torch.from_numpy(photos)], texts[torch.from_numpy(classes)]
            seen = _Seen(points, own, words, scale, background, self.examples)
            queries = x[torch.from_numpy(asked)].expand(len(classes), -1, -1)
            best = seen.answer(self.heads, queries).numpy()
            found += [c[b] for c, b in zip(classes, best, strict=True)]
        return np.stack(found)


@dataclass(frozen=True)
class _Seen:
    """What heads are given: photos (b, s, d), their places (b, s), and words (b, k, d)."""

    points: Tensor
    own: Tensor
    words: Tensor
    scale: float
    background: fewshot.Background | None
    examples: bool

    def support(self, kept: Tensor | None = None) -> Support:
        """Give all photos, or some: ``kept`` (m,)."""
        points = self.points if kept is None else self.points[:, kept]
        own = self.own if kept is None else self.own[:, kept]
        exists = torch.ones(self.words.shape[:-1], dtype=torch.bool)
        if self.examples:
            each = torch.arange(self.words.shape[1]).expand(self.words.shape[:-1])
            points, own = torch.cat([points, self.words], 1), torch.cat([own, each], 1)
        told = Words(self.words, self.scale)
        return Support(points, own, exists, words=told, background=self.background)

    def answer(self, heads: tuple[fewshot.Head, ...], queries: Tensor) -> Tensor:
        """Place of the likeliest class, (b, q), by the best head of each task."""
        support = self.support()
        if len(heads) == 1:
            return heads[0].fit(support).logits(queries).argmax(-1)
        best = torch.stack([self.loss(head) for head in heads], -1).argmin(-1)
        answers = torch.empty(queries.shape[:-1], dtype=torch.int64)
        for place in best.unique().tolist():
            rows = best == place
            found = heads[place].fit(support).logits(queries).argmax(-1)
            answers[rows] = found[rows]
        return answers

    def loss(self, head: fewshot.Head) -> Tensor:
        """Cross-entropy of photos that were left out, summed, (b,)."""
        turns = turns_of(self.own)
        total = torch.zeros(len(self.own))
        for turn in range(int(turns.max()) + 1):
            kept = (turns != turn).nonzero().flatten()
            out = (turns == turn).nonzero().flatten()
            logits = head.fit(self.support(kept)).logits(self.points[:, out])
            right = logits.log_softmax(-1).gather(-1, self.own[:, out].unsqueeze(-1))
            total -= right.sum((-1, -2)).float()
        return total


def turns_of(own: Tensor) -> Tensor:
    """When each photo is left out, (s,): the first of every species, the second, and so on.

    All tasks list their species' photos in the same order.
    """
    before = own[0].unsqueeze(1) == own[0].unsqueeze(0)
    return before.tril(-1).sum(1)


def methods() -> list[Method]:
    """Every row of the comparison, ours first."""
    found: list[Method] = [
        Ours(),
        ByWords(),
        ByHead("fused", (fewshot.FusedHead(),), background=True),
    ]
    for both in (False, True):
        end = ", both layers" if both else ""
        found.append(Prototypes(f"prototypes{end}", SHARES[:1], both))
        found.append(Prototypes(f"prototypes and texts{end}", (0.5,), both))
        found.append(Prototypes(f"prototypes and texts (tuned){end}", SHARES, both))
        for name, (head, fixed, examples) in HEADS.items():
            heads = strengths(head, fixed)
            found.append(ByHead(f"{name}{end}", heads[:1], both, examples=examples))
            found.append(ByHead(f"{name} (tuned){end}", heads, both, examples=examples))
    return found


def strengths(name: str, fixed: dict[str, str]) -> tuple[fewshot.Head, ...]:
    """Make a head of every strength that is tried; the default comes first."""
    axes = STRENGTHS[name]
    grid = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    return tuple(fewshot.load_head(name, **fixed, **one).eval() for one in grid)
