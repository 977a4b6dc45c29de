"""TransCLIP: zero-shot answers that fit a mixture of Gaussians and agree among neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
import torch.nn.functional as functional

from fewshot.class_prior import estimate_prior, expand_prior, keep_prior
from fewshot.errors import SupportError
from fewshot.head import Head
from fewshot.membership import one_hot
from fewshot.queries import check_queries, mask_absent
from fewshot.unit_rows import normalise_rows
from fewshot.whole_numbers import check_count

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.background import Background
    from fewshot.class_prior import ClassPrior
    from fewshot.support import Support

__all__ = ["TransCLIPHead"]


class TransCLIPHead(Head):
    """Words, a Gaussian a class, and neighbours that agree (Zanella et al. 2024).

    Features ``f`` and words ``t`` are unit rows, ``yhat = softmax(logit_scale cos(f, t) + bias)``.
    The assignments ``z`` of queries go down on the paper's objective::

        - likelihood * sum_i z_i . log N(f_i; mu, diag sigma)            Gaussians
        - neighbour_weight * sum_ij w_ij z_i . z_j                       neighbours agree
        + sum_i (z_i . log z_i - lambda z_i . log yhat_i)                stay with the words

    by rounds of closed updates: five of ``z``, then one of the means and variances::

        z_i  ∝ yhat_i^lambda * exp(likelihood * log N(f_i; mu_c, sigma)
                                   + neighbour_weight * sum_j (w_ij + w_ji) z_j)
        mu_c, sigma: weighted mean, and variances common to all classes; a query weighs
                     z_ic / q, a photo photo_weight / s in its own class

    ``w_ij`` is the cosine where ``j`` is among the 3 nearest other queries of ``i``. Logits are
    the exponent of the last ``z``. Without photos lambda is 1, with photos of every class 0.5.
    The inductive counterparts are `ZeroShotHead` and, with photos, `FusedHead`.

    Parameters
    ----------
    likelihood : float, default=0.02
        Weight of the Gaussians; the authors' 1/50.
    neighbour_weight : float, default=1/6
        Weight of the neighbours; the authors' 50/6 times 1/50.
    photo_weight : float, default=1.0
        Total weight of the photos against that of all queries: 50 times the authors' gamma,
        which they choose on validation photos from 0.002, 0.01, 0.02 and 0.2; here 0.02.
    neighbours : int, default=3
        Nearest other queries.
    rounds : int, default=10
        Of five updates of ``z`` and one of the Gaussians.
    class_prior : Tensor broadcastable to (..., k), "estimate", or None
        Expected shares of the classes among the queries; ``log prior_c`` joins the exponent.
        None, as in the paper, assumes none. "estimate" reads them from the zero-shot logits.

    Notes
    -----
    Written from the paper's objective. Deviations:

    - Classes are those of the support, whether or not any query shows them.
    - Means start as the mean of a class's photos, or without any as that of the 8 queries (or
      all, if fewer) that words give to the class most surely; both made unit rows.
    - Where only some classes have photos, lambda is in between, by their share.
    - Only queries are neighbours; photos act through the Gaussians.
    - A variance never falls under a hundredth of its start ``1 / d``.

    References
    ----------
    Zanella, Gérin, Ben Ayed: Boosting vision-language models with transduction. NeurIPS 2024.

    Examples
    --------
    >>> import torch
    >>> from fewshot import Support, TransCLIPHead, Words
    >>> nothing = Support(
    ...     torch.zeros(0, 2),
    ...     torch.zeros(0, dtype=torch.int64),
    ...     torch.ones(2, dtype=torch.bool),
    ...     words=Words(torch.eye(2), logit_scale=10.0),
    ... )
    >>> queries = torch.tensor([[0.6, 0.8], [1.0, 0.0]])
    >>> TransCLIPHead().fit(nothing).logits(queries).argmax(-1)
    tensor([1, 0])
    """

    transductive: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"words"})
    class_prior: ClassPrior

    def __init__(
        self,
        likelihood: float = 0.02,
        neighbour_weight: float = 1 / 6,
        photo_weight: float = 1.0,
        neighbours: int = 3,
        rounds: int = 10,
        class_prior: ClassPrior = None,
    ) -> None:
        super().__init__()
        for name, value in (("likelihood", likelihood), ("neighbour_weight", neighbour_weight)):
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} is {value}: it must be >= 0 and finite")
        if not 0 < photo_weight < float("inf"):
            raise ValueError(f"photo_weight is {photo_weight}: it must be positive and finite")
        check_count("neighbours", neighbours, 1, ", or neighbour_weight=0")
        check_count("rounds", rounds, 1, ", or take ZeroShotHead")
        self.likelihood, self.neighbour_weight = likelihood, neighbour_weight
        self.photo_weight, self.neighbours, self.rounds = photo_weight, neighbours, rounds
        self.class_prior = keep_prior(self, class_prior, may_estimate=True)

    def transform(self, features: Tensor, background: Background | None = None) -> Tensor:
        """Divide by the length, so that products with words are cosines.

        Parameters
        ----------
        features : Tensor of shape (..., d)
            Raw features.
        background : Background, optional
            Not looked at.

        Returns
        -------
        Tensor of shape (..., d)
            Unit rows, in float32 at least.
        """
        return normalise_rows(features)

    def fit(self, support: Support) -> _FittedTransCLIP:
        """Keep the transformed support.

        Parameters
        ----------
        support : Support
            With words; photos are welcome.

        Returns
        -------
        FittedHead
        """
        self.check_support(support)
        features = self.transform(support.features, support.background)
        return _FittedTransCLIP(self, support.with_features(features))


@dataclass(frozen=True, slots=True, eq=False)
class _FittedTransCLIP:
    head: TransCLIPHead
    support: Support

    def logits(self, queries: Tensor, *, query_mask: Tensor | None = None) -> Tensor:
        head, support, words = self.head, self.support, self.support.words
        if words is None:
            raise SupportError("TransCLIPHead needs words: give Support(words=Words(...))")
        check_queries(queries, support, head, query_mask)
        f = head.transform(queries, support.background)
        if query_mask is not None:
            f = f.masked_fill(~query_mask.unsqueeze(-1), 0)
        real = torch.ones_like(f[..., :1]) if query_mask is None else query_mask.unsqueeze(-1)
        real = real.to(f.dtype)  # (..., q, 1)
        x, member = support.features.to(f), one_hot(support.labels, support.n_classes, f)
        counts = member.sum(-2)  # (..., k)

        zero_shot = words.logit_scale * (f @ words.embeddings.to(f).mT) + words.logit_bias
        zero_shot = mask_absent(zero_shot, support.class_mask)
        exists = support.class_mask.to(f.dtype)
        photographed = ((counts > 0) * exists).sum(-1) / exists.sum(-1).clamp(min=1)
        pull = (1 - photographed / 2)[..., None, None] * zero_shot.log_softmax(-1)
        if isinstance(head.class_prior, str):
            prior = estimate_prior(zero_shot.mT, real.mT)
            pull = pull + prior.log().unsqueeze(-2)
        elif head.class_prior is not None:
            pull = pull + expand_prior(head.class_prior, support.class_mask, f).log().unsqueeze(-2)
        pull = mask_absent(pull, support.class_mask)

        z = zero_shot.softmax(-1) * real
        mu = _first_means(f, z, x, member)
        sigma = torch.full_like(f[..., :1, :], 1 / f.shape[-1])  # (..., 1, d)
        near = _neighbours(f, query_mask, head.neighbours).mul_(head.neighbour_weight)

        # weights of rows in the Gaussians; their total is the same in every round
        per_query = real / real.sum(-2, keepdim=True)
        photos = member.sum(-1, keepdim=True)  # (..., s, 1): 1, or 0 for padding
        per_photo = head.photo_weight * member / photos.sum(-2, keepdim=True).clamp(min=1)
        squares = (per_query * f.square()).sum(-2, keepdim=True)
        squares = squares + (per_photo.sum(-1, keepdim=True) * x.square()).sum(-2, keepdim=True)
        total = 1 + per_photo.sum((-2, -1), keepdim=True)
        logits = pull
        for _ in range(head.rounds):
            fit = f @ (mu / sigma).mT - 0.5 * (mu.square() / sigma).sum(-1).unsqueeze(-2)
            fixed = pull + head.likelihood * fit
            for _ in range(5):
                logits = fixed + near @ z
                z = logits.softmax(-1) * real
            mass = (per_query * z).sum(-2) + per_photo.sum(-2)  # (..., k)
            mass = mass.unsqueeze(-1)
            mu = ((per_query * z).mT @ f + per_photo.mT @ x) / mass.clamp(min=1e-30)
            # around its weighted mean a class spreads by its mean square less its square mean
            sigma = (squares - (mass * mu.square()).sum(-2, keepdim=True)) / total
            sigma = sigma.clamp(min=0.01 / f.shape[-1])
        return mask_absent(logits, support.class_mask)


def _first_means(f: Tensor, z: Tensor, x: Tensor, member: Tensor) -> Tensor:
    """Mean of a class's photos, or else of the 8 queries most surely its own; unit rows."""
    surest = z.mT.topk(min(8, z.shape[-2]), dim=-1)  # (..., k, 8)
    chosen = torch.zeros_like(z.mT).scatter_(-1, surest.indices, (surest.values > 0).to(z.dtype))
    has_photos = (member.sum(-2) > 0).unsqueeze(-1)
    return functional.normalize(torch.where(has_photos, member.mT @ x, chosen @ f), dim=-1)


def _neighbours(f: Tensor, query_mask: Tensor | None, count: int) -> Tensor:
    """Cosines with the nearest other queries, plus the same transposed; (..., q, q)."""
    cosines = f @ f.mT
    cosines.diagonal(dim1=-2, dim2=-1).fill_(float("-inf"))
    if query_mask is not None:
        idle = ~query_mask
        cosines.masked_fill_(idle.unsqueeze(-1) | idle.unsqueeze(-2), float("-inf"))
    nearest = cosines.topk(min(count, f.shape[-2] - 1), dim=-1)
    near = torch.zeros_like(cosines).scatter_(-1, nearest.indices, nearest.values.clamp(min=0))
    return near + near.mT
