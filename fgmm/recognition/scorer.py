"""Scores of a collection's species: words and photos on one scale, though some have only one.

    score_c(x) = T_c(x)                                            a species known by words
    score_c(x) = w_T T_c(x) + (1 - w_T) T(x) + p_c(x) + g(x) + l        one with photos
    p_c(x)     = doubt(w_P evidence_c(x))

``T_c`` is the encoder's logit for the words and ``T`` its mean over all species; ``evidence_c`` and
``doubt`` are those of `fewshot.FusedHead`, and so are the weights, judged by leave-one-out among
the species that have photos. Three things make the two kinds comparable:

- Which of the species with photos it is, their words and photos tell as in `FusedHead`. Whether it
  is one of them at all is asked of ``u_c = doubt(w_G evidence_c) + w_T / 4 (T_c - T)``: words and
  photos tell partly the same (that it is a gull), so they count less there, photos 0.6 times what
  they are believed to tell before any is judged (``w_G``). ``g = log sum exp u_c - log sum exp (p_c
  + w_T (T_c - T))`` over the species with photos puts the one in place of the other.
- Evidence is meant as a likelihood ratio against other pictures, and the mean of such a ratio over
  other pictures is one. ``b_T = log mean exp(T_c(x) - T(x))`` over pictures in general and the
  species known by words sees to that, and ``b_G`` is the same of ``u_c``, over pictures in general
  and the photos of other species (`fgmm.recognition.levels.mean_ratio`). Pictures in general are
  drawn from the encoder's `Background`; without one there are only the photos.
- ``l = b_T - b_G + 2.5``: a species is e to the 2.5 times likelier for being shown. The larger that
  is, the more is found of what has photos, and lost of the rest. It, the 0.6 and the quarter were
  chosen on base classes that stood for new ones, with names that were half wrong: the best harmonic
  mean where adding a species costs the others less than a point (docs/five-photos.md).

Where all species are of one kind this is zero-shot naming, or `FusedHead`, exactly.

"None of these" scores ``T(x) + b_T``: a ratio of one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from fewshot.evidence_weights import doubt
from fgmm.recognition.calibration import LeftOut
from fgmm.recognition.levels import draw_pictures, log_mean, mean_ratio
from fgmm.recognition.photo_side import PhotoSide
from fgmm.recognition.statistics import PhotoStatistics
from fgmm.recognition.weights import believe, choose_judges, find_weights

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot import Background
    from fgmm.library.collection import Collection
    from fgmm.scoring import Reading

__all__ = ["Scorer"]

_PICTURES = 512  # pictures in general that are drawn
_ROWS_A_BLOCK = 256
# Where the question is whether it is any of the species with photos: share of what photos are
# believed to tell, share of the weight of words, and nats in favour.
_GROUP, _WORDS, _LEAN = 0.6, 0.25, 2.5


@dataclass(frozen=True, eq=False)
class Scorer:
    """Everything about one collection at one moment. Make it with `of`.

    Parameters
    ----------
    labels : tuple of k str
        Names of the species, in the collection's order.
    photos : PhotoSide
        Of the layer photos are compared by.
    texts : Tensor of shape (k, d_joint) or None
        A unit vector a species; None where the encoder reads no texts.
    reading : Reading or None
        How cosines with texts become logits.
    joint_dim : int
        How many numbers of a library's vector are the joint layer.
    joint_background : Background or None
        Of that space.
    digests : tuple of s str
    """

    labels: tuple[str, ...]
    photos: PhotoSide
    texts: Tensor | None
    reading: Reading | None
    joint_dim: int
    joint_background: Background | None
    digests: tuple[str, ...]

    @classmethod
    def of(
        cls,
        collection: Collection,
        texts: Tensor | None = None,
        reading: Reading | None = None,
        background: Background | None = None,
        *,
        joint_background: Background | None = None,
        joint_dim: int = 0,
        previous: Scorer | None = None,
    ) -> Scorer:
        """Make the scorer of a collection.

        Parameters
        ----------
        collection : Collection
        texts : Tensor of shape (k, d_joint), optional
            One unit vector a species.
        reading : Reading, optional
            Comes with ``texts``.
        background, joint_background : Background, optional
            Of the layer photos are compared by, and of the texts' space.
        joint_dim : int, default=0
            How many numbers of a library's vector are the joint layer; the rest are the
            features, each half with length 1 / sqrt(2), as `fgmm.encoders.both_layers` makes them.
        previous : Scorer, optional
            Of the collection before a change: what is the same is not added up again.

        Returns
        -------
        Scorer
        """
        scale = math.sqrt(2.0) if joint_dim else 1.0
        statistics = PhotoStatistics.of(
            collection,
            slice(joint_dim, None),
            scale,
            None if previous is None else previous.photos.statistics,
        )
        species = statistics.species
        return cls(
            tuple(one.name for one in species),
            PhotoSide.of(statistics, background, None if previous is None else previous.photos),
            texts,
            reading,
            joint_dim,
            joint_background,
            tuple(digest for one in species for digest in one.photos.digests),
        )

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def joint(self) -> Tensor | None:
        """Vectors of the photos in the space of the texts (s, d_joint); None without texts."""
        return self._joint(torch.arange(len(self.digests)))

    @cached_property
    def has_photos(self) -> Tensor:
        """Which species have a photo (k,), bool."""
        return self.photos.counts > 0

    def cosines(self, joint: Tensor | None) -> Tensor | None:
        """Cosines of pictures with the species' texts (q, k); None where there are none."""
        return None if self.texts is None or joint is None else joint @ self.texts.mT

    def evidence(
        self,
        features: Tensor,
        joint: Tensor | None = None,
        *,
        cosines: Tensor | None = None,
        as_judged: bool = False,
    ) -> dict[str, Tensor]:
        """Weigh pictures.

        Parameters
        ----------
        features : Tensor of shape (q, d)
            Unit rows of the layer photos are compared by.
        joint : Tensor of shape (q, d_joint), optional
            Unit rows in the space of the texts; needed where there are texts.
        cosines : Tensor of shape (q, k), optional
            With the texts, where they are known already.
        as_judged : bool, default=False
            By the model that `left_out` judges photos by, for what is learned from them
            (`fgmm.recognition.calibration`). The usual one also knows how photos of one species
            scatter, and is a little surer and better than they could tell.

        Returns
        -------
        dict
            ``"text"`` and ``"photos"``, each (q, k) in nats; they add up to the logits.
        """
        told = self.photos.evidence(features, as_judged=as_judged)
        if cosines is None:
            return self._levelled(told, self._text_logits(joint, len(features)))
        return self._levelled(told, self._read(cosines))

    def none_of_these(self, joint: Tensor | None, n: int) -> Tensor:
        """Logit of "none of these", (n,), on the scale of the others' for the same pictures.

        Species with photos, or words, are ahead of it where the picture is likelier of them than
        of pictures in general.
        """
        text_level, photo_level = self.levels
        mean = torch.zeros(n)
        if joint is not None and self.texts is not None:
            mean = self._read(joint @ self._mean_text)  # the mean of their logits
        if bool(self.has_photos.all()):
            return self.weights[0] * mean + photo_level
        return mean + text_level

    def left_out(self) -> LeftOut:
        """Score every photo of the collection as if it had not been given."""
        labels = self.photos.owners
        logits = torch.empty(len(labels), len(self))
        # a block at a time, so that what lies between stays in the cache
        rows = _ROWS_A_BLOCK if self.photos.background is not None else max(1, len(labels))
        for start in range(0, len(labels), rows):
            some = torch.arange(start, min(start + rows, len(labels)))
            text = self._text_logits(self._joint(some), len(some))
            told = self._levelled(self.photos.left_out(some), text)
            torch.add(told["text"], told["photos"], out=logits[start : start + rows])
        logits[self.photos.counts[labels] < 2] = torch.nan
        return LeftOut(logits, labels, self.digests)

    @cached_property
    def weights(self) -> tuple[float, float]:
        """Weights of words and of photos, as `FusedHead` finds them among species with photos."""
        judges, left_out, text = self._judged
        return find_weights(self.photos, left_out, None if self.texts is None else text, judges)

    @cached_property
    def levels(self) -> tuple[float, float]:
        """``b_T`` and ``b_G``, in nats; 0 where there is no species of that kind.

        Where all species have photos nothing stands against them but "none of these", and
        ``b_G`` is that of their scores.
        """
        generator = torch.Generator().manual_seed(0)
        photos, joint = self.photos.general(_PICTURES, generator), self._general(generator)
        judges, left_out, said = self._judged
        said = said - said.mean(dim=1, keepdim=True)
        text, n = said, len(photos) if joint is None else len(joint)
        if n:
            text = (drawn := self._text_logits(joint, n)) - drawn.mean(dim=1, keepdim=True)
        own = self.photos.owners[judges].unsqueeze(1)
        others = self._asked(left_out, said).scatter(1, own, -torch.inf)
        general = self._asked(photos, text) if len(photos) else others[:0]
        which = self.has_photos
        return log_mean(text[:, ~which]), mean_ratio(general[:, which], others[:, which])

    @cached_property
    def _judged(self) -> tuple[Tensor, Tensor, Tensor]:
        """Photos that judge (m,), and what photos and words say of them, (m, k) each."""
        judges = choose_judges(self.digests)
        text = self._text_logits(self._joint(judges), len(judges))
        return judges, self.photos.left_out(judges), text

    def _asked(self, told: Tensor, text: Tensor) -> Tensor:
        """Say how likely it is each of the species with photos, by the question there is."""
        words, weight = self.weights
        if bool(self.has_photos.all()):
            return doubt(weight * told) + words * text
        return doubt(_GROUP * believe(self.photos) * told) + _WORDS * words * text

    def _levelled(self, told: Tensor, text: Tensor) -> dict[str, Tensor]:
        which, (words, weight) = self.has_photos, self.weights
        if not bool(which.any()):
            return {"text": text, "photos": torch.zeros_like(text)}
        photos = doubt(weight * told)
        if bool(which.all()):
            return {"text": text if self.texts is None else words * text, "photos": photos}
        mean = text.mean(dim=1, keepdim=True)
        said = torch.where(which, words * text + (1 - words) * mean, text)
        text_level, group_level = self.levels
        asked = self._asked(told, text - mean)[:, which]
        among = (photos + words * (text - mean))[:, which]
        group = asked.logsumexp(1, keepdim=True) - among.logsumexp(1, keepdim=True)
        level = text_level - group_level + _LEAN
        return {"text": said, "photos": torch.where(which, photos + group + level, 0.0)}

    def _joint(self, photos: Tensor) -> Tensor | None:
        """Vectors of some photos in the space of the texts; None without texts or photos."""
        if self.texts is None or not self.joint_dim or not len(self):
            return None
        columns = slice(0, self.joint_dim)
        return torch.from_numpy(self.photos.statistics.select(photos.numpy(), columns))

    @cached_property
    def _mean_text(self) -> Tensor:
        return torch.zeros(0) if self.texts is None else self.texts.mean(dim=0)

    def _text_logits(self, joint: Tensor | None, n: int) -> Tensor:
        cosines = self.cosines(joint)
        return torch.zeros(()).expand(n, len(self)) if cosines is None else self._read(cosines)

    def _read(self, cosines: Tensor) -> Tensor:
        assert self.reading is not None  # noqa: S101 - comes with texts
        return (cosines * self.reading.scale).add_(self.reading.bias)

    def _general(self, generator: torch.Generator) -> Tensor | None:
        """Draw vectors of pictures in general, in the space of the texts."""
        if self.texts is None or self.joint_background is None:
            return None
        return draw_pictures(self.joint_background, _PICTURES, generator)
