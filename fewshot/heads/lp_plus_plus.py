"""LP++: a linear probe on photos, plus words with a learned strength for each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from fewshot.descent import Momentum, check_training
from fewshot.span import SpanHead

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.span import Span

__all__ = ["LPPlusPlusHead"]


class LPPlusPlusHead(SpanHead):
    """Linear probe with class-wise multipliers of the words (Huang et al. 2024, eq. 4).

    With unit features f, unit words t_c and n photos in all::

        logit_c(f) = <f, w_c> + b_c + a_c <f, t_c>

    The mean cross-entropy over photos is minimised over w, b and a. w_c starts at the sum of
    its class's photos, b at 0, every a_c at ``word_strength`` times the mean over classes of
    the mean cosine of a class's photos with its words. Steps follow from bounds on the
    curvature, so no learning rate is searched:

    - w and b: ``4 n / lambda_max(G + 1)``, with G the Gram matrix of photos, momentum 0.9;
    - a, every tenth step only: ``n / (4 max_c sum_i <f_i, t_c>^2)``.

    Parameters
    ----------
    word_strength : float, default=250.0
        Positive; the official constant.
    steps : int, default=300
        The official number of epochs, each a full batch.
    start : {"mean", "sum"}, default="mean"
        "sum" starts w_c at the sum of its photos, so a class with more photos starts ahead.
        "mean" starts it at their mean times the mean number of photos over classes that have
        any: the same where shots are equal, and fair where they are not.

    Notes
    -----
    Deviations. The official code keeps the epoch that is best on as many validation photos as
    training photos; here the last step counts ("no-val"). It never clears the gradient of a,
    which so adds up over all epochs; here a takes the present gradient, as the paper writes
    it. It bounds the curvature without the bias (lambda_max(G)), which may overshoot, and its
    bias starts at random. It counts classes by dividing photos by shots; here classes are
    those of ``class_mask``, with any number of photos. As there, words are not multiplied
    by the logit scale, except in an episode without photos, which is answered zero-shot.

    References
    ----------
    Huang, Shakeri, Dolz, Boudiaf, Bahig, Ben Ayed: LP++: a surprisingly strong linear probe for
    few-shot CLIP. CVPR 2024.

    Examples
    --------
    >>> import torch
    >>> from fewshot import LPPlusPlusHead, Support, Words
    >>> one = Support(
    ...     torch.tensor([[0.8, 0.6], [0.6, 0.8]]),
    ...     torch.tensor([0, 1]),
    ...     torch.ones(2, dtype=torch.bool),
    ...     words=Words(torch.eye(2), logit_scale=10.0),
    ... )
    >>> LPPlusPlusHead(steps=0).fit(one).logits(torch.tensor([[1.0, 0.0]]))
    tensor([[200.8000,   0.6000]])
    """

    def __init__(
        self,
        word_strength: float = 250.0,
        steps: int = 300,
        start: Literal["mean", "sum"] = "mean",
    ) -> None:
        super().__init__()
        if not 0 < word_strength < float("inf"):
            raise ValueError(f"word_strength is {word_strength}: it must be positive and finite")
        if start not in ("mean", "sum"):
            raise ValueError(f"start is {start!r}: use 'mean' or 'sum'")
        check_training(steps, 1.0)
        self.word_strength, self.steps = word_strength, steps
        self.start: Literal["mean", "sum"] = start

    def learn(self, span: Span) -> Tensor:
        """Train; see `SpanHead.learn`.

        Parameters
        ----------
        span : Span
            Photos and words of the episodes.

        Returns
        -------
        Tensor of shape (..., s + k + 1, k)
            Coefficients of the photos, a_c on the words' diagonal, and b.
        """
        member, s = span.member, span.member.shape[-2]
        across = span.gram[..., :s, s:]
        # the bias is one more coordinate, of value one, of every photo
        real = member.sum(-1, keepdim=True)
        gram = span.gram[..., :s, :s] + real * real.mT
        counts = span.n_photos.unsqueeze(-2)
        photos, seen = counts.sum(-1, keepdim=True), (counts > 0).sum(-1, keepdim=True)
        own = (across * member).sum(-2, keepdim=True) / counts.clamp(min=1)
        strength = self.word_strength * own.sum(-1, keepdim=True) / seen.clamp(min=1)
        strength = strength.expand_as(counts)
        start = member
        if self.start == "mean":
            start = member / counts.clamp(min=1) * (photos / seen.clamp(min=1))
        changed = torch.zeros_like(start)
        w_rate = 4 * photos / torch.linalg.eigvalsh(gram)[..., -1:, None].clamp(min=1)
        bends = across.square().sum(-2, keepdim=True).masked_fill(span.floor < 0, 0)
        a_rate = photos / (4 * bends.amax(-1, keepdim=True)).clamp(min=1e-6)
        fixed, ball = span.gram[..., :s, :s] @ start + span.floor, Momentum()
        for step in range(self.steps):
            logits = torch.addcmul(fixed + gram @ changed, across, strength)
            error = (logits.softmax(-1) - member) * span.photo_weight
            changed = changed - ball.change(error, w_rate)
            if step % 10 == 9:
                strength = strength - a_rate * (error * across).sum(-2, keepdim=True)
        bias = changed.sum(-2, keepdim=True)
        return torch.cat([start + changed, torch.diag_embed(strength.squeeze(-2)), bias], -2)
