"""Which vectors of an encoder a library keeps, and how they are read again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fgmm.embedding import embed_images
from fgmm.embeddings import Embeddings, check_space
from fgmm.encoders.both_layers import join_layers
from fgmm.errors import WeightsNotFound
from fgmm.images import read_image
from fgmm.scoring import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fewshot import Background
    from fgmm.embedding import ImageEmbeddings
    from fgmm.encoders.base import Encoder, ImageEncoder, Layer

__all__ = ["PictureLayers"]

_log = logging.getLogger("fgmm")


class PictureLayers:
    """Pictures as a library keeps them.

    Photos are compared by the features, words with the joint layer. Of an encoder that reads texts
    both are kept, end to end as `fgmm.encoders.both_layers` makes them; of another the features.

    Parameters
    ----------
    encoder : ImageEncoder

    Attributes
    ----------
    encoder : ImageEncoder
    reader : Encoder or None
        The same, where it reads texts.
    reading : Reading or None
        How its cosines with texts become logits.
    space : str
        Of what is kept.
    dim, joint_dim : int
        Numbers kept of each picture, and how many of them are of the joint layer.
    """

    def __init__(self, encoder: ImageEncoder) -> None:
        given: Any = encoder
        self.encoder = encoder
        self.reader: Encoder | None = given if hasattr(encoder, "encode_texts") else None
        self._both = None
        self.reading: Reading | None = None
        self.joint_dim = 0
        if self.reader is None:
            empty = encoder.encode_images([], layer="features")
            self.space, self.dim, self._feature_space = empty.space, empty.dim, empty.space
            return
        self._both = join_layers(encoder)
        self.space, self.dim = self._both.space, self._both.dim
        self._feature_space = self._both.spaces[1]
        self.joint_dim = encoder.dim
        self.reading = Reading(self.reader.logit_scale, self.reader.logit_bias, self.reader.scoring)

    def embed(self, images: Iterable[Any], **options: Any) -> ImageEmbeddings:
        """Encode many pictures; the options are those of `fgmm.embed_images`."""
        return embed_images(images, encoder=self._both or self.encoder, layer="features", **options)

    def encode_one(self, image: Any) -> Embeddings:
        """Encode one picture, in this thread.

        Raises
        ------
        ImageError
            If it cannot be read.
        """
        return (self._both or self.encoder).encode_images([read_image(image)], layer="features")

    def split(self, kept: Embeddings) -> tuple[Embeddings, Embeddings | None]:
        """Take features and joint vectors apart.

        Parameters
        ----------
        kept : Embeddings of n rows

        Returns
        -------
        features : Embeddings of n rows
        joint : Embeddings of n rows or None
            None where the encoder reads no texts.
        """
        if self._both is None:
            return Embeddings(kept.vectors, kept.space), None
        joint, features = self._both.split(kept)
        return features, joint

    def background(self, given: Background | None) -> Background | None:
        """Give what pictures of this encoder look like in general, by their features.

        Parameters
        ----------
        given : Background or None
            None: what the encoder brings, if it does.

        Raises
        ------
        SpaceMismatch
            If the one that is given is of another space.
        """
        if given is None:
            return self._own_background("features", self._feature_space)
        check_space(given.space, self._feature_space)
        return given

    def joint_background(self) -> Background | None:
        """Give the same of the joint layer, where texts are read and the encoder brings it."""
        return None if self.reader is None else self._own_background("joint", self.reader.space)

    def _own_background(self, layer: Layer, space: str) -> Background | None:
        give = getattr(self.encoder, "background", None)
        if give is None:
            return None
        try:
            found: Background = give(layer)
        except WeightsNotFound as error:
            _log.warning("%s; photos are judged without it", error)
            return None
        return found if found.space == space else None
