"""Two layers of an encoder at once, so that each picture is read and prepared once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fgmm.embeddings import Embeddings, unit_rows
from fgmm.encoders.base import prepares
from fgmm.encoders.inputs import check_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fgmm.encoders.base import ImageEncoder, Layer

__all__ = ["BothLayers", "PreparedBothLayers", "join_layers"]


class BothLayers:
    """An encoder whose vectors are those of the joint layer and of the features, end to end.

    Each half has length 1 / sqrt(2), so the whole has length one; `split` takes them apart. The
    network runs once where the encoder has ``encode_both_prepared``, and twice where it has not:
    the protocol of encoders knows no call that gives both.

    Parameters
    ----------
    encoder : ImageEncoder

    Attributes
    ----------
    spaces : tuple of two str
        Of the joint layer and of the features.
    """

    def __init__(self, encoder: ImageEncoder) -> None:
        self._encoder: Any = encoder
        empty = encoder.encode_images([], layer="features")
        self.spaces = (encoder.space, empty.space)
        self._dims = (encoder.dim, empty.dim)
        self.space = f"{encoder.space} and {empty.space}"
        self.dim = sum(self._dims)
        for said in ("dtype", "device"):  # what an encoder may say, and must not if it does not
            if hasattr(encoder, said):
                setattr(self, said, getattr(encoder, said))

    def encode_images(self, images: Sequence[Any], *, layer: Layer = "joint") -> Embeddings:
        """Encode pictures by both layers, whichever is asked for."""
        return self._joined([self._encoder.encode_images(images, layer=one) for one in _LAYERS])

    def split(self, both: Embeddings) -> tuple[Embeddings, Embeddings]:
        """Take joint vectors and features apart again."""
        halves = torch.split(both.vectors, list(self._dims), dim=1)
        joint, features = (
            Embeddings(unit_rows(half), space)
            for half, space in zip(halves, self.spaces, strict=True)
        )
        return joint, features

    def _joined(self, layers: Sequence[Embeddings]) -> Embeddings:
        return Embeddings(unit_rows(torch.cat([one.vectors for one in layers], dim=1)), self.space)


class PreparedBothLayers(BothLayers):
    """The same of an encoder that prepares pictures in one step and encodes them in another."""

    def prepare(self, image: Any) -> Any:
        """Make one picture ready, once for both layers."""
        return self._encoder.prepare(image)

    def encode_images(self, images: Sequence[Any], *, layer: Layer = "joint") -> Embeddings:
        """Encode pictures by both layers, whichever is asked for."""
        if not hasattr(self._encoder, "encode_both_prepared") or not len(images):
            return super().encode_images(images, layer=layer)
        check_images(images)
        blocks = [images[start : start + _AT_ONCE] for start in range(0, len(images), _AT_ONCE)]
        rows = [self.encode_prepared(list(map(self.prepare, block))).vectors for block in blocks]
        return Embeddings(torch.cat(rows), self.space)

    def encode_prepared(self, pictures: Sequence[Any], *, layer: Layer = "joint") -> Embeddings:
        """Encode what `prepare` gave by both layers."""
        if hasattr(self._encoder, "encode_both_prepared"):
            return self._joined(self._encoder.encode_both_prepared(pictures))
        return self._joined([self._encoder.encode_prepared(pictures, layer=one) for one in _LAYERS])


_LAYERS: tuple[Layer, Layer] = ("joint", "features")
_AT_ONCE = 64


def join_layers(encoder: ImageEncoder) -> BothLayers:
    """Make an encoder of both layers; it prepares pictures where the encoder does.

    Examples
    --------
    >>> from PIL import Image
    >>> from fgmm import load_encoder
    >>> encoder = load_encoder("fake")
    >>> both = join_layers(encoder)
    >>> joint, features = both.split(both.encode_images([Image.new("RGB", (8, 8), "red")]))
    >>> joint.space == encoder.space
    True
    """
    return PreparedBothLayers(encoder) if prepares(encoder) else BothLayers(encoder)
