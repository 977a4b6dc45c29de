"""What a model somebody has and its examples say beside any collection of new species."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fgmm.embeddings import Embeddings
from fgmm.errors import ImageError
from fgmm.images import read_image
from fgmm.recognition.examples import stand_beside
from fgmm.recognition.sources import content_of
from fgmm.recognition.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fgmm.library import Collection
    from fgmm.recognition.examples import Examples
    from fgmm.recognition.layers import PictureLayers
    from fgmm.recognition.moment import Moment
    from fgmm.recognition.own_model import OwnModel

__all__ = ["Beside"]


class Beside:
    """Makes a `Standing` of each collection of new species, and keeps the last.

    Parameters
    ----------
    model : OwnModel
    layers : PictureLayers
    make : callable
        Makes all that a collection's scores need.
    examples : Examples
    share : float
        Of examples that may lose their right answer.
    """

    def __init__(
        self,
        model: OwnModel,
        layers: PictureLayers,
        make: Callable[[Collection], Moment],
        examples: Examples,
        share: float,
    ) -> None:
        self._model, self._layers, self._make = model, layers, make
        self._examples, self._share = examples, share
        self._tops: dict[str, float] = {}
        self._held: Standing | None = None

    def check(self, collection: Collection) -> None:
        """Raise what would be raised once a species is added: of labels that cannot be read."""
        both, _, _ = self._stand(collection)
        if len(both):
            self._make(both)

    def standing(self, collection: Collection) -> Standing | None:
        """Give what is known of a collection; None where there is no new species."""
        if not len(collection):
            return None
        if self._held is None or self._held.collection is not collection:
            both, places, alone = self._stand(collection)
            self._held = Standing(
                collection,
                self._model.labels,
                self._make(both),
                places,
                self._examples.without(collection),
                alone,
                self._photos_tops(collection),
                self._share,
            )
        return self._held

    def show(self, photos: Any) -> None:
        """Show the model photos of new species that it has not seen, each once.

        Parameters
        ----------
        photos : picture, or list of pictures
            Those that cannot be read are passed over.
        """
        if self._model.reads_vectors:  # those are kept
            return
        new: dict[str, Any] = {}
        for source in photos if isinstance(photos, list) else [photos]:
            try:
                digest, ready = content_of(source, "a photo")
            except ImageError:
                continue
            if digest not in self._tops:
                new[digest] = ready
        size, digests = self._model.batch_size, list(new)
        for start in range(0, len(digests), size):
            some = digests[start : start + size]
            said = self._model.log_probabilities([read_image(new[one]) for one in some])
            self._tops.update(zip(some, said.amax(1).tolist(), strict=True))

    def _stand(self, collection: Collection) -> tuple[Collection, list[int], list[int]]:
        examples = self._examples.without(collection)
        words = self._layers.reader is not None
        return stand_beside(collection, self._model.labels, examples, words=words)

    def _photos_tops(self, collection: Collection) -> Mapping[str, float]:
        if not self._model.reads_vectors:
            return self._tops
        rows = torch.from_numpy(np.concatenate([one.photos.vectors for one in collection]))
        features, _ = self._layers.split(Embeddings(rows, self._layers.space))
        said = self._model.log_probabilities(features.vectors).amax(1).tolist()
        digests = [digest for one in collection for digest in one.photos.digests]
        return dict(zip(digests, said, strict=True))
