"""Prototypical networks: a class is the mean of its photos."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from fewshot.inner_product_head import InnerProductHead
from fewshot.membership import class_means
from fewshot.queries import mask_absent

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.inner_products import InnerProducts

__all__ = ["PrototypeHead"]

Distance = Literal["euclidean", "cosine"]


class PrototypeHead(InnerProductHead):
    """The nearest class mean (Snell, Swersky and Zemel 2017, equations 1 and 2).

    With ``p_c`` the mean of class c's features::

        euclidean:  logit_c(q) = -scale * ||q - p_c||^2
        cosine:     logit_c(q) =  scale * cos(q, p_c)

    Parameters
    ----------
    distance : {"euclidean", "cosine"}, default="euclidean"
        The paper's squared Euclidean distance, or the cosine.
    scale : float, optional
        Sharpness of the softmax, which never changes the answer. By default 1 for
        "euclidean", as in the paper, and 10 for "cosine", as cosine classifiers commonly start.

    Notes
    -----
    No deviation from the paper. Features are taken as they come: normalise them first, or use
    `SimpleShotHead`, where lengths carry no meaning.

    References
    ----------
    Snell, Swersky, Zemel: Prototypical networks for few-shot learning. NeurIPS 2017.

    Examples
    --------
    >>> import torch
    >>> from fewshot import PrototypeHead, Support
    >>> two = Support(
    ...     torch.tensor([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]]),
    ...     torch.tensor([0, 0, 1]),
    ...     torch.ones(2, dtype=torch.bool),
    ... )
    >>> PrototypeHead().fit(two).logits(torch.tensor([[2.0, 0.0]]))
    tensor([[-1., -4.]])
    """

    learnable = MappingProxyType({"scale": "positive"})

    def __init__(self, distance: Distance = "euclidean", scale: float | None = None) -> None:
        super().__init__()
        if distance not in ("euclidean", "cosine"):
            raise ValueError(f"distance is {distance!r}: use 'euclidean' or 'cosine'")
        if scale is not None and not 0 < scale < float("inf"):
            raise ValueError(f"scale is {scale}: it must be positive and finite")
        self.distance = distance
        self.shift_invariant = distance == "euclidean"
        self.scale = scale if scale is not None else (1.0 if distance == "euclidean" else 10.0)

    def logits_from_inner(
        self,
        inner: InnerProducts,
        labels: Tensor,
        class_mask: Tensor,
        *,
        query_mask: Tensor | None = None,
    ) -> Tensor:
        """Score queries; see `InnerProductHead.logits_from_inner`.

        Parameters
        ----------
        inner : InnerProducts
            Of the episodes.
        labels : Tensor of shape (..., s), int64
            -1 for padding.
        class_mask : Tensor of shape (..., k), bool
            Which classes exist.
        query_mask : Tensor, optional
            Not needed here.

        Returns
        -------
        Tensor of shape (..., q, k)
            Logits.
        """
        means = class_means(labels, class_mask.shape[-1], inner.support)
        dots = inner.cross @ means
        lengths = (means * (inner.support @ means)).sum(-2).clamp(min=0).unsqueeze(-2)
        norms = inner.query_norms.unsqueeze(-1)
        if self.distance == "euclidean":
            logits = self.scale * (2 * dots - norms - lengths).clamp(max=0)
        else:
            logits = self.scale * dots / (norms * lengths).sqrt().clamp(min=1e-12)
        return mask_absent(logits, class_mask)
