"""New species and a model's own classes at one moment: who is judged how, and at which level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import torch

from fgmm.embeddings import Embeddings
from fgmm.recognition.calibration import may_judge
from fgmm.recognition.contest import (
    HEED,
    level_from_new,
    level_from_old,
    margins,
    odds,
    rivals,
)
from fgmm.recognition.species_prediction import Album
from fgmm.recognition.tradeoff import Judged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fgmm.library import Collection
    from fgmm.recognition.examples import Examples
    from fgmm.recognition.moment import Moment

__all__ = ["Standing"]

_UNDECIDED = math.log(0.5)  # odds of 0


class _Left(NamedTuple):
    """Photos as if they had not been given: scores, "none of these", row of their species."""

    logits: Tensor
    none: Tensor
    labels: Tensor
    digests: list[str]


@dataclass(frozen=True, eq=False)
class Standing:
    """All that answers are made of, for one collection of new species.

    Parameters
    ----------
    collection : Collection
        The c new species.
    labels : tuple of k str
        Of the model.
    moment : Moment
        Of the new species, then the old classes of which something is known.
    places : list of m int
        Which labels those are.
    examples : Examples
    alone : list of int
        Examples that are no photos of their class.
    tops : mapping of str to float
        By digest of a new species' photo, the log-probability of the model's likeliest class.
        A photo the model never saw is not there: it is taken to be undecided about it.
    share : float
        Of examples that may lose their right answer to new species.
    """

    collection: Collection
    labels: tuple[str, ...]
    moment: Moment
    places: list[int]
    examples: Examples
    alone: list[int]
    tops: Mapping[str, float]
    share: float

    @property
    def species(self) -> tuple[str, ...]:
        """Names of the new species."""
        return self.moment.labels[: len(self.collection)]

    @cached_property
    def level(self) -> float:
        """The level by the rule: what new species have to be ahead by, in nats.

        With examples, the least at which at most the share of them lose their right answer; half
        of it where that is below 0, as the edge of some examples is not the edge of all pictures.
        Without, 0 where something is known of the old classes, and else by the new photos alone,
        as if the model were undecided about all of them: it may not have seen them.
        """
        right = self.old.margins[self.old.right]
        if len(right):
            lost = math.floor(self.share * len(self.old) + 1e-9)
            least = level_from_old(right, lost)
            return least if least > 0 else least / 2
        if self.places or self._left_out is None:
            return 0.0
        undecided = torch.full_like(self._left_out.none, _UNDECIDED)
        return level_from_new(self._judge_new(self._left_out, undecided).margins)

    @cached_property
    def old(self) -> Judged:
        """The examples, each as if it had not been given."""
        left = self._left_out
        if left is None:
            return Judged.none()
        place = {digest: row for row, digest in enumerate(self.examples.digests)}
        mine = (left.labels >= len(self.collection)).nonzero().flatten().tolist()
        some = self.examples.select([place[left.digests[at]] for at in mine])
        found = _margins(left.logits[mine], left.none[mine], some.top, len(self.collection))[0]
        if not self.alone:
            return Judged(found, some.right)
        more = self._judge_alone()
        return Judged(torch.cat([found, more.margins]), torch.cat([some.right, more.right]))

    @cached_property
    def new(self) -> Judged:
        """The new species' photos, each as if it had not been given; not those that are alone."""
        left = self._left_out
        if left is None:
            return Judged.none()
        tops = [self.tops.get(digest, _UNDECIDED) for digest in left.digests]
        return self._judge_new(left, torch.tensor(tops, dtype=torch.float64))

    def new_parts(self, kept: Embeddings, top: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Weigh pictures.

        Parameters
        ----------
        kept : Embeddings of n rows
            As a library keeps them.
        top : Tensor of shape (n,)
            Log-probability of the model's likeliest class.

        Returns
        -------
        parts : dict of str to Tensor of shape (n, c), float64
            In nats; they add up to the new species' logits at level 0.
        cosines : Tensor of shape (n, c + m)
            As of `Moment.weigh`.
        """
        told = self.moment.weigh(kept)
        c = len(self.collection)
        nats = {name: told.nats[name].double() for name in ("text", "photos") if name in told.nats}
        old = torch.stack([part[:, c:] for part in nats.values()]).sum(0)
        parts = {name: part[:, :c] for name, part in nats.items()}
        parts["old classes"] = -rivals(old, told.none.double()).unsqueeze(1).expand(-1, c)
        parts["model"] = -HEED * odds(top.double()).unsqueeze(1).expand(-1, c)
        return parts, told.cosines

    def judge(self, kept: Embeddings, top: Tensor) -> tuple[Tensor, Tensor]:
        """Give the margin of each picture and its likeliest new species, (n,) both."""
        parts, _ = self.new_parts(kept, top)
        new = torch.stack(list(parts.values())).sum(0)
        return margins(new, top.double()), new.argmax(1)

    @cached_property
    def album(self) -> Album:
        """Photos of new species and examples of old classes, labels first."""
        own = self.moment.album
        k, c = len(self.labels), len(self.collection)
        places = torch.tensor([*range(k, k + c), *self.places])
        return Album(
            self.labels + self.species, own.vectors, places[own.owners], own.digests, own.origins
        )

    @cached_property
    def _left_out(self) -> _Left | None:
        """Scores of every photo that has another of its kind; None where there are too many."""
        scorer = self.moment.scorer
        if not may_judge(len(scorer.digests), len(scorer)):
            return None
        found = self.moment.left_out
        n = len(found.labels)
        none = scorer.none_of_these(scorer.joint if n else None, n).double()
        seen = ~found.logits.isnan().any(1)
        digests = [d for d, there in zip(found.digests, seen.tolist(), strict=True) if there]
        return _Left(found.logits[seen].double(), none[seen], found.labels[seen], digests)

    def _judge_new(self, left: _Left, top: Tensor) -> Judged:
        c = len(self.collection)
        mine = left.labels < c
        margin, best = _margins(left.logits[mine], left.none[mine], top[mine], c)
        return Judged(margin, best == left.labels[mine])

    def _judge_alone(self) -> Judged:
        """Judge examples that are no photos of their class, by the model of left-out ones."""
        some, layers = self.examples.select(self.alone), self.moment.layers
        features, joint = layers.split(Embeddings(some.vectors, layers.space))
        vectors = None if joint is None else joint.vectors
        told = self.moment.scorer.evidence(features.vectors, vectors, as_judged=True)
        none = self.moment.scorer.none_of_these(vectors, len(some)).double()
        logits = (told["text"] + told["photos"]).double()
        return Judged(_margins(logits, none, some.top, len(self.collection))[0], some.right)


def _margins(logits: Tensor, none: Tensor, top: Tensor, c: int) -> tuple[Tensor, Tensor]:
    """Margins and likeliest new species, of scores (n, c + m)."""
    bar = rivals(logits[:, c:], none) + HEED * odds(top)
    new = logits[:, :c] - bar.unsqueeze(1)
    return margins(new, top), new.argmax(1)
