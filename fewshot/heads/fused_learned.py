"""`FusedHead` whose trust in words and photos is corrected by what base classes taught."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from fewshot.heads.fused import FusedHead

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.photo_evidence import PhotoModel
    from fewshot.support import Support

__all__ = ["LearnedFusedHead"]

_DOUBT = 2.0  # photos a model's own spread counts for beside the spread seen


class LearnedFusedHead(FusedHead):
    """`FusedHead` with evidence weights that are a learned function of shots and spread.

    With ``w_T`` and ``w_P`` as `FusedHead` weighs words and photos, ``n`` the mean number of photos
    of the classes that have any, and ``v`` their variance within classes in units of the
    model's::

        w_T <- w_T exp(words + words_shots log n + words_spread log v)
        w_P <- min(1, w_P exp(photos + photos_shots log n + photos_spread log v))

    All six are zero to begin with: `FusedHead` itself.

    Parameters
    ----------
    words, words_shots, words_spread : float, default=0.0
        Of the weight of words; finite. They are learned.
    photos, photos_shots, photos_spread : float, default=0.0
        Of the weight of photos; finite. They are learned.

    Notes
    -----
    ``v = (2 + sum of squares / d) / (2 + degrees of freedom)``, so that it is 1 at one photo a
    class. The formula is this project's own. Without words no answer changes, as one weight
    for all classes never changes their order; without photos these are the zero-shot logits.
    Results of a trained one are labelled "base-trained": it is no longer a head without choices.

    References
    ----------
    Ioffe: Probabilistic linear discriminant analysis. ECCV 2006 (the photo evidence).

    Examples
    --------
    >>> import torch
    >>> from fewshot import LearnedFusedHead, Support, Words
    >>> words = Words(torch.eye(2), logit_scale=10.0)
    >>> one = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool), words)
    >>> LearnedFusedHead(words=-9.0).fit(one).logits(torch.eye(2)).argmax(-1)
    tensor([0, 1])
    """

    learnable = MappingProxyType(
        {
            "words": "real",
            "words_shots": "real",
            "words_spread": "real",
            "photos": "real",
            "photos_shots": "real",
            "photos_spread": "real",
        }
    )

    def __init__(
        self,
        words: float = 0.0,
        words_shots: float = 0.0,
        words_spread: float = 0.0,
        photos: float = 0.0,
        photos_shots: float = 0.0,
        photos_spread: float = 0.0,
    ) -> None:
        super().__init__()
        self.words, self.words_shots, self.words_spread = words, words_shots, words_spread
        self.photos, self.photos_shots, self.photos_spread = photos, photos_shots, photos_spread
        for name in self.learnable:
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} is {getattr(self, name)}: it must be finite")

    def _weights(
        self,
        support: Support,
        model: PhotoModel,
        x: Tensor,
        points: Tensor,
        sums: Tensor,
        counts: Tensor,
        real: Tensor,
    ) -> tuple[Tensor, Tensor]:
        words, photos = super()._weights(support, model, x, points, sums, counts, real)
        shots, spread = _describe(points, support.labels, sums, counts)
        seen = real.any(-1)
        told = self.words + self.words_shots * shots + self.words_spread * spread
        shown = self.photos + self.photos_shots * shots + self.photos_spread * spread
        # without photos there is nothing to weigh words against: they are taken as they are
        words = words * torch.where(seen, told, 0.0).exp().to(words)
        return words, (photos * shown.exp().to(photos)).clamp(max=1.0)


def _describe(
    points: Tensor, labels: Tensor, sums: Tensor, counts: Tensor
) -> tuple[Tensor, Tensor]:
    """Logarithms of the photos a class, and of their variance in units of the model's: (...)."""
    d = points.shape[-1]
    real = (labels >= 0).unsqueeze(-1)
    means = sums / counts.clamp(min=1).unsqueeze(-1)
    own = labels.clamp(min=0).unsqueeze(-1).expand(points.shape)
    around = ((points - means.gather(-2, own)) * real).square().sum((-1, -2)) / d
    total, classes = counts.sum(-1), (counts > 0).sum(-1)
    spread = (_DOUBT + around) / (_DOUBT + total - classes)
    return (total / classes.clamp(min=1)).clamp(min=1).log(), spread.log()
