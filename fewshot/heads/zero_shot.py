"""Words alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from fewshot.errors import SupportError
from fewshot.queries import mask_absent
from fewshot.unit_rows import UnitRowHead

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.inner_products import InnerProducts

__all__ = ["ZeroShotHead"]


class ZeroShotHead(UnitRowHead):
    """The encoder's own logits from words; photos are not looked at.

    ``logit_c(q) = logit_scale * cos(q, t_c) + logit_bias`` (Radford et al. 2021, figure 3).

    Notes
    -----
    No deviation. It is the floor that no head with words should fall below.

    References
    ----------
    Radford et al.: Learning transferable visual models from natural language supervision.
    ICML 2021.

    Examples
    --------
    >>> import torch
    >>> from fewshot import Support, Words, ZeroShotHead
    >>> nothing = Support(
    ...     torch.zeros(0, 2),
    ...     torch.zeros(0, dtype=torch.int64),
    ...     torch.ones(2, dtype=torch.bool),
    ...     words=Words(torch.eye(2), logit_scale=10.0),
    ... )
    >>> ZeroShotHead().fit(nothing).logits(torch.tensor([[0.0, 1.0]]))
    tensor([[ 0., 10.]])
    """

    needs: ClassVar[frozenset[str]] = frozenset({"words"})

    def __init__(self) -> None:
        super().__init__()  # products of unit rows are cosines: nothing to choose

    def logits_from_inner(
        self,
        inner: InnerProducts,
        labels: Tensor,
        class_mask: Tensor,
        *,
        query_mask: Tensor | None = None,
    ) -> Tensor:
        """Score queries by words; see `InnerProductHead.logits_from_inner`.

        Parameters
        ----------
        inner : InnerProducts
            With ``query_words``.
        labels : Tensor of shape (..., s), int64
            Not looked at.
        class_mask : Tensor of shape (..., k), bool
            Which classes exist.
        query_mask : Tensor, optional
            Not needed here.

        Returns
        -------
        Tensor of shape (..., q, k)
            Logits.
        """
        if inner.query_words is None:
            raise SupportError("ZeroShotHead needs words: give inner products with query_words")
        return mask_absent(inner.logit_scale * inner.query_words + inner.logit_bias, class_mask)
