"""Heads that divide features by their length first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as functional

from fewshot.head import Head, InnerProductHead

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.background import Background

__all__ = ["UnitRowHead"]


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
        return functional.normalize(features, dim=-1) if self.normalise else features

    def transform_key(self) -> object:
        """Tell which transform this is; see `InnerProductHead.transform_key`.

        Returns
        -------
        object
            Equal for all heads that normalise, and for all that leave features alone.
        """
        return UnitRowHead.transform if self.normalise else Head.transform
