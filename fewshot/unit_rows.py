"""Heads that divide features by their length first, around a mean or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from fewshot.head import Head
from fewshot.inner_product_head import InnerProductHead

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.background import Background

__all__ = ["CentredRowHead", "UnitRowHead", "centre_rows", "normalise_rows"]


def normalise_rows(features: Tensor) -> Tensor:
    """Divide rows by their length, in float32 at least.

    Parameters
    ----------
    features : Tensor of shape (..., d)
        Any floating type. Half precision would round the unit rows, by 0.2 % each number.

    Returns
    -------
    Tensor of shape (..., d)
        Float64 of float64, else float32; rows of zeros stay as they are.

    Examples
    --------
    >>> import torch
    >>> normalise_rows(torch.tensor([[3.0, 4.0]], dtype=torch.bfloat16))
    tensor([[0.6000, 0.8000]])
    """
    wide = torch.promote_types(features.dtype, torch.float32)
    return functional.normalize(features.to(wide), dim=-1)


def centre_rows(features: Tensor, background: Background | None = None) -> Tensor:
    """Subtract a background's mean from rows and divide them by their length, "CL2N".

    Parameters
    ----------
    features : Tensor of shape (..., d)
        Any floating type.
    background : Background, optional
        Without it nothing is subtracted.

    Returns
    -------
    Tensor of shape (..., d)
        Unit rows, in float32 at least.

    Examples
    --------
    >>> centre_rows(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    wide = features.to(torch.promote_types(features.dtype, torch.float32))
    return normalise_rows(wide if background is None else wide - background.mean.to(wide))


class CentredRowHead(InnerProductHead):
    """A head of inner products between unit rows around the background's mean, "CL2N".

    All such heads change features alike, so that they share one Gram matrix.
    """

    def transform(self, features: Tensor, background: Background | None = None) -> Tensor:
        """Subtract the background's mean and divide by the length.

        Parameters
        ----------
        features : Tensor of shape (..., d)
            Raw features.
        background : Background, optional
            Its mean is subtracted.

        Returns
        -------
        Tensor of shape (..., d)
            Unit rows, in float32 at least.
        """
        return centre_rows(features, background)


class UnitRowHead(InnerProductHead):
    """A head of inner products between unit rows, unless told otherwise.

    Where a penalty is weighed against features, it means the same for every encoder only if
    the features' length does.

    Parameters
    ----------
    normalise : bool, default=True
        Whether features are divided by their length.
    """

    def __init__(self, normalise: bool = True) -> None:
        super().__init__()
        self.normalise = normalise

    def transform(self, features: Tensor, background: Background | None = None) -> Tensor:
        """Divide by the length, if ``normalise``.

        Parameters
        ----------
        features : Tensor of shape (..., d)
            Raw features.
        background : Background, optional
            Not looked at.

        Returns
        -------
        Tensor of shape (..., d)
        """
        return normalise_rows(features) if self.normalise else features

    def transform_key(self) -> object:
        """Tell which transform this is; see `InnerProductHead.transform_key`.

        Returns
        -------
        object
            Equal for all heads that normalise, and for all that leave features alone.
        """
        return UnitRowHead.transform if self.normalise else Head.transform
