"""Thousands of episodes as index tensors, each a function of (seed, number) alone."""

from __future__ import annotations

import hashlib
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from fewshot.counter_random import below, hash_counters, sample_without_replacement
from fewshot.errors import EpisodeError
from fewshot.plain_labels import label_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = ["EpisodeSampler", "Episodes"]

Count = int | tuple[int, int]
# Draws of one episode: classes from 0, then ways and shots, then pictures by turn and place.
_WAYS, _SHOTS, _PICTURES, _TURN, _OTHER_POOL = 1 << 16, 1 << 17, 1 << 20, 1 << 16, 1 << 50


@dataclass(frozen=True, slots=True, eq=False)
class Episodes:
    """Which pictures make which episodes.

    Parameters
    ----------
    support : Tensor of shape (e, s), int64
        Rows of the support pool; 0 where ``support_labels`` is -1.
    support_labels : Tensor of shape (e, s), int64
        Place of the picture's class in the episode, -1 for padding.
    query : Tensor of shape (e, q), int64
        Rows of the query pool.
    query_labels : Tensor of shape (e, q), int64
        Likewise, -1 for padding.
    classes : Tensor of shape (e, k), int64
        Numbers of the classes; 0 where ``class_mask`` is False.
    class_mask : Tensor of shape (e, k), bool
        Which places hold a class.
    """

    support: Tensor
    support_labels: Tensor
    query: Tensor
    query_labels: Tensor
    classes: Tensor
    class_mask: Tensor

    def __len__(self) -> int:
        return len(self.classes)


