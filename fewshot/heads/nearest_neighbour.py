"""The nearest photos of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from fewshot.inner_product_head import InnerProductHead
from fewshot.membership import one_hot
from fewshot.queries import mask_absent
from fewshot.whole_numbers import check_count

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.inner_products import InnerProducts

__all__ = ["NearestNeighbourHead"]

Distance = Literal["cosine", "euclidean"]


class NearestNeighbourHead(InnerProductHead):
    """A class is as near as its nearest photos (Cover and Hart 1967).

    With ``x_1 ... x_m`` the ``m = min(neighbours, n_c)`` photos of class c most similar to q::

        cosine:     logit_c(q) =  scale * mean_i cos(q, x_i)
        euclidean:  logit_c(q) = -scale * mean_i ||q - x_i||^2

    Parameters
    ----------
    neighbours : int, default=1
        How many photos of a class are averaged, at least 1. The default is the nearest
        neighbour rule itself.
    distance : {"cosine", "euclidean"}, default="cosine"
        The cosine, or the squared Euclidean distance.
    scale : float, optional
        Sharpness of the softmax, positive; it never changes the answer. By default 10 for
        "cosine" and 1 for "euclidean", as in `PrototypeHead`.

    Notes
    -----
    With one neighbour the answer is that of Cover and Hart. With more it deviates from the
    textbook's vote among the nearest photos of all classes: each class is judged by its own
    nearest, so that scores are graded, and classes with many photos do not win by number.
    A class with fewer photos than ``neighbours`` is judged by all it has.

    References
    ----------
    Cover, Hart: Nearest neighbor pattern classification. IEEE Transactions on Information
    Theory 13, 1967.

    Examples
    --------
    >>> import torch
    >>> from fewshot import NearestNeighbourHead, Support
    >>> two = Support(
    ...     torch.tensor([[0.0, 0.0], [4.0, 0.0], [5.0, 0.0]]),
    ...     torch.tensor([0, 0, 1]),
    ...     torch.ones(2, dtype=torch.bool),
    ... )
    >>> NearestNeighbourHead(distance="euclidean").fit(two).logits(torch.tensor([[3.0, 0.0]]))
    tensor([[-1., -4.]])
    """

    def __init__(
        self, neighbours: int = 1, distance: Distance = "cosine", scale: float | None = None
    ) -> None:
        super().__init__()
        check_count("neighbours", neighbours, 1)
        if distance not in ("cosine", "euclidean"):
            raise ValueError(f"distance is {distance!r}: use 'cosine' or 'euclidean'")
        if scale is not None and not 0 < scale < float("inf"):
            raise ValueError(f"scale is {scale}: it must be positive and finite")
        self.neighbours = neighbours
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
        norms = inner.query_norms.unsqueeze(-1)
        lengths = inner.support.diagonal(dim1=-2, dim2=-1).unsqueeze(-2)
        if self.distance == "euclidean":
            similar = (2 * inner.cross - norms - lengths).clamp(max=0)
        else:
            similar = inner.cross / (norms * lengths).sqrt().clamp(min=1e-12)
        if self.neighbours == 1:
            near = class_maxima(similar, labels, class_mask.shape[-1])
        else:
            near = self._means_of_nearest(similar, labels, class_mask.shape[-1])
        return mask_absent(self.scale * near, class_mask)

    def _means_of_nearest(self, similar: Tensor, labels: Tensor, n_classes: int) -> Tensor:
        # Sorted by similarity and then, keeping that order, by class. Then the places of the
        # nearest of each class are the same for every query: one matrix sums them.
        order = similar.argsort(dim=-1, descending=True, stable=True)
        classes = labels.unsqueeze(-2).expand_as(order).gather(-1, order)
        order = order.gather(-1, classes.argsort(dim=-1, stable=True))
        member = one_hot(labels.sort(-1).values, n_classes, similar)
        rank = member.cumsum(-2)
        chosen = member * (rank <= self.neighbours)
        weights = chosen / chosen.sum(-2, keepdim=True).clamp(min=1)
        padding = (labels < 0).unsqueeze(-2)
        return similar.masked_fill(padding, 0).gather(-1, order) @ weights


def class_maxima(similar: Tensor, labels: Tensor, n_classes: int) -> Tensor:
    """Largest entry of each class, row by row.

    Parameters
    ----------
    similar : Tensor of shape (..., q, s)
        Similarity of each query to each photo.
    labels : Tensor of shape (..., s), int64
        -1 for padding.
    n_classes : int
        k.

    Returns
    -------
    Tensor of shape (..., q, k)
        ``-inf`` for a class without photos.
    """
    own = labels.unsqueeze(-2).expand_as(similar)
    # padding goes to a column of its own, which is cut off
    maxima = similar.new_full((*similar.shape[:-1], n_classes + 1), float("-inf"))
    index = torch.where(own < 0, n_classes, own)
    return maxima.scatter_reduce(-1, index, similar, "amax")[..., :n_classes]
