"""New species and a model's own classes at one moment: who is judged how, and at which level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import torch

from fgmm.embeddings import Embeddings
from fgmm.recognition.calibration import most_judged
from fgmm.recognition.contest import level_from_new, level_from_old, margins, weigh_new
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
    digests: tuple[str, ...]


class _Chosen(NamedTuple):
    """Who is judged: numbers of photos, and rows of examples that are alone in their class."""

    photos: Tensor
    alone: list[int]


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
        if self.places:
            return 0.0
        undecided = torch.full_like(self._left_out.none, _UNDECIDED)
        return level_from_new(self._judge_new(undecided).margins)

    @cached_property
    def old(self) -> Judged:
        """The examples, each as if it had not been given; of very many some, evenly spread."""
        left = self._left_out
        place = {digest: row for row, digest in enumerate(self.examples.digests)}
        mine = left.labels >= len(self.collection)
        digests = [left.digests[at] for at in mine.nonzero().flatten().tolist()]
        some = self.examples.select([place[digest] for digest in digests])
        found = self._judge(left.logits[mine], left.none[mine], some.top)[0]
        more = self._judge_alone()
        return Judged(torch.cat([found, more.margins]), torch.cat([some.right, more.right]))

    @cached_property
    def new(self) -> Judged:
        """The new species' photos, each as if it had not been given; not those that are alone."""
        tops = [self.tops.get(digest, _UNDECIDED) for digest in self._left_out.digests]
        return self._judge_new(torch.tensor(tops, dtype=torch.float64))

    @property
    def n_new(self) -> int:
        """How many photos of new species could be judged; `new` are some of them if very many."""
        counts = self.moment.scorer.photos.counts[: len(self.collection)]
        return int(counts[counts > 1].sum())

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
        nats = {name: told.nats[name].double() for name in ("text", "photos") if name in told.nats}
        return weigh_new(nats, told.none.double(), top.double(), len(self.collection)), told.cosines

    def judge(self, kept: Embeddings, top: Tensor) -> tuple[Tensor, Tensor]:
        """Give the margin of each picture and its likeliest new species, (n,) both."""
        return _decide(self.new_parts(kept, top)[0], top.double())

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
    def _judged(self) -> _Chosen:
        """Who is judged: all who can be, or as many as may be, evenly spread over the species."""
        photos, c = self.moment.scorer.photos, len(self.collection)
        several = photos.counts[photos.owners] > 1
        new = (several & (photos.owners < c)).nonzero().flatten()
        old = (several & (photos.owners >= c)).nonzero().flatten()
        most, n_old = most_judged(len(self.moment.scorer)), len(old) + len(self.alone)
        new = new[_spread(len(new), max(most // 2, most - n_old))]
        some = _spread(n_old, most - len(new))
        alone = [self.alone[at] for at in (some[some >= len(old)] - len(old)).tolist()]
        return _Chosen(torch.cat([new, old[some[some < len(old)]]]), alone)

    @cached_property
    def _left_out(self) -> _Left:
        """Scores of the photos that are judged and not alone in their species."""
        scorer, some = self.moment.scorer, self._judged.photos
        found = scorer.left_out(some)
        joint = None if scorer.joint is None else scorer.joint[some]
        none = scorer.none_of_these(joint, len(some)).double()
        return _Left(found.logits.double(), none, found.labels, found.digests)

    def _judge_new(self, top: Tensor) -> Judged:
        left = self._left_out
        mine = left.labels < len(self.collection)
        margin, best = self._judge(left.logits[mine], left.none[mine], top[mine])
        return Judged(margin, best == left.labels[mine])

    def _judge_alone(self) -> Judged:
        """Judge examples that are no photos of their class, by the model of left-out ones."""
        some, layers = self.examples.select(self._judged.alone), self.moment.layers
        features, joint = layers.split(Embeddings(some.vectors, layers.space))
        vectors = None if joint is None else joint.vectors
        told = self.moment.scorer.evidence(features.vectors, vectors, as_judged=True)
        none = self.moment.scorer.none_of_these(vectors, len(some)).double()
        logits = (told["text"] + told["photos"]).double()
        return Judged(self._judge(logits, none, some.top)[0], some.right)

    def _judge(self, logits: Tensor, none: Tensor, top: Tensor) -> tuple[Tensor, Tensor]:
        """Margins and likeliest new species, of scores (n, c + m)."""
        return _decide(weigh_new({"all": logits}, none, top, len(self.collection)), top)


def _decide(parts: Mapping[str, Tensor], top: Tensor) -> tuple[Tensor, Tensor]:
    new = torch.stack(list(parts.values())).sum(0)
    return margins(new, top), new.argmax(1)


def _spread(n: int, most: int) -> Tensor:
    """Give so many of n rows, evenly spread; all of them if they are no more."""
    return torch.arange(n) if n <= most else torch.arange(most) * n // most
