"""What pictures of an encoder look like in general: the yardstick of photo evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from fewshot.errors import SupportError
from fewshot.precision import widest

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Background"]

_ASYMMETRY = 1e-2  # of the largest number; sums in bfloat16 are off by less


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Mean and covariances of an encoder's unit vectors over many pictures.

    Parameters
    ----------
    mean : Tensor of shape (d,)
        Mean of all vectors; of any floating type, finite, as all three are.
    within : Tensor of shape (d, d)
        Pooled covariance of vectors around the mean of their class: symmetric.
    total : Tensor of shape (d, d)
        Covariance of all vectors around ``mean``.
    n : int
        Number of pictures, at least 2.
    space : str
        Fingerprint of the encoder and layer the vectors came from.
    source : str
        Which pictures they were, in words.

    Raises
    ------
    SupportError
        If the shapes disagree, a number is not finite, ``within`` or ``total`` is no
        covariance, or ``n`` is below 2.

    Examples
    --------
    >>> import torch
    >>> Background(torch.zeros(2), torch.eye(2), torch.eye(2), 100, "here", "made up").n
    100
    """

    mean: Tensor
    within: Tensor
    total: Tensor
    n: int
    space: str
    source: str

    def __post_init__(self) -> None:
        d = self.mean.shape[0] if self.mean.ndim == 1 else -1
        shapes = [tuple(t.shape) for t in (self.mean, self.within, self.total)]
        if shapes != [(d,), (d, d), (d, d)]:
            raise SupportError(f"mean, within and total are (d,), (d, d) and (d, d), not {shapes}")
        for name in ("mean", "within", "total"):
            _check_numbers(name, getattr(self, name).detach())
        if not self.n >= 2:
            raise SupportError(f"a background of {self.n} pictures has no spread: give at least 2")


def _check_numbers(name: str, values: Tensor) -> None:
    if not values.is_floating_point():
        raise SupportError(
            f"{name} of the background is {values.dtype}: give floating numbers, {name}.float()"
        )
    if not torch.isfinite(values).all():
        bad = int((~torch.isfinite(values)).sum())
        raise SupportError(
            f"{bad} of {values.numel()} numbers in {name} of the background are NaN or infinite: "
            "measure it again, without the pictures that have none"
        )
    if values.ndim == 1 or not values.numel():
        return
    values = values.to(widest(values))
    gap, lowest = float((values - values.mT).abs().max()), float(values.diagonal().min())
    if gap > _ASYMMETRY * float(values.abs().max()):
        raise SupportError(
            f"{name} of the background differs from its transpose by {gap:.3g}: a covariance is "
            f"symmetric: give ({name} + {name}.mT) / 2 if this is rounding"
        )
    if lowest < 0:
        raise SupportError(
            f"{name} of the background has the variance {lowest:.3g}: variances are never "
            "negative: give the covariance itself, not its inverse or a difference"
        )
