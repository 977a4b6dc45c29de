"""Cross-modal linear probe: the words of a class are one more photo of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fewshot.descent import RowAdam, check_training, cosine_schedule
from fewshot.span import SpanHead

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.span import Span

__all__ = ["CrossModalHead"]


class CrossModalHead(SpanHead):
    """Linear probe on photos and words together (Lin et al. 2023, equation 5).

    ``logit_c(q) = logit_scale <q, w_c>`` with unit q; w_c starts at the words t_c and lowers::

        (1 - share) mean cross-entropy over photos + share mean cross-entropy over the words t_c

    Parameters
    ----------
    share : float, default=0.5
        Of the words, in [0, 1]. The official batches are half photos, half words. 0 is a
        linear probe that starts at the words.
    learning_rate : float, default=0.0032
        How far a class vector moves in a step: the smaller rate of the official grid, 1e-4
        for each of 1,024 coordinates, 1e-4 sqrt(1024).
    steps : int, default=200
        Full steps of all photos and words.

    Notes
    -----
    The official code searches rate, weight decay and batch size on min(shots, 4) validation
    photos a class, and stops there too, within 12,800 batches of 8 or 32. Here nothing is
    searched ("no-val"): deviations are the few full steps (small supports need no more), no
    weight decay (a value of its grid), no warm-up, and Adam with one second moment a class,
    see `RowAdam`. The scale is that of the words, not 100.

    References
    ----------
    Lin, Yu, Kuang, Pathak, Ramanan: Multimodality helps unimodality: cross-modal few-shot
    learning with multimodal models. CVPR 2023.

    Examples
    --------
    >>> import torch
    >>> from fewshot import CrossModalHead, Support, Words
    >>> one = Support(
    ...     torch.tensor([[0.8, 0.6]]),
    ...     torch.tensor([1]),
    ...     torch.ones(2, dtype=torch.bool),
    ...     words=Words(torch.eye(2), logit_scale=10.0),
    ... )
    >>> query = torch.tensor([[0.8, 0.6]])  # by words alone of class 0
    >>> CrossModalHead().fit(one).logits(query).argmax().item()
    1
    """

    def __init__(self, share: float = 0.5, learning_rate: float = 0.0032, steps: int = 200) -> None:
        super().__init__()
        if not 0 <= share <= 1:
            raise ValueError(f"share is {share}: give a number from 0 (photos) to 1 (words)")
        check_training(steps, learning_rate)
        self.share, self.learning_rate, self.steps = share, learning_rate, steps

    def learn(self, span: Span) -> Tensor:
        """Train; see `SpanHead.learn`.

        Parameters
        ----------
        span : Span
            Photos and words of the episodes.

        Returns
        -------
        Tensor of shape (..., s + k + 1, k)
            Coefficients of the scaled class vectors, and the words' bias.
        """
        weights, adam, scale = span.words, RowAdam(span.gram), span.logit_scale
        s = span.member.shape[-2]
        truth = weights.clone()
        truth[..., :s, :] = span.member
        words = span.class_mask.unsqueeze(-1) / span.n_classes
        importance = torch.cat([(1 - self.share) * span.photo_weight, self.share * words], -2)
        importance *= scale
        for step in range(self.steps):
            logits = scale * (span.gram @ weights) + span.floor
            gradient = (logits.softmax(-1) - truth) * importance
            rate = self.learning_rate * cosine_schedule(step, self.steps)
            weights = weights - adam.change(gradient, rate)
        return torch.cat([scale * weights, span.bias], -2)
