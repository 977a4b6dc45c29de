"""Scores of a collection's species; how words and photos come to one scale: `common_scale`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from fgmm.recognition.calibration import LeftOut
from fgmm.recognition.common_scale import CommonScale, Told
from fgmm.recognition.levels import draw_pictures
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
            return self.scale.evidence(Told(told, self._text_logits(joint, len(features))))
        return self.scale.evidence(Told(told, self._read(cosines)))

    def none_of_these(self, joint: Tensor | None, n: int) -> Tensor:
        """Logit of "none of these", (n,), on the scale of the others' for the same pictures.

        Species with photos, or words, are ahead of it where the picture is likelier of them than
        of pictures in general.
        """
        mean = torch.zeros(n)
        if joint is not None and self.texts is not None:
            mean = self._read(joint @ self._mean_text)  # the mean of their logits
        return self.scale.none_of_these(mean)

    def left_out(self, photos: Tensor | None = None) -> LeftOut:
        """Score photos of the collection as if they had not been given.

        Parameters
        ----------
        photos : Tensor of shape (n,), int64, optional
            Their numbers, species after species; all if not given.

        Returns
        -------
        LeftOut
        """
        every = torch.arange(len(self.digests)) if photos is None else photos
        labels = self.photos.owners[every]
        logits = torch.empty(len(labels), len(self))
        # a block at a time, so that what lies between stays in the cache
        rows = _ROWS_A_BLOCK if self.photos.background is not None else max(1, len(labels))
        for start in range(0, len(labels), rows):
            some = every[start : start + rows]
            text = self._text_logits(self._joint(some), len(some))
            told = self.scale.evidence(Told(self.photos.left_out(some), text))
            torch.add(told["text"], told["photos"], out=logits[start : start + rows])
        logits[self.photos.counts[labels] < 2] = torch.nan
        return LeftOut(logits, labels, tuple(self.digests[at] for at in every.tolist()))

    @cached_property
    def scale(self) -> CommonScale:
        """How words and photos add up: weights as `FusedHead` finds them, and levels."""
        judges, judged = self._judged
        text = None if self.texts is None else judged.text
        words, weight = find_weights(self.photos, judged.photos, text, judges)
        scale = CommonScale(
            self.has_photos, words, weight, believe(self.photos), self.texts is not None
        )
        own = self.photos.owners[judges]
        several = self.photos.counts[own] > 1
        return scale.levelled(lambda: self._general(judged.text), judged, own, several)

    @cached_property
    def _judged(self) -> tuple[Tensor, Told]:
        """Photos that judge, and what is said of them as if they had not been given."""
        judges = choose_judges(self.digests)
        text = self._text_logits(self._joint(judges), len(judges))
        return judges, Told(self.photos.left_out(judges), text)

    def _general(self, otherwise: Tensor) -> Told:
        """Say of pictures in general what there is to be said; some text if nothing is."""
        generator = torch.Generator().manual_seed(0)
        photos = self.photos.general(_PICTURES, generator)
        joint = None
        if self.texts is not None and self.joint_background is not None:
            joint = draw_pictures(self.joint_background, _PICTURES, generator)
        n = len(photos) if joint is None else len(joint)
        return Told(photos, self._text_logits(joint, n) if n else otherwise)

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
