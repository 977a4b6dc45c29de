"""TaskRes: a small residual is learned on top of every class's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fewshot.descent import RowAdam, check_training, cosine_schedule
from fewshot.heads.clap import cosine_gradient, unit_classifier
from fewshot.span import SpanHead

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.span import Span

__all__ = ["TaskResHead"]


class TaskResHead(SpanHead):
    """Task residual tuning (Yu et al. 2023, equation 3).

    ``logit_c(q) = logit_scale cos(q, t_c + alpha x_c)``, where the residuals x_c start at zero
    and Adam lowers the mean cross-entropy over the photos. Nothing holds them but the number
    of steps.

    Parameters
    ----------
    alpha : float, default=0.5
        At least 0; the official value (1.0 on Flowers).
    learning_rate : float, default=0.0064
        How far a residual moves in a step, in lengths of a word vector: the official 2e-3 for
        each of 1,024 coordinates of a text vector taken to be 10 long, 2e-3 sqrt(1024) / 10.
    steps : int, default=200
        The official number of epochs for more than four shots (100 for fewer).

    Notes
    -----
    The official code fixes its settings but takes alpha = 1 for one data set by validation;
    here alpha is the same everywhere ("no-val"). Deviations: all photos in each step, which is
    the official batch of 256 as long as there are no more; Adam with one second moment a
    class, see `RowAdam`; unit text vectors; no warm-up epoch. No "enhanced base": the words
    are what they are. The scale is that of the words, not 100.

    References
    ----------
    Yu, Lu, Jin, Chen, Wang: Task residual for tuning vision-language models. CVPR 2023.

    Examples
    --------
    >>> import torch
    >>> from fewshot import Support, TaskResHead, Words
    >>> one = Support(
    ...     torch.tensor([[0.8, 0.6]]),
    ...     torch.tensor([1]),
    ...     torch.ones(2, dtype=torch.bool),
    ...     words=Words(torch.eye(2), logit_scale=10.0),
    ... )
    >>> query = torch.tensor([[0.8, 0.6]])  # by words alone of class 0
    >>> TaskResHead().fit(one).logits(query).argmax().item()
    1
    """

    def __init__(self, alpha: float = 0.5, learning_rate: float = 0.0064, steps: int = 200) -> None:
        super().__init__()
        if not 0 <= alpha < float("inf"):
            raise ValueError(f"alpha is {alpha}: give a finite number of at least 0")
        check_training(steps, learning_rate)
        self.alpha, self.learning_rate, self.steps = alpha, learning_rate, steps

    def learn(self, span: Span) -> Tensor:
        """Train; see `SpanHead.learn`.

        Parameters
        ----------
        span : Span
            Photos and words of the episodes.

        Returns
        -------
        Tensor of shape (..., s + k + 1, k)
            Coefficients of the scaled unit class vectors, and the words' bias.
        """
        words, adam = span.words, RowAdam(span.gram)
        residual = torch.zeros_like(words)
        for step in range(self.steps):
            gradient, _ = cosine_gradient(span, words + self.alpha * residual)
            rate = self.learning_rate * cosine_schedule(step, self.steps)
            residual = residual - adam.change(self.alpha * gradient, rate)
        return unit_classifier(span, words + self.alpha * residual)
