"""Whether an exported encoder gives the vectors of the encoder it was written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from fgmm.encoders.check_tools import SOME_TEXTS, some_pictures
from fgmm.encoders.neural_text import NeuralEncoder
from fgmm.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image
    from torch import Tensor

__all__ = ["Agreement", "compare_encoders"]

_DIFFERENCE, _COSINE, _INT8_COSINE = 1e-4, 0.99999, 0.95
_TEXTS = (*SOME_TEXTS, "a photo of a Laysan albatross, a large white bird with dark wings")


@dataclass(frozen=True)
class Agreement:
    """How far an export's unit vectors are from the encoder's.

    ``difference`` is the largest of any component; ``cosine`` the smallest of any vector.
    """

    difference: float
    cosine: float


def compare_encoders(
    encoder: Any, export: Any, shown: Sequence[Image], int8: bool, least: float | None
) -> dict[str, Agreement]:
    """Compare what was written with what it was written from, on pictures and texts.

    Parameters
    ----------
    encoder, export : ImageEncoder
    shown : sequence of PIL images
        A user's own, added to some of ours; alone where int8 was fitted to their kind.
    int8 : bool
    least : float, optional
        The smallest cosine allowed.

    Returns
    -------
    dict of str to Agreement
        Of "joint", "features" and, where there are any, "texts".

    Raises
    ------
    ExportError
        If a cosine is smaller than allowed, or a component too far off.
    """
    # what was fitted to pictures of one kind says little about noise
    images = list(shown) if int8 and shown else [*some_pictures(), *shown]
    found = {}
    for layer in ("joint", "features"):
        theirs = encoder.encode_images(images, layer=layer).vectors
        ours = export.encode_images(images, layer=layer).vectors
        alone = export.encode_images(images[:1], layer=layer).vectors
        found[layer] = _agree(torch.cat([ours, alone]), torch.cat([theirs, theirs[:1]]))
    if isinstance(encoder, NeuralEncoder):
        texts = [
            text for text in _TEXTS if max(encoder._count_tokens([text])) <= encoder.context_length
        ]
        theirs = encoder.encode_texts(texts).vectors
        ours = torch.cat(
            [export.encode_texts(texts).vectors, export.encode_texts(texts[:1]).vectors]
        )
        found["texts"] = _agree(ours, torch.cat([theirs, theirs[:1]]))
    bound = least if least is not None else (_INT8_COSINE if int8 else _COSINE)
    for layer, one in found.items():
        exact = int8 or least is not None or one.difference <= _DIFFERENCE
        if not (exact and one.cosine >= bound):
            raise ExportError(
                f"encoder {encoder.name!r}: what was written is another encoder. Its {layer} have "
                f"cosine {one.cosine:.6f} with the encoder's and differ by {one.difference:.2g} at "
                f"worst; {bound} is asked for. "
                + ("Use more pictures, or do without int8" if int8 else "Nothing was kept")
            )
    return found


def _agree(ours: Tensor, theirs: Tensor) -> Agreement:
    cosines = (ours.double() * theirs.double()).sum(1)
    return Agreement(float((ours - theirs).abs().max()), float(cosines.min()))
