"""CLIP's loss: each picture finds its text among all of a batch, and each text its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["clip_loss"]


def clip_loss(logits: Tensor, groups: Tensor | None = None) -> Tensor:
    r"""Symmetric cross-entropy over a batch's pictures and texts.

    Parameters
    ----------
    logits : Tensor of shape (n, n)
        ``logit_scale * cosine`` of picture i and text j; text i is picture i's own.
    groups : Tensor of shape (n,), int64, optional
        Pairs of one group are right for each other: several pictures of a class, or one text
        twice. All different where it is not given.

    Returns
    -------
    Tensor
        A scalar, in nats. ``log(n)`` where all logits are equal.

    Notes
    -----
    With p(j | i) the softmax of a row and q(i | j) that of a column, and G_i the pairs in i's
    group,

    .. math::

        L = -\frac{1}{2n} \sum_i \frac{1}{|G_i|} \sum_{j \in G_i} [\log p(j | i) + \log q(j | i)]

    which is Figure 3 of [1]_ where all groups differ, and equations 2 to 4 of [2]_ otherwise.

    References
    ----------
    .. [1] Radford et al., "Learning transferable visual models from natural language
       supervision", ICML 2021.
    .. [2] Yang et al., "Unified contrastive learning in image-text-label space", CVPR 2022.

    Examples
    --------
    >>> import torch
    >>> float(clip_loss(torch.zeros(4, 4)))  # log 4
    1.386...
    """
    rows, columns = logits.log_softmax(1), logits.log_softmax(0)
    if groups is None:
        return -(rows.diagonal() + columns.diagonal()).mean() / 2
    right = (groups[:, None] == groups[None, :]).to(logits.dtype)
    right = right / right.sum(1, keepdim=True)
    # columns of a row's group have the same number of right answers, so one division does for both
    return -(right * (rows + columns)).sum() / (2 * len(logits))
