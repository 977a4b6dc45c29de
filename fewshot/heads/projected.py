"""A learned linear map of the features, under any head of photos."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
from torch import nn

from fewshot.errors import HeadParameterError
from fewshot.heads.meta_baseline import MetaBaselineHead
from fewshot.inner_product_head import InnerProductHead
from fewshot.unit_rows import centre_rows
from fewshot.whole_numbers import check_count

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.background import Background
    from fewshot.inner_products import InnerProducts

__all__ = ["ProjectedHead"]


class ProjectedHead(InnerProductHead):
    """A head that sees features through a matrix, learned by `fewshot.meta_train`.

    With ``z`` the features, unit rows around the background's mean, the head below gets
    ``z + matrix z``. The matrix starts at zero, so that to begin with this is the head below on
    centred unit rows.

    Parameters
    ----------
    head : InnerProductHead, optional
        The head below, of photos alone: `MetaBaselineHead` if none is given. It sees no background.
    width : int, optional
        d, of the features; `fewshot.meta_train` sets it. Without it the matrix is zero.

    Notes
    -----
    This stands for what the papers of `PrototypeHead`, `RidgeHead`, `SVMHead` and others train
    below the head: an encoder. Here that is frozen, and a linear map behind it is learned.

    References
    ----------
    Goldberger, Roweis, Hinton, Salakhutdinov: Neighbourhood components analysis. NeurIPS 2004.

    Examples
    --------
    >>> import torch
    >>> from fewshot import ProjectedHead, RidgeHead, Support
    >>> two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    >>> ProjectedHead(RidgeHead()).fit(two).logits(torch.tensor([[3.0, 0.0]]))
    tensor([[0.5000, 0.0000]])
    """

    learnable = MappingProxyType({})

    def __init__(self, head: InnerProductHead | None = None, width: int | None = None) -> None:
        super().__init__()
        below = MetaBaselineHead() if head is None else head
        alone = isinstance(below, InnerProductHead) and "words" not in below.needs
        if not alone or "photos" not in below.needs or isinstance(below, ProjectedHead):
            raise HeadParameterError(
                f"head is {head!r}: give a head of photos that sees inner products only, such as "
                "RidgeHead()"
            )
        self.head = below
        self.transductive = below.transductive  # type: ignore[misc]  # as the head below
        self.width: int | None = None
        if width is not None:
            self.set_width(width)

    def __repr__(self) -> str:
        return f"ProjectedHead(head={self.head!r}, width={self.width})"

    def set_width(self, width: int) -> None:
        """Make the matrix, unless it is there.

        Parameters
        ----------
        width : int
            d.
        """
        check_count("width", width, 1)
        if self.width != width:
            self.matrix = nn.Parameter(torch.zeros(width, width), requires_grad=False)
            self.width = width

    def transform(self, features: Tensor, background: Background | None = None) -> Tensor:
        """Centre, divide by the length, map, and change as the head below does.

        Parameters
        ----------
        features : Tensor of shape (..., d)
            Raw features.
        background : Background, optional
            Its mean is subtracted.

        Returns
        -------
        Tensor of shape (..., d)
            In float32 at least.
        """
        z = centre_rows(features, background)
        if self.width is not None:
            z = z + z @ self.matrix.to(z).mT
        return self.head.transform(z)

    def transform_key(self) -> object:
        """Tell which transform this is; see `InnerProductHead.transform_key`.

        Returns
        -------
        object
            The head itself: another's matrix is another.
        """
        return self

    def logits_from_inner(
        self,
        inner: InnerProducts,
        labels: Tensor,
        class_mask: Tensor,
        *,
        query_mask: Tensor | None = None,
    ) -> Tensor:
        """Score queries as the head below does; see `InnerProductHead.logits_from_inner`.

        Parameters
        ----------
        inner : InnerProducts
            Of the episodes.
        labels : Tensor of shape (..., s), int64
            -1 for padding.
        class_mask : Tensor of shape (..., k), bool
            Which classes exist.
        query_mask : Tensor of shape (..., q), bool, optional
            False marks padding.

        Returns
        -------
        Tensor of shape (..., q, k)
            Logits.
        """
        return self.head.logits_from_inner(inner, labels, class_mask, query_mask=query_mask)
