"""Which row belongs to which class, as matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["class_means", "one_hot"]


def one_hot(labels: Tensor, n_classes: int, like: Tensor) -> Tensor:
    """Membership of rows in classes; rows of padding are zero.

    Parameters
    ----------
    labels : Tensor of shape (..., s), int64
        In [0, k), or -1 for padding.
    n_classes : int
        k.
    like : Tensor
        Gives the floating type.

    Returns
    -------
    Tensor of shape (..., s, k)

    Examples
    --------
    >>> one_hot(torch.tensor([1, -1]), 2, torch.ones(()))
    tensor([[0., 1.],
            [0., 0.]])
    """
    classes = torch.arange(n_classes, device=labels.device)
    return (labels.unsqueeze(-1) == classes).to(like.dtype)


def class_means(labels: Tensor, n_classes: int, like: Tensor) -> Tensor:
    """Weights whose product with rows gives class means: ``class_means(...).mT @ rows``.

    Parameters
    ----------
    labels : Tensor of shape (..., s), int64
        In [0, k), or -1 for padding.
    n_classes : int
        k.
    like : Tensor
        Gives the floating type.

    Returns
    -------
    Tensor of shape (..., s, k)
        ``1 / n_c`` where the row is of class c, else 0; a class without rows has zeros.

    Examples
    --------
    >>> class_means(torch.tensor([0, 0, 1]), 2, torch.ones(()))
    tensor([[0.5000, 0.0000],
            [0.5000, 0.0000],
            [0.0000, 1.0000]])
    """
    member = one_hot(labels, n_classes, like)
    return member / member.sum(-2, keepdim=True).clamp(min=1)
