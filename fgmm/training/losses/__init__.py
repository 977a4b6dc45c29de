"""Losses, a file each. All take what a whole batch gives and return one number."""

from __future__ import annotations

from fgmm.training.losses.centre import CentreLoss
from fgmm.training.losses.clip import clip_loss
from fgmm.training.losses.distillation import match_cosines, match_probabilities
from fgmm.training.losses.maximum_entropy import mean_entropy
from fgmm.training.losses.prototypes import prototype_logits, prototype_loss
from fgmm.training.losses.siglip import siglip_loss

__all__ = [
    "CentreLoss",
    "clip_loss",
    "match_cosines",
    "match_probabilities",
    "mean_entropy",
    "prototype_logits",
    "prototype_loss",
    "siglip_loss",
]
