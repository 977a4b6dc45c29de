"""Pictures of known classes: some classes to learn from, others held out to judge by."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fewshot.counter_random import hash_counters
from fewshot.episodes import Episodes, EpisodeSampler
from fewshot.errors import TrainingError
from fewshot.evaluation_input import drawn_words
from fewshot.plain_labels import label_array
from fewshot.pools import FeaturePool
from fewshot.support import Support
from fewshot.training.network import embed_episodes, embed_pool

if TYPE_CHECKING:
    from torch import Tensor, nn

    from fewshot.background import Background
    from fewshot.head import Head
    from fewshot.support import Words
    from fewshot.training.plan import TrainingPlan

__all__ = ["BaseClasses"]

_BLOCK = 64  # steps whose episodes are drawn at once
_OTHER_SEED = 1 << 40


class BaseClasses:
    """Features of base classes, as episodes.

    Parameters
    ----------
    features : Tensor of shape (n, d), or (n, ...) for a network
        One row a picture.
    labels : sequence of n labels
        Of all base classes.
    plan : TrainingPlan
        How large episodes are.
    validation : float or collection of labels
        Share of the classes that are held out, or which.
    words, background : optional
        As in `fewshot.evaluate`.

    Attributes
    ----------
    held_out : tuple
        Labels of the classes to judge by.
    mark : str
        Short hash of everything: equal marks, equal episodes.

    Raises
    ------
    TrainingError
        If too few classes are left on either side.
    """

    def __init__(
        self,
        features: Tensor,
        labels: Sequence[Any],
        plan: TrainingPlan,
        validation: float | Collection[Any],
        words: Words | None = None,
        background: Background | None = None,
    ) -> None:
        self.plan, self.background, device = plan, background, features.device
        array, _ = label_array(labels)
        if words is not None and words.classes is None and words.embeddings.ndim == 2:
            known = np.unique(array).tolist()  # rows in sorted order, as `evaluate` takes them
            words = replace(words, classes=known) if len(known) == len(words.embeddings) else words
        self.held_out = _held_out(array, validation, plan)
        away = np.isin(array, np.array(self.held_out, array.dtype))
        both = []
        for mask, seed in ((~away, plan.seed), (away, plan.seed + _OTHER_SEED)):
            rows = torch.from_numpy(np.flatnonzero(mask)).to(device)
            sampler = EpisodeSampler(
                array[mask].tolist(),
                plan.n_way,
                plan.n_shot,
                plan.n_query,
                seed,
                small_classes="skip",
                device=device,
            )
            both.append((features[rows], sampler, drawn_words(words, sampler, features)))
        (self.features, self.sampler, self._words), self._judged = both
        self._mean = self.features.mean(0)
        self._spread = (self.features - self._mean).norm(dim=-1).mean() / self._mean.numel() ** 0.5
        self._drawn: tuple[int, Episodes] | None = None
        digest = hashlib.sha256()
        for x, sampler, told in both:
            digest.update(sampler.id.encode() + x.detach().cpu().contiguous().numpy().tobytes())
            if told is not None:
                digest.update(told.embeddings.cpu().contiguous().numpy().tobytes())
        if background is not None:
            digest.update(background.mean.cpu().contiguous().numpy().tobytes())
        self.mark = digest.hexdigest()[:16]

    def episodes(self, step: int) -> Episodes:
        """Give the episodes of a step, those of all processes.

        Parameters
        ----------
        step : int
            From 0.

        Returns
        -------
        Episodes
        """
        batch, (block, place) = self.plan.batch, divmod(step, _BLOCK)
        if self._drawn is None or self._drawn[0] != block:
            start = block * _BLOCK * batch
            self._drawn = block, self.sampler.sample(start, start + _BLOCK * batch)
        return _part(self._drawn[1], slice(place * batch, (place + 1) * batch))

    def batch(
        self, step: int, share: slice, network: nn.Module | None = None
    ) -> tuple[Support, Tensor, Tensor]:
        """Make the supports and queries of a step, with noise and dropout.

        Parameters
        ----------
        step : int
            From 0.
        share : slice
            Which episodes of the batch; noise does not depend on who computes them.
        network : nn.Module, optional
            Makes the features of the pictures.

        Returns
        -------
        support : Support
        queries : Tensor of shape (e, q, d)
        query_labels : Tensor of shape (e, q), int64
        """
        episodes = self.episodes(step)
        rows = torch.cat([episodes.support, episodes.query], -1)
        own = _part(episodes, share)
        x = self._disturbed(self.features[rows[share]], step, share, rows.shape)
        x = embed_episodes(network, x)
        s, words = own.support.shape[-1], self._words
        if words is not None:
            words = replace(words, embeddings=words.embeddings[own.classes], classes=None)
        support = Support(
            x[:, :s], own.support_labels, own.class_mask, words, self.background, check=False
        )
        return support, x[:, s:], own.query_labels

    def _disturbed(self, x: Tensor, step: int, share: slice, shape: torch.Size) -> Tensor:
        plan, d = self.plan, x.shape[-1]
        if not (plan.noise or plan.dropout):
            return x
        draw = torch.Generator().manual_seed(number_of(plan.seed, step))
        if plan.dropout:
            kept = torch.rand(shape[0], 1, d, generator=draw)[share] >= plan.dropout
            x = torch.where(kept.to(x.device), x, self._mean)
        if plan.noise:
            noise = torch.randn(*shape, d, generator=draw)[share]
            x = x + plan.noise * self._spread * noise.to(x)
        return x

    def judge(self, head: Head, network: nn.Module | None = None) -> tuple[float, float]:
        """Measure a head on held-out classes, the same episodes each time.

        Parameters
        ----------
        head : Head
            In ``eval`` mode.
        network : nn.Module, optional
            Makes the features of the pictures.

        Returns
        -------
        loss, accuracy : float
            Cross-entropy in nats, and a share in [0, 1].
        """
        features, sampler, words = self._judged
        n, found = self.plan.validation_episodes, []
        with torch.no_grad():
            features = embed_pool(network, features)
            pool = FeaturePool(features, None, words, self.background, n_episodes=n)
            answer = pool.prepare(head, sampler)
            episodes = sampler.sample(0, n)
            for start in range(0, n, answer.tile):
                part = _part(episodes, slice(start, start + answer.tile))
                found.append(torch.stack(measure(answer(part), part.query_labels)))
        loss, accuracy = torch.cat(found, -1).mean(-1).tolist()
        return loss, accuracy


def measure(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy and accuracy of each episode.

    Parameters
    ----------
    logits : Tensor of shape (e, q, k)
        ``-inf`` for absent classes.
    labels : Tensor of shape (e, q), int64
        -1 for padding.

    Returns
    -------
    losses, accuracies : Tensor of shape (e,)
        Nats, and shares in [0, 1].
    """
    asked, own = labels >= 0, labels.clamp(min=0).unsqueeze(-1)
    number = asked.sum(-1).clamp(min=1)
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    told = wide.log_softmax(-1).gather(-1, own).squeeze(-1)
    right = (logits.argmax(-1) == labels) & asked
    return -torch.where(asked, told, 0).sum(-1) / number, right.sum(-1).to(wide) / number


