"""How much words and photos count, judged by the photos: posterior means over a small grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["believed_weight", "doubt", "judge_weights"]

# Weights of words that are tried. None at all counts eight times: words of a foreign
# language, or of a domain the encoder never met, are worth nothing, not little.
WORD_WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
NO_WORDS_PRIOR = math.log(8.0)
# Words judged alone count like this many photos, however many there are; beyond, words and
# photos are judged together. Photos judged alone count in full, where every class has some.
ALONE = 7
# What one photo is believed to tell, in nats (prior median; the mean is 1.37); features are not
# Gaussian, and the model claims nine times as much. Spread: a factor of e^0.5 either way.
NATS = 1.2
SPREAD = 0.5
PHOTO_STEPS = (0.3, 0.45, 0.65, 1.0, 1.5, 2.2, 3.3, 5.0)
# Nats from which evidence against a class grows like a logarithm only.
DOUBT = 1.5


def doubt(evidence: Tensor) -> Tensor:
    """Let evidence against a class grow like a logarithm, as a heavy-tailed density would.

    Parameters
    ----------
    evidence : Tensor
        Nats.

    Returns
    -------
    Tensor
        Of the same shape: as it was where positive, ``-DOUBT * log(1 - e / DOUBT)`` elsewhere.

    Examples
    --------
    >>> doubt(torch.tensor([2.0, -1.5]))
    tensor([ 2.0000, -1.0397])
    """
    # in place: the logarithms of millions of pairs are cheaper than the memory for every step
    against = evidence.clamp(max=0).div_(-DOUBT).log1p_().mul_(-DOUBT)
    return against.add_(evidence.clamp(min=0))


def believed_weight(claim: Tensor) -> Tensor:
    """Weight of photos before any is judged: `NATS` over what the model claims, at most 1.

    Parameters
    ----------
    claim : Tensor
        Nats, as `PhotoModel.claim` gives them.

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> believed_weight(torch.tensor(12.0))
    tensor(0.1000)
    """
    return (NATS / claim.clamp(min=1e-6)).clamp(max=1.0)


def judge_weights(
    text: Tensor | None,
    left_out: Tensor,
    own: Tensor,
    real: Tensor,
    judged: Tensor,
    believed: Tensor,
    complete: Tensor,
) -> tuple[Tensor, Tensor]:
    """Weigh words and photos.

    Parameters
    ----------
    text : Tensor of shape (..., s, k), optional
        Logits by words of each photo, ``-inf`` for absent classes.
    left_out : Tensor of shape (..., s, k)
        Photo evidence of each photo as if it had not been given, ``-inf`` for absent classes.
    own : Tensor of shape (..., s), int64
        Class of each photo; any class for padding.
    real : Tensor of shape (..., s), bool
        False for padding.
    judged : Tensor of shape (..., s), bool
        Photos that have another of their class.
    believed : Tensor of shape (...)
        Weight of photos before any is judged.
    complete : Tensor of shape (..., 1), bool
        Whether every class has a photo: of classes without any, photos that agree among
        themselves say nothing.

    Returns
    -------
    tuple of Tensor
        Weights of words and of photos, each of shape (...); 0 for words where there are none.
    """
    place = own.unsqueeze(-1)
    steps = left_out.new_tensor(PHOTO_STEPS)
    photo_prior = -0.5 * (steps.log() / SPREAD).square()
    photo_weights = (believed.unsqueeze(-1) * steps).clamp(max=1.0)

    def right(logits: Tensor, who: Tensor) -> Tensor:
        """Log-likelihood of the labels, summed over the photos that count."""
        each = logits.gather(-1, place).squeeze(-1) - logits.logsumexp(-1)
        return torch.where(who, each, 0.0).sum(-1)

    doubted = [_doubted(w[..., None, None], left_out) for w in photo_weights.unbind(-1)]
    photos_alone = torch.stack([right(e, judged) for e in doubted], -1)
    if text is None:
        joint = photos_alone + photo_prior
        photos = (joint.softmax(-1) * photo_weights).sum(-1)
        return torch.zeros_like(photos), photos

    photos_alone = torch.where(complete, photos_alone, 0.0) + photo_prior
    n = real.sum(-1).clamp(min=1).to(left_out)
    weights = left_out.new_tensor(WORD_WEIGHTS)
    absent = text.isneginf()
    said = torch.where(absent, 0.0, text)
    rows = []
    for at, weight in enumerate(WORD_WEIGHTS):
        weighed = (weight * said).masked_fill(absent, -torch.inf)
        alone = right(weighed, real) * (ALONE / n).clamp(max=1.0)
        if at == 0:
            alone = alone + NO_WORDS_PRIOR
        together = [right(weighed + e, judged) for e in doubted]
        rows.append(torch.stack(together, -1) + alone.unsqueeze(-1) + photos_alone)
    table = torch.stack(rows, -2)
    joint = table.flatten(-2).softmax(-1).view(table.shape)
    words = (joint.sum(-1) * weights).sum(-1)
    photos = (joint.sum(-2) * photo_weights).sum(-1)
    # no photo: nothing was judged, and the words are taken as they are
    return torch.where(real.any(-1), words, 1.0), photos


def _doubted(weight: Tensor, evidence: Tensor) -> Tensor:
    absent = evidence.isneginf()
    weighed = doubt(weight * torch.where(absent, 0.0, evidence))
    return weighed.masked_fill(absent, -torch.inf)
