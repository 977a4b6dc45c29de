"""What the shipped encoder's vectors look like in general, on pictures not trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file
from torch import Tensor

import fgmm
from tiny_training.pictures import PictureSet
from tiny_training.scale import pil_pictures

if TYPE_CHECKING:
    from fgmm.encoders.base import Encoder

__all__ = ["fit_background", "say_source", "write_background"]

SOURCES = {
    "general": "tiny_imagenet val",
    "grocery": "grocery val (base classes)",
    "flowers": "flowers, base, image number 1 modulo 20",
    "birds": "field guide, base species in new poses",
}


def write_background(folder: Path, encoder: Encoder, pools: list[PictureSet]) -> None:
    """Fit the background of both layers on ``pools`` and write it into ``folder``.

    Parameters
    ----------
    folder : Path
    encoder : Encoder
        The folder's own: the file says whose vectors it describes.
    pools : list of PictureSet
        Classes of different sets are different classes.
    """
    pictures = pil_pictures(pools)
    sizes = [len(s.classes) for s in pools]
    labels = torch.cat([s.labels + sum(sizes[:i]) for i, s in enumerate(pools)])
    layers = {
        x: fgmm.embed_images(pictures, encoder=encoder, layer=x, batch_size=128)
        for x in ("joint", "features")
    }
    about = {
        "n": str(len(labels)),
        "source": say_source(pools),
        "spaces": json.dumps({k: v.space for k, v in layers.items()}),
    }
    fitted = fit_background({k: v.vectors for k, v in layers.items()}, labels)
    save_file(fitted, folder / "background.safetensors", metadata=about)


def say_source(pools: list[PictureSet]) -> str:
    """Which pictures, how many of each kind, and how wide they were."""
    told = [
        f"{SOURCES[s.name]}: {len(s):,} pictures of {len(s.labels.unique())} classes, "
        f"{s.pictures.shape[-1]} pixels wide"
        for s in pools
    ]
    return (
        "; ".join(told) + "; each resized to what the encoder reads, smaller ones enlarged; "
        "none of them trained on"
    )


def fit_background(vectors: dict[str, Tensor], labels: Tensor) -> dict[str, Tensor]:
    """Mean, within-class and total covariance of each layer's unit vectors."""
    out = {}
    for layer, x in vectors.items():
        x = x.double()
        counts = torch.bincount(labels).double().unsqueeze(1)
        means = torch.zeros(len(counts), x.shape[1], dtype=torch.float64).index_add_(
            0, labels, x
        ) / counts.clamp(min=1)
        around = x - means[labels]
        centred = x - x.mean(0)
        out[f"{layer}.mean"] = x.mean(0).float()
        out[f"{layer}.within"] = (around.T @ around / (len(x) - int((counts > 0).sum()))).float()
        out[f"{layer}.total"] = (centred.T @ centred / (len(x) - 1)).float()
    return out
