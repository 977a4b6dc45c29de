"""Copies of encoders, to be changed: the one place that reaches into their private parts."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import torch

from fgmm.encoders.fingerprint import LazyFingerprint
from fgmm.encoders.neural import NeuralImageEncoder
from fgmm.encoders.neural_text import NeuralEncoder
from fgmm.encoders.registry import name_encoder
from fgmm.encoders.timm_images import TimmImageEncoder
from fgmm.errors import TrainingError

if TYPE_CHECKING:
    from fgmm.encoders.base import ImageEncoder

__all__ = ["HIGHEST_SCALE", "copy_encoder", "name_anew", "settle", "shared_parts"]

HIGHEST_SCALE = math.log(100.0)
"""Logarithm of the highest logit scale that is learned (Radford et al. 2021, section 2.5)."""

_SHARED = ("_tokenizer", "_processor", "_transform")  # large, and never changed


def copy_encoder(encoder: ImageEncoder) -> NeuralImageEncoder:
    """Copy an encoder so that the copy may be changed.

    Parameters
    ----------
    encoder : ImageEncoder
        Of open_clip or transformers, in float32.

    Returns
    -------
    NeuralImageEncoder
        It names its space by the weights that it has when it is first asked.

    Raises
    ------
    TrainingError
        If it is of another kind, or in half precision.
    """
    name = name_encoder(encoder)
    if not isinstance(encoder, NeuralImageEncoder) or isinstance(encoder, TimmImageEncoder):
        raise TrainingError(
            f"encoder {name!r} cannot be trained: those of open_clip ('tiny' is one) and of "
            "transformers can"
        )
    if encoder.dtype is not torch.float32:
        raise TrainingError(
            f"encoder {name!r} is in {encoder.dtype}: load it in float32; precision='bfloat16' "
            "makes products in bfloat16 all the same"
        )
    return name_anew(copy.deepcopy(encoder, shared_parts(encoder)))


def shared_parts(encoder: NeuralImageEncoder) -> dict[int, Any]:
    """Give what a copy need not copy.

    Parameters
    ----------
    encoder : NeuralImageEncoder

    Returns
    -------
    dict of int to object
        As `copy.deepcopy` takes it.
    """
    parts = [getattr(encoder, name, None) for name in _SHARED]
    return {id(part): part for part in parts if part is not None}


def name_anew(encoder: NeuralImageEncoder) -> NeuralImageEncoder:
    """Let an encoder whose weights change name its space by them, when it is next asked.

    Parameters
    ----------
    encoder : NeuralImageEncoder
        Is changed.

    Returns
    -------
    NeuralImageEncoder
        The same.
    """
    description = encoder._fingerprint._description
    encoder._fingerprint = LazyFingerprint(encoder._model, description)
    return encoder


def settle(encoder: NeuralImageEncoder) -> NeuralImageEncoder:
    """Let an encoder whose weights were changed be used: scale and bias as its network has them.

    Parameters
    ----------
    encoder : NeuralImageEncoder
        Is changed.

    Returns
    -------
    NeuralImageEncoder
        The same.
    """
    model = encoder._model.eval().requires_grad_(False)
    if isinstance(encoder, NeuralEncoder):
        first = math.log(encoder.logit_scale)
        model.logit_scale.clamp_(max=max(HIGHEST_SCALE, first))
        encoder.logit_scale = float(model.logit_scale.exp())
        if getattr(model, "logit_bias", None) is not None:
            encoder.logit_bias = float(model.logit_bias)
    return encoder
