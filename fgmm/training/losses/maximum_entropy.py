"""Maximum entropy: not to be surer than fine-grained pictures allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["mean_entropy"]


def mean_entropy(logits: Tensor) -> Tensor:
    r"""Mean entropy of what is predicted of each picture; to be subtracted from a loss.

    Parameters
    ----------
    logits : Tensor of shape (n, k)
        ``-inf`` marks classes that are out of the question.

    Returns
    -------
    Tensor
        A scalar in nats, in [0, log(k)].

    Notes
    -----
    Training minimises ``cross-entropy - weight * H``, equation 4 of [1]_, with

    .. math:: H = -\frac{1}{n} \sum_i \sum_c p(c | x_i) \log p(c | x_i).

    References
    ----------
    .. [1] Dubey, Gupta, Raskar and Naik, "Maximum-entropy fine-grained classification",
       NeurIPS 2018.

    Examples
    --------
    >>> float(mean_entropy(torch.zeros(3, 2)))  # log 2
    0.693...
    """
    told = logits.log_softmax(1)
    # p log p is 0 at p = 0, where the product is not a number
    return -(told.exp() * told.masked_fill(torch.isinf(told), 0.0)).sum(1).mean()
