"""A running mean of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

__all__ = ["RunningMean"]


class RunningMean:
    """Exponential moving average of tensors.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        As they are at the beginning; copied.
    decay : float
        Share of the mean that stays in a step, in [0, 1).

    Notes
    -----
    The decay of step t, from 1, is ``min(decay, (1 + t) / (10 + t))``: otherwise a short training's
    mean would be mostly of what the weights were at first.

    Examples
    --------
    >>> mean = RunningMean({"w": torch.zeros(1)}, 0.9)
    >>> mean.take({"w": torch.ones(1)})  # the first step's decay is 2 / 11
    >>> round(float(mean.tensors["w"]), 4) == round(9 / 11, 4)
    True
    """

    def __init__(self, tensors: Mapping[str, Tensor], decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.tensors = {name: value.detach().clone() for name, value in tensors.items()}

    @torch.no_grad()
    def take(self, tensors: Mapping[str, Tensor]) -> None:
        """Take a step's tensors into the mean; whole numbers are copied.

        Parameters
        ----------
        tensors : mapping of str to Tensor
            The same names.
        """
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, mean in self.tensors.items():
            if mean.is_floating_point():
                mean.lerp_(tensors[name].to(mean), 1 - decay)
            else:
                mean.copy_(tensors[name])
