"""The part of an extended classifier that weighs what is gained against what is lost."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from fgmm.embeddings import Embeddings
from fgmm.errors import LibraryError, ModelError
from fgmm.plurals import counted
from fgmm.recognition.looking import look_at
from fgmm.recognition.sources import list_sources
from fgmm.recognition.tradeoff import Judged, Tradeoff, owners_of, weigh_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fgmm.recognition.beside import Beside
    from fgmm.recognition.examples import Examples
    from fgmm.recognition.layers import PictureLayers
    from fgmm.recognition.own_model import OwnModel
    from fgmm.recognition.standing import Standing
    from fgmm.recognizer import Recognizer

__all__ = ["Weighing"]


class Weighing:
    """Says and sets the level: what a `fgmm.ExtendedClassifier` asks of new species."""

    recognizer: Recognizer
    labels: tuple[str, ...]
    _model: OwnModel
    _layers: PictureLayers
    _examples: Examples
    _beside: Beside
    _fixed: float | None

    @property
    def level(self) -> float:
        """How far ahead of all else a new species has to be, in nats; 0 where there is none."""
        if self._fixed is not None:
            return self._fixed
        standing = self._standing()
        return 0.0 if standing is None else standing.level

    def set_level(self, level: float | None) -> None:
        """Choose a level oneself, such as one of `tradeoff`'s.

        Parameters
        ----------
        level : float or None
            In nats: more keeps more of the old pictures and finds fewer of the new ones. None:
            by the rule again, see `Recognizer.extend`.

        Raises
        ------
        ModelError
            If it is no finite number.
        """
        if level is not None and not (isinstance(level, (int, float)) and math.isfinite(level)):
            raise ModelError(
                f"the level is {level!r}: it is a finite number of nats, or None; tradeoff() lists "
                "what levels do"
            )
        self._fixed = None if level is None else float(level)

    def tradeoff(self, images: Any = None, labels: Sequence[str] | None = None) -> Tradeoff:
        """Say what each level costs on the model's classes, and finds of the new species.

        Parameters
        ----------
        images : pictures, optional
            To judge by. Without any, the examples and the new species' photos do, each as if it
            had not been given; of very many, some that are evenly spread.
        labels : sequence of str, optional
            What each picture shows: labels of the model, names of new species. Without them all
            are of the model's classes, and only how many it still answers is told.

        Returns
        -------
        Tradeoff
            It prints as a table. New species are judged by their photos where no picture shows
            one.

        Raises
        ------
        LibraryError
            If there is no new species.
        ImageError
            If a picture cannot be read, or there are none.
        ModelError
            If there is not one known label for each.
        """
        standing = self._standing()
        if standing is None:
            raise LibraryError("there is no new species, and nothing to weigh up: add one first")
        old, new = standing.old, standing.new
        told = [
            _judged(len(old), len(standing.examples), "example", "give examples="),
            _judged(len(new), standing.n_new, "photo", "two photos needed"),
        ]
        labelled = self._examples.labelled
        if images is not None:
            labelled = labels is not None
            old, shown = self._judge(images, labels, standing)
            told[0] = f"{counted(len(old), 'picture')} given"
            if len(shown):
                new, told[1] = shown, f"{counted(len(shown), 'picture')} given"
        return weigh_up(old, new, self.level, told[0], told[1], labelled=labelled)

    def _standing(self) -> Standing | None:
        return self._beside.standing(self.recognizer.collection)

    def _judge(
        self, images: Any, labels: Sequence[str] | None, standing: Standing
    ) -> tuple[Judged, Judged]:
        """Judge pictures of old classes, and of new ones if labels say that some are."""
        listed, k = list_sources(images), len(self.labels)
        sources = [images] if listed is None else listed
        owners = owners_of(labels, len(sources), self.labels + standing.species)
        found = look_at(sources, self._model, self._layers, strict=True)
        kept = Embeddings(found.kept, self._layers.space)
        margins, best = standing.judge(kept, found.said.amax(1))
        right = torch.where(owners < k, found.said.argmax(1) == owners, best == owners - k)
        old = owners < k
        return Judged(margins[old], right[old]), Judged(margins[~old], right[~old])


def _judged(n: int, of: int, what: str, otherwise: str) -> str:
    """Say in words who was judged."""
    if not n:
        return otherwise
    some = counted(n, what) if n == of else f"{n:,} of {counted(of, what)}, evenly spread"
    return f"{some}, each left out"