def number_of(seed: int, step: int) -> int:
    """Seed of a step's random numbers, far from those of other seeds and steps.

    Parameters
    ----------
    seed, step : int
        Any seed; a step from 0.

    Returns
    -------
    int
    """
    return int(hash_counters(seed, torch.tensor([step]), torch.tensor(1 << 45)))


def _part(episodes: Episodes, part: slice) -> Episodes:
    return Episodes(*(getattr(episodes, name)[part] for name in Episodes.__dataclass_fields__))


def _held_out(
    labels: np.ndarray[Any, Any], validation: float | Collection[Any], plan: TrainingPlan
) -> tuple[Any, ...]:
    classes = np.unique(labels).tolist()
    ways = plan.n_way if isinstance(plan.n_way, int) else plan.n_way[1]
    if isinstance(validation, Collection):
        found = tuple(sorted(set(validation)))
        lost = [c for c in found if c not in set(classes)]
        if lost:
            raise TrainingError(f"class {lost[0]!r} is to be held out and has no picture")
    else:
        if not 0 < validation < 1:
            raise TrainingError(
                f"validation is {validation!r}: give the share of classes to hold out, in (0, 1), "
                "or their labels"
            )
        order = hash_counters(plan.seed, torch.tensor([0]), torch.arange(len(classes)) + (1 << 44))
        first = order[0].argsort(stable=True)[: round(validation * len(classes))]
        found = tuple(sorted(classes[i] for i in first.tolist()))
    if len(found) < ways or len(classes) - len(found) < ways:
        raise TrainingError(
            f"{len(found)} of {len(classes)} classes are held out, and episodes have {ways} ways: "
            "give more classes, fewer ways, or another share"
        )
    return found