class EpisodeSampler:
    """Draw episodes from labels.

    Episode ``i`` depends on the seed, on ``i`` and on the labels, and on nothing else:
    any part of a run can be made again alone. Episodes of the same seed that differ in
    ``n_shot`` only share classes and queries, and the smaller support is part of the larger, as
    long as `classes` are the same: ``small_classes="skip"`` leaves out more of them for more
    shots, and then the episodes are others.

    Parameters
    ----------
    labels : sequence of n labels
        Of the pool; any strings or numbers, all of one kind.
    n_way : int or (int, int), default=5
        Classes in an episode; a range is drawn from uniformly, ends included.
    n_shot : int or (int, int), default=5
        Photos of each class in the support; of a range, each class has its own number, and
        never more than leaves ``n_query`` pictures over.
    n_query : int, default=15
        Queries of each class.
    seed : int, default=0
        Any integer.
    query_labels : sequence, optional
        Labels of another pool that queries come from (other shops, other years). Support
        and queries come from one pool otherwise, and are disjoint.
    small_classes : {"error", "skip"}, default="error"
        What to do with classes that have too few pictures.
    device : str or torch.device, default="cpu"
        Where the index tensors are made.

    Attributes
    ----------
    labels : tuple
        Every label of the pools, sorted.
    classes : tuple
        The labels that may be drawn from, sorted; `Episodes.classes` are places in it.
    id : str
        Short hash of labels, pools, numbers and seed: equal ids, equal episodes.

    Raises
    ------
    EpisodeError
        If a number is out of range, labels are of two kinds, a class has too few pictures, or
        there are too few classes.

    Notes
    -----
    Ranges for ``n_way`` and ``n_shot`` follow the idea of Meta-Dataset (Triantafillou et al.
    2020) and not its procedure: there, shots depend on class sizes and classes on a hierarchy.

    Examples
    --------
    >>> sampler = EpisodeSampler(["a", "b", "c"] * 4, n_way=2, n_shot=1, n_query=2)
    >>> episodes = sampler.sample(0, 1000)
    >>> episodes.support.shape, episodes.query.shape
    (torch.Size([1000, 2]), torch.Size([1000, 4]))
    >>> bool((sampler.sample(7, 8).query == episodes.query[7]).all())
    True
    """

    def __init__(
        self,
        labels: Sequence[Any] | Tensor,
        n_way: Count = 5,
        n_shot: Count = 5,
        n_query: int = 15,
        seed: int = 0,
        *,
        query_labels: Sequence[Any] | Tensor | None = None,
        small_classes: Literal["error", "skip"] = "error",
        device: str | torch.device = "cpu",
    ) -> None:
        self.ways, self.shots = _range("n_way", n_way, 1), _range("n_shot", n_shot, 0)
        if n_query < 1:
            raise EpisodeError(f"n_query is {n_query}: give 1 or more")
        if small_classes not in ("error", "skip"):
            raise EpisodeError(f"small_classes is {small_classes!r}: use 'error' or 'skip'")
        self.n_query, self.seed = operator.index(n_query), operator.index(seed)
        self.device = torch.device(device)
        pool = _Pool(labels)
        asked = pool if query_labels is None else _Pool(query_labels)
        self.same_pool = query_labels is None
        if pool.kind != asked.kind:
            raise EpisodeError(
                f"labels are {pool.kind} (such as {next(iter(pool.rows))!r}) and query_labels "
                f"{asked.kind} (such as {next(iter(asked.rows))!r}): give both as one kind"
            )
        self.labels: tuple[Any, ...] = tuple(sorted({*pool.rows, *asked.rows}))
        self.classes: tuple[Any, ...] = self._usable(pool, asked, small_classes)
        self._support = pool.tensors(self.classes, self.device)
        self._query = asked.tensors(self.classes, self.device)
        told = (self.classes, self.ways, self.shots, self.n_query, self.seed, self.same_pool)
        digest = hashlib.sha256(repr(told).encode())
        for order, _, sizes in (self._support, self._query):
            digest.update(order.cpu().numpy().tobytes() + sizes.cpu().numpy().tobytes())
        self.id = digest.hexdigest()[:12]

    def _usable(self, pool: _Pool, asked: _Pool, small: str) -> tuple[Any, ...]:
        shots = self.shots[0]
        usable: list[tuple[Any, int, int]] = []
        refused: list[tuple[Any, int, int]] = []
        for label in self.labels:
            have, ask = len(pool.rows.get(label, ())), len(asked.rows.get(label, ()))
            enough = (
                have >= shots + self.n_query
                if self.same_pool
                else have >= shots and ask >= self.n_query
            )
            (usable if enough else refused).append((label, have, ask))
        if refused and small == "error":
            label, have, ask = refused[0]
            told = (
                f"{have} pictures, and {shots} + {self.n_query}"
                if self.same_pool
                else f"{have} support and {ask} query pictures, and {shots} and {self.n_query}"
            )
            more = f" ({len(refused) - 1} more classes like it)" if len(refused) > 1 else ""
            raise EpisodeError(
                f"class {label!r} has {told} are needed (n_shot and n_query){more}: ask for fewer, "
                "add pictures, or leave such classes out with small_classes='skip'"
            )
        if len(usable) < self.ways[1]:
            raise EpisodeError(
                f"n_way is {self.ways[1]} and {len(usable)} classes have enough pictures: ask for "
                "fewer ways, shots or queries"
            )
        return tuple(label for label, _, _ in usable)

    def sample(self, start: int, stop: int) -> Episodes:
        """Make episodes ``start`` to ``stop - 1``.

        Parameters
        ----------
        start, stop : int
            Numbers of episodes, from 0.

        Returns
        -------
        Episodes
        """
        numbers = torch.arange(start, stop, device=self.device)
        k, m = self.ways[1], self.shots[1]
        place = torch.arange(k, device=self.device)
        picks = hash_counters(self.seed, numbers, place)
        sizes = torch.full((len(numbers),), len(self.classes), device=self.device)
        classes = sample_without_replacement(picks, sizes)
        ways = self._between(numbers, self.ways, place[:1] + _WAYS)
        class_mask = place < ways
        turns = torch.arange(self.n_query + m, device=self.device)
        draws = turns * _TURN + place.unsqueeze(1) + _PICTURES
        if self.same_pool:
            rows = self._rows(self._query, classes, numbers, draws)
            query, support = rows[..., : self.n_query], rows[..., self.n_query :]
            room = self._support[2][classes] - self.n_query
        else:
            query = self._rows(self._query, classes, numbers, draws[:, : self.n_query])
            support = self._rows(self._support, classes, numbers, draws[:, :m] + _OTHER_POOL)
            room = self._support[2][classes]
        shots = self._between(numbers, self.shots, place + _SHOTS).minimum(room)
        given = (torch.arange(m, device=self.device) < shots.unsqueeze(-1)) & class_mask[..., None]
        asked = class_mask[..., None].expand(-1, -1, self.n_query)
        named = place.unsqueeze(1)
        return Episodes(
            support.where(given, 0).flatten(1),
            named.where(given, -1).flatten(1),
            query.where(asked, 0).flatten(1),
            named.where(asked, -1).flatten(1),
            classes.where(class_mask, 0),
            class_mask,
        )

    def _between(self, numbers: Tensor, ends: tuple[int, int], draws: Tensor) -> Tensor:
        low, high = ends
        if low == high:
            return torch.full((len(numbers), len(draws)), low, device=self.device)
        return low + below(hash_counters(self.seed, numbers, draws), high - low + 1)

    def _rows(
        self, pool: tuple[Tensor, Tensor, Tensor], classes: Tensor, numbers: Tensor, draws: Tensor
    ) -> Tensor:
        order, starts, sizes = pool
        if draws.shape[-1] == 0:
            return draws.new_zeros(*classes.shape, 0)
        offset = sample_without_replacement(
            hash_counters(self.seed, numbers, draws), sizes[classes]
        )
        # a class that has fewer pictures than the largest support draws beyond its end
        inside = offset.minimum(sizes[classes].unsqueeze(-1) - 1)
        return order[starts[classes].unsqueeze(-1) + inside]


class _Pool:
    """Rows of each label."""

    def __init__(self, labels: Sequence[Any] | Tensor) -> None:
        array, self.kind = label_array(labels)
        if array.ndim != 1 or not len(array):
            raise EpisodeError(f"labels have shape {array.shape}: give one label a picture")
        values, index = np.unique(array, return_inverse=True)
        order = np.argsort(index, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(index))[:-1])
        self.rows = dict(zip(values.tolist(), parts, strict=True))

    def tensors(
        self, classes: tuple[Any, ...], device: torch.device
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Rows sorted by class, where each class starts, and how many rows it has."""
        parts = [self.rows.get(c, np.zeros(0, np.int64)) for c in classes]
        sizes = torch.tensor([len(p) for p in parts])
        order = torch.from_numpy(np.concatenate(parts)).long()
        return order.to(device), (sizes.cumsum(0) - sizes).to(device), sizes.to(device)


def _range(name: str, value: Count, least: int) -> tuple[int, int]:
    ends = value if isinstance(value, (tuple, list)) else (value, value)
    low, high = map(operator.index, ends)  # numpy's whole numbers too
    if not least <= low <= high:
        raise EpisodeError(f"{name} is {value}: give {least} or more, or a range (low, high)")
    return low, high
