"""CLAP: a linear probe that starts at the words and is held there, class by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fewshot.descent import Momentum, check_training, cosine_schedule
from fewshot.span import SpanHead

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.span import Span

__all__ = ["CLAPHead", "cosine_gradient"]


class CLAPHead(SpanHead):
    """Class-adaptive linear probe (Silva-Rodriguez et al. 2024, equations 7 and 8).

    Class vectors w_c start at the words t_c and minimise over the n photos::

        logit_c(f) = logit_scale cos(f, w_c)
        mean cross-entropy + strength * mean_c lambda_c ||w_c - t_c||^2

    ``lambda_c`` is the mean zero-shot probability of class c on its own photos: words that
    recognise their photos are trusted more. ``strength=0`` is the paper's ZS-LP.

    Parameters
    ----------
    strength : float, default=100.0
        Of the penalty on unit vectors; at least 0. The official code penalises *raw* text
        vectors with strength 1. A cosine does not feel lengths, so with text vectors r long
        that is r^2 on unit vectors; CLIP's are taken to be about 10 long.
    steps : int, default=300
        The official number of epochs.

    Notes
    -----
    The official code uses no validation, and nor does this ("no-val"). Deviations: all photos
    in each step, which is the official batch of 256 as long as there are no more; the step is
    1 / L with L a bound on the curvature instead of 0.1, so that any logit scale trains safely
    (with a cosine schedule and momentum 0.9 as there, without its warm-up epoch); photos are
    one view each, not twenty augmented ones; lambda stays fixed, as the released setting has
    it; a class without photos has lambda 1, the largest there can be. The scale is that of
    the words, not 100.

    References
    ----------
    Silva-Rodriguez, Hajimiri, Ben Ayed, Dolz: A closer look at the few-shot adaptation of large
    vision-language models. CVPR 2024.

    Examples
    --------
    >>> import torch
    >>> from fewshot import CLAPHead, Support, Words
    >>> one = Support(
    ...     torch.tensor([[0.8, 0.6]]),
    ...     torch.tensor([1]),
    ...     torch.ones(2, dtype=torch.bool),
    ...     words=Words(torch.eye(2), logit_scale=10.0),
    ... )
    >>> query = torch.tensor([[0.8, 0.6]])  # by words alone of class 0
    >>> CLAPHead(strength=1.0).fit(one).logits(query).argmax().item()
    1
    >>> CLAPHead(strength=1e6).fit(one).logits(query).round(decimals=1)
    tensor([[8., 6.]])
    """

    def __init__(self, strength: float = 100.0, steps: int = 300) -> None:
        super().__init__()
        if not 0 <= strength < float("inf"):
            raise ValueError(f"strength is {strength}: give a finite number of at least 0")
        check_training(steps, 1.0)
        self.strength, self.steps = strength, steps

    def learn(self, span: Span) -> Tensor:
        """Train; see `SpanHead.learn`.

        Parameters
        ----------
        span : Span
            Photos and words of the episodes.

        Returns
        -------
        Tensor of shape (..., s + k + 1, k)
            Coefficients of ``logit_scale w_c / ||w_c||``, and the words' bias.
        """
        words, s = span.words, span.member.shape[-2]
        zero_shot = span.logit_scale * span.gram[..., :s, s:] + span.floor
        trust = (zero_shot.softmax(-1) * span.member).sum(-2)
        trust = torch.where(span.n_photos > 0, trust / span.n_photos.clamp(min=1), 1.0)
        pull = 2 * self.strength / span.n_classes * trust.unsqueeze(-2)
        # cross-entropy over cosines curves by no more than scale^2 lambda_max / 2n, and its
        # normalisation adds at most three times the scale
        photos = (span.n_photos.sum(-1).clamp(min=1))[..., None, None]
        scale = span.logit_scale
        bound = 0.5 * scale**2 * span.largest_eigenvalue / photos + 3 * scale
        rate = 1 / (bound + pull.masked_fill(span.floor < 0, 0).amax(-1, keepdim=True))
        weights, ball = words, Momentum()
        for step in range(self.steps):
            gradient, _ = cosine_gradient(span, weights)
            gradient += pull * (weights - words)
            weights = weights - ball.change(gradient, cosine_schedule(step, self.steps) * rate)
        return unit_classifier(span, weights)


def cosine_gradient(span: Span, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient of the mean cross-entropy of ``logit_scale cos(f, w_c)`` over photos.

    Parameters
    ----------
    span : Span
        Photos and words of the episodes.
    weights : Tensor of shape (..., s + k, k)
        Coefficients of the class vectors.

    Returns
    -------
    gradient : Tensor of shape (..., s + k, k)
        Its coefficients.
    cosines : Tensor of shape (..., s, k)
        Of photos with class vectors.
    """
    s, scale = span.member.shape[-2], span.logit_scale
    products = span.gram @ weights
    lengths = (weights * products).sum(-2, keepdim=True).clamp(min=1e-12).sqrt()
    cosines = products[..., :s, :] / lengths
    error = (scale * cosines + span.floor).softmax(-1) - span.member
    error *= span.photo_weight * scale
    # d cos(f, w) / dw = (f - cos w / |w|) / |w|
    gradient = weights * (-(error * cosines).sum(-2, keepdim=True) / lengths.square())
    gradient[..., :s, :] += error / lengths
    return gradient, cosines


def unit_classifier(span: Span, weights: Tensor) -> Tensor:
    """Coefficients that make ``logit_scale cos(q, w_c)`` of a query.

    Parameters
    ----------
    span : Span
        Photos and words of the episodes.
    weights : Tensor of shape (..., s + k, k)
        Coefficients of the class vectors, of any length.

    Returns
    -------
    Tensor of shape (..., s + k + 1, k)
    """
    lengths = (weights * (span.gram @ weights)).sum(-2, keepdim=True).clamp(min=1e-12).sqrt()
    return torch.cat([span.logit_scale * weights / lengths, span.bias], -2)
