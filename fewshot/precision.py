"""Which precision linear algebra is done in, and what rounding took before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["positive_gram", "widest"]


def widest(like: Tensor) -> torch.dtype:
    """Tell the widest floating type of a tensor's device.

    Parameters
    ----------
    like : Tensor
        Gives the device.

    Returns
    -------
    torch.dtype
        float64, but float32 on Apple's "mps", which has no other.

    Examples
    --------
    >>> widest(torch.zeros(2, dtype=torch.bfloat16))
    torch.float64
    """
    return torch.float32 if like.device.type == "mps" else torch.float64


def positive_gram(gram: Tensor, labels: Tensor) -> Tensor:
    """Make a Gram matrix positive definite in the widest precision, without its padding.

    Parameters
    ----------
    gram : Tensor of shape (..., s, s)
        Inner products, rounded to their type.
    labels : Tensor of shape (..., s), int64
        -1 for padding.

    Returns
    -------
    Tensor of shape (..., s, s)
        Rows and columns of padding are zero but for the diagonal. To the diagonal is added
        what rounding may have taken from the smallest eigenvalues, relative to the longest
        feature: some 1e-5 if ``gram`` is float32, 1e-14 if it is float64.

    Examples
    --------
    >>> same = torch.ones(2, 2, dtype=torch.float64)
    >>> bool((torch.linalg.eigvalsh(positive_gram(same, torch.tensor([0, 1]))) > 0).all())
    True
    """
    real = labels >= 0
    rounding = 2 * gram.shape[-1] * torch.finfo(gram.dtype).eps
    gram = gram.masked_fill(~(real.unsqueeze(-1) & real.unsqueeze(-2)), 0).to(widest(gram))
    lengths = gram.diagonal(dim1=-2, dim2=-1)
    if not lengths.shape[-1]:
        return gram
    lift = rounding * lengths.amax(-1, keepdim=True) + torch.finfo(torch.float32).tiny
    return gram + torch.diag_embed(lift.expand_as(lengths))
