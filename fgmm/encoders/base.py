"""The seam between pictures or words and mathematics.

These are protocols: an encoder need not import fgmm. What cannot be written as a type
is written as sentences here, and `fgmm.check_encoder` runs the sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image
    from torch import Tensor
    from typing_extensions import TypeIs

    from fgmm.embeddings import Embeddings

__all__ = [
    "Encoder",
    "ImageEncoder",
    "Layer",
    "PatchEncoder",
    "Patches",
    "PreparingEncoder",
    "Scoring",
    "prepares",
]

Layer = Literal["joint", "features"]
Scoring = Literal["softmax", "sigmoid"]


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """Grid features of pictures.

    ``vectors`` is (n, p, d) float32 with unit rows; the p patches run row by row over a
    grid of ``grid`` = (rows, columns).
    """

    vectors: Tensor
    grid: tuple[int, int]
    space: str


@runtime_checkable
class ImageEncoder(Protocol):
    """Turns pictures into unit vectors.

    Attributes
    ----------
    space : str
        Name of the joint space: a pure function of architecture, weights and
        preprocessing. Also the cache key: two encoders of one space give the same vectors.
    dim : int
        Length of a joint vector.

    Notes
    -----
    It may say more, and need not: ``name``, what it is called in the provenance of a
    prediction; ``dtype``, what it computes in, where that is not float32, and ``on_long``,
    "truncate" if it cuts long texts (vectors that differ by these are kept apart); and
    ``device``, where it computes.
    """

    @property
    def space(self) -> str:
        """Name of the joint space."""
        ...

    @property
    def dim(self) -> int:
        """Length of a joint vector."""
        ...

    def encode_images(self, images: Sequence[Image], *, layer: Layer = "joint") -> Embeddings:
        """Encode RGB pictures; row i depends on picture i alone, never on its batch.

        ``layer="features"`` gives what comes before the projection into the joint space:
        a space of its own, often better for comparing photos with photos. An encoder
        without a projection gives the same vectors for both. No pictures, no rows.
        """
        ...


@runtime_checkable
class Encoder(ImageEncoder, Protocol):
    """Turns texts into the same space as pictures.

    Attributes
    ----------
    logit_scale, logit_bias : float
        ``logit = logit_scale * cosine + logit_bias``.
    scoring : {"softmax", "sigmoid"}
        How the encoder was trained to read its logits.
    context_length : int
        Longest text in tokens, special tokens counted.
    """

    @property
    def logit_scale(self) -> float:
        """What a cosine is multiplied by."""
        ...

    @property
    def logit_bias(self) -> float:
        """What is added to a scaled cosine."""
        ...

    @property
    def scoring(self) -> Scoring:
        """How logits are to be read."""
        ...

    @property
    def context_length(self) -> int:
        """Longest text in tokens."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Encode texts into the pictures' space.

        A text that is too long raises `fgmm.errors.TextTooLong`; it is never cut silently.
        """
        ...


@runtime_checkable
class PreparingEncoder(ImageEncoder, Protocol):
    """Encodes pictures in two steps: workers do the first while the model computes.

    An encoder need not offer this; one that offers only one of the two is given pictures.
    """

    def prepare(self, image: Image) -> Any:
        """Make one RGB picture ready for the network, in whatever form.

        It is called in several threads at once, leaves the picture as it is, and keeps
        nothing of it but the result: the picture is let go of before it is encoded.
        """
        ...

    def encode_prepared(self, pictures: Sequence[Any], *, layer: Layer = "joint") -> Embeddings:
        """Encode what `prepare` gave, one batch of at least one.

        Gives the very rows and space that ``encode_images`` gives for these pictures. An
        encoder whose ``device`` is "cpu" is called in several threads at once.
        """
        ...


@runtime_checkable
class PatchEncoder(ImageEncoder, Protocol):
    """Also gives the features of a picture's patches."""

    def encode_patches(self, images: Sequence[Image]) -> Patches:
        """Encode pictures into one vector a patch."""
        ...


def prepares(encoder: object) -> TypeIs[PreparingEncoder]:
    """Say whether an encoder offers both steps of a `PreparingEncoder`."""
    return all(callable(getattr(encoder, step, None)) for step in ("prepare", "encode_prepared"))
