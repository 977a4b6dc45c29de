"""Prototypes within a batch: each picture is named by the means of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["prototype_logits", "prototype_loss"]


def prototype_logits(vectors: Tensor, labels: Tensor, scale: Tensor | float) -> Tensor:
    r"""Score each picture against the mean of every class, itself left out of its own.

    Parameters
    ----------
    vectors : Tensor of shape (n, d)
        Of pictures.
    labels : Tensor of shape (n,), int64
        Classes, any numbers.
    scale : Tensor or float
        Positive.

    Returns
    -------
    Tensor of shape (n, k)
        Logits ``-scale * |x - c|^2``; ``-inf`` for the class of a picture that is its only one.
        Columns are classes in the order of ``labels.unique()``.

    Notes
    -----
    Equation 2 of [1]_, with the picture itself left out of c, so that each is query and all others
    are support.

    References
    ----------
    .. [1] Snell, Swersky and Zemel, "Prototypical networks for few-shot learning", NeurIPS 2017.

    Examples
    --------
    >>> x = torch.tensor([[0.0], [2.0], [4.0]])
    >>> prototype_logits(x, torch.tensor([0, 0, 1]), 1.0).tolist()
    [[-4.0, -16.0], [-4.0, -4.0], [-9.0, -inf]]
    """
    classes, own = torch.unique(labels, return_inverse=True)
    member = functional.one_hot(own, len(classes)).to(vectors.dtype)
    number, total = member.sum(0), member.T @ vectors
    distances = _square_distances(vectors, total / number[:, None])
    # without x, the mean of its class is (sum - x) / (n - 1)
    left = (number[own] - 1).clamp(min=1)
    without = (total[own] - vectors) / left[:, None]
    mine = (vectors - without).square().sum(1)
    logits = -scale * torch.where(member.bool(), mine[:, None], distances)
    alone = member.bool() & (number == 1)[None, :]
    return logits.masked_fill(alone, -torch.inf)


def prototype_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the classes of pictures.

    Parameters
    ----------
    logits : Tensor of shape (n, k)
        From `prototype_logits`.
    labels : Tensor of shape (n,), int64
        The same.

    Returns
    -------
    Tensor
        A scalar, in nats; the mean over pictures that are not alone in their class, and 0 where all
        are.

    Examples
    --------
    >>> x, labels = torch.tensor([[0.0], [0.0], [9.0], [9.0]]), torch.tensor([0, 0, 1, 1])
    >>> round(float(prototype_loss(prototype_logits(x, labels, 1.0), labels)), 6)
    0.0
    """
    _, own = torch.unique(labels, return_inverse=True)
    told = logits.gather(1, own[:, None])[:, 0]
    asked = torch.isfinite(told.detach())
    if not asked.any():
        return logits.new_zeros(()) * logits.masked_fill(torch.isinf(logits), 0).sum()
    return functional.cross_entropy(logits[asked], own[asked])


def _square_distances(x: Tensor, y: Tensor) -> Tensor:
    return x.square().sum(1, keepdim=True) - 2 * x @ y.T + y.square().sum(1)
