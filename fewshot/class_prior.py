"""How often each class is expected among the queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from fewshot.errors import SupportError

if TYPE_CHECKING:
    from fewshot.head import Head

__all__ = ["ClassPrior", "estimate_prior", "expand_prior", "keep_prior"]

ClassPrior = Tensor | Literal["estimate"] | None


def keep_prior(head: Head, prior: ClassPrior, *, may_estimate: bool) -> ClassPrior:
    """Check a head's ``class_prior``; a tensor becomes a buffer, which moves with the head.

    Parameters
    ----------
    head : Head
        Whose prior it is.
    prior : Tensor of shape (..., k), "estimate", or None
        Weights of the classes; they need not sum to one.
    may_estimate : bool
        Whether the head can estimate it from the queries.

    Returns
    -------
    Tensor, "estimate", or None
        The same, for the head to keep as ``class_prior``.

    Raises
    ------
    ValueError
        If it is none of these, or holds a weight that is negative or not finite.
    """
    if isinstance(prior, Tensor):
        if prior.ndim == 0 or not torch.isfinite(prior).all() or (prior < 0).any():
            raise ValueError(
                f"class_prior is {prior.tolist()}: give one finite weight >= 0 for each class"
            )
        head.register_buffer("class_prior", prior)
        return prior
    if prior is not None and not (may_estimate and prior == "estimate"):
        known = "None, a tensor of weights" + (" or 'estimate'" if may_estimate else "")
        raise ValueError(f"class_prior is {prior!r}: {type(head).__name__} takes {known}")
    return prior


def expand_prior(prior: ClassPrior, class_mask: Tensor, like: Tensor) -> Tensor:
    """Spread a prior over the classes that exist.

    Parameters
    ----------
    prior : Tensor broadcastable to (..., k), "estimate", or None
        Weights; equal ones where nothing is known, or nothing yet.
    class_mask : Tensor of shape (..., k), bool
        Which classes exist.
    like : Tensor
        Gives the floating type and the device.

    Returns
    -------
    Tensor of shape (..., k)
        Probabilities: they sum to one over the classes that exist and are 0 elsewhere.

    Raises
    ------
    SupportError
        If the shape does not fit, or every class that exists has weight zero.

    Examples
    --------
    >>> exists = torch.tensor([True, True, False])
    >>> expand_prior(torch.tensor([1.0, 3.0, 9.0]), exists, torch.ones(1))
    tensor([0.2500, 0.7500, 0.0000])
    """
    exists = class_mask.to(like.dtype)
    if isinstance(prior, Tensor):
        if prior.shape[-1] != class_mask.shape[-1]:
            raise SupportError(
                f"class_prior has {prior.shape[-1]} weights and there are {class_mask.shape[-1]} "
                "classes: give one weight a class, in their order"
            )
        exists = exists * prior.to(like)
    total = exists.sum(-1, keepdim=True)
    if (total <= 0).any():
        raise SupportError(
            "class_prior gives weight zero to every class that exists: at least one must be "
            "possible"
        )
    return exists / total


def estimate_prior(logits: Tensor, real: Tensor, *, rounds: int = 10) -> Tensor:
    """Estimate from the queries' logits how often each class occurs.

    Expectation maximisation for shares of a mixture (Saerens, Latinne and Decaestecker 2002)
    with one made-up query a class, so that no class is ever ruled out::

        r_qc ∝ share_c * exp(logit_qc)            share_c = (1 + sum_q r_qc) / (k + queries)

    Parameters
    ----------
    logits : Tensor of shape (..., k, q)
        Under equal shares; ``-inf`` for classes that do not exist.
    real : Tensor of shape (..., 1, q)
        1 for a query, 0 for padding.
    rounds : int, default=10
        Rounds from equal shares.

    Returns
    -------
    Tensor of shape (..., k)
        Probabilities.

    Examples
    --------
    Two certain queries of the first class and none of the second: (1 + 2) / (2 + 2).

    >>> estimate_prior(torch.tensor([[99.0, 99.0], [0.0, 0.0]]), torch.ones(1, 2))
    tensor([0.7500, 0.2500])
    """
    exists = torch.isfinite(logits).any(-1).to(logits.dtype)  # (..., k)
    share = exists / exists.sum(-1, keepdim=True)
    total = exists.sum(-1, keepdim=True) + real.sum(-1)
    for _ in range(rounds):
        seen = (logits + share.log().unsqueeze(-1)).softmax(-2).mul(real).sum(-1)
        share = (exists + seen) / total
    return share
