"""SigLIP's loss: of every picture and every text, do they belong together or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["siglip_loss"]


def siglip_loss(logits: Tensor, groups: Tensor | None = None) -> Tensor:
    r"""Sigmoid loss over all pairs of a batch.

    Parameters
    ----------
    logits : Tensor of shape (n, n)
        ``logit_scale * cosine + logit_bias`` of picture i and text j.
    groups : Tensor of shape (n,), int64, optional
        As in `fgmm.training.losses.clip_loss`.

    Returns
    -------
    Tensor
        A scalar, in nats a picture. ``n * log(2)`` where all logits are 0.

    Notes
    -----
    .. math:: L = -\frac{1}{n} \sum_i \sum_j \log \sigma(z_{ij} \, l_{ij})

    with z = 1 where i and j belong together and -1 elsewhere: section 3.2 and Algorithm 1 of [1]_.

    References
    ----------
    .. [1] Zhai, Mustafa, Kolesnikov and Beyer, "Sigmoid loss for language image pre-training",
       ICCV 2023.

    Examples
    --------
    >>> float(siglip_loss(torch.zeros(1, 1)))  # log 2
    0.693...
    """
    groups = torch.arange(len(logits), device=logits.device) if groups is None else groups
    signs = 2.0 * (groups[:, None] == groups[None, :]).to(logits.dtype) - 1.0
    return -functional.logsigmoid(signs * logits).sum() / len(logits)
