"""The logit scale, fitted through the encoder that is shipped and as users will ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional
from PIL import Image
from torch import Tensor

import fgmm
from fgmm.prompts import class_matrix
from tiny_training.pictures import PictureSet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fgmm.encoders.base import Encoder

__all__ = ["fit_scale", "pil_pictures", "steering_cosines"]


def pil_pictures(pools: Iterable[PictureSet]) -> list[Image.Image]:
    """The pictures of all sets, one after the other, as a user would hand them over."""
    return [Image.fromarray(p) for s in pools for p in s.pictures.permute(0, 2, 3, 1).numpy()]


def steering_cosines(
    encoder: Encoder, steer: list[PictureSet], names: dict[str, dict[str, str]]
) -> list[tuple[Tensor, Tensor]]:
    """What `fgmm.classify` would compare on the steering pictures.

    Parameters
    ----------
    encoder : Encoder
        The shipped folder's own: half precision, its own preprocessing and tokenizer.
    steer : list of PictureSet
    names : mapping
        Set -> class key -> the name a user types; it goes into the default templates.

    Returns
    -------
    list of (Tensor of shape (n, k), Tensor of shape (n,))
        For each set cosines of pictures with all its classes, and the labels.
    """
    compared = []
    for found in steer:
        classes = class_matrix(encoder, {c: names[found.name][c] for c in found.classes})
        seen = fgmm.embed_images(pil_pictures([found]), encoder=encoder, batch_size=128)
        compared.append((seen.cosine(classes.matrix), found.labels))
    return compared


def fit_scale(compared: list[tuple[Tensor, Tensor]]) -> float:
    """The logit scale that makes the labels most likely; every set counts the same.

    Parameters
    ----------
    compared : list of (Tensor of shape (n, k), Tensor of shape (n,))
        Cosines and labels of each set.

    Returns
    -------
    float
        Minimises the sum over sets of the mean cross-entropy of ``scale * cosines``.
    """
    log_scale = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([log_scale], max_iter=100, line_search_fn="strong_wolfe")
    pairs = [(cosines.double(), labels) for cosines, labels in compared]

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = sum(functional.cross_entropy(20 * log_scale.exp() * x, y) for x, y in pairs)
        loss.backward()
        return loss

    optimiser.step(closure)
    return float(20 * log_scale.detach().exp())
