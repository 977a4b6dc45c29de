"""What pictures of an encoder look like in general: the yardstick of photo evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Background"]


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Mean and covariances of an encoder's unit vectors over many pictures.

    Parameters
    ----------
    mean : Tensor of shape (d,)
        Mean of all vectors.
    within : Tensor of shape (d, d)
        Pooled covariance of vectors around the mean of their class.
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
    ValueError
        If the shapes disagree or ``n`` is below 2.

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
            raise ValueError(f"mean, within and total are (d,), (d, d) and (d, d), not {shapes}")
        if self.n < 2:
            raise ValueError(f"a background of {self.n} pictures has no spread: give at least 2")
