"""TIM: prototypes that make the queries' answers certain and varied."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from fewshot.class_prior import estimate_prior, expand_prior, keep_prior
from fewshot.joint_gram import gram_of_both, real_queries
from fewshot.membership import one_hot
from fewshot.unit_rows import UnitRowHead
from fewshot.whole_numbers import check_count

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.class_prior import ClassPrior
    from fewshot.inner_products import InnerProducts

__all__ = ["TIMHead"]


class TIMHead(UnitRowHead):
    """Transductive information maximisation, by closed updates (Boudiaf et al. 2020).

    Features are unit rows, ``p_ic = softmax_c(-temperature / 2 * ||x_i - w_c||^2)``, and the
    weights ``w`` start as class means. They go down on::

        photo_weight * CE(photos) + sum_c m_c log(m_c / prior_c) + certainty * H(queries)

    with ``m_c`` the mean of ``p_ic`` over queries and H their mean entropy, by alternating the
    two closed updates of the paper's proposition 1 (``s`` photos, ``q`` queries)::

        q_ic ∝ p_ic^(1 + certainty) * sqrt(prior_c / sum_i p_ic^(1 + certainty))
        w_c <- sum_i u_i [t_ic x_i + p_ic (w_c - x_i)] / sum_i u_i t_ic

    where ``t_i`` is the label of a photo, or ``q_i``; ``u_i`` is
    ``photo_weight / (1 + certainty)`` for a photo and ``s / q`` for a query. Logits are
    ``-temperature / 2 * ||x - w_c||^2``. The weights stay combinations of photos and queries,
    so only inner products are needed. Its inductive counterpart is `SimpleShotHead` without
    background: ``rounds=0`` gives its logits times ``temperature / 2``.

    Parameters
    ----------
    temperature : float, default=15.0
        Official value.
    photo_weight : float, default=0.1
        Weight of the photos' cross-entropy; official value.
    certainty : float, default=0.1
        Weight of the queries' entropy; official value.
    rounds : int, default=150
        Pairs of updates; official value.
    class_prior : Tensor broadcastable to (..., k), "estimate", or None
        Expected shares of the classes among the queries. None is the paper's assumption,
        equal shares. "estimate" reads them from the first logits.

    Notes
    -----
    Deviations from the paper:

    - Its marginal entropy is the case of equal shares; here it is minus the divergence from
      ``class_prior``. The update above follows as theirs does, with the same neglect of the
      normalisation of each ``q_i``.
    - The weight of the marginal term is 1, as always in the paper.

    References
    ----------
    Boudiaf, Ziko, Rony, Dolz, Piantanida, Ben Ayed: Transductive information maximization for
    few-shot learning. NeurIPS 2020.

    Examples
    --------
    >>> import torch
    >>> from fewshot import Support, TIMHead
    >>> two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    >>> queries = torch.tensor([[0.6, 0.8], [1.0, 0.0]])
    >>> TIMHead().fit(two).logits(queries).argmax(-1)
    tensor([1, 0])
    """

    transductive: ClassVar[bool] = True
    class_prior: ClassPrior

    def __init__(
        self,
        temperature: float = 15.0,
        photo_weight: float = 0.1,
        certainty: float = 0.1,
        rounds: int = 150,
        class_prior: ClassPrior = None,
    ) -> None:
        super().__init__()
        if not 0 < temperature < float("inf"):
            raise ValueError(f"temperature is {temperature}: it must be positive and finite")
        if not 0 < photo_weight < float("inf"):
            raise ValueError(
                f"photo_weight is {photo_weight}: it must be positive and finite, or nothing "
                "ties a class to its photos"
            )
        if not 0 <= certainty < float("inf"):
            raise ValueError(f"certainty is {certainty}: it must be >= 0 and finite")
        check_count("rounds", rounds, 0, " (0 keeps the class means)")
        self.temperature, self.photo_weight = temperature, photo_weight
        self.certainty, self.rounds = certainty, rounds
        self.class_prior = keep_prior(self, class_prior, may_estimate=True)

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
            With ``queries``.
        labels : Tensor of shape (..., s), int64
            -1 for padding.
        class_mask : Tensor of shape (..., k), bool
            Which classes exist.
        query_mask : Tensor of shape (..., q), bool, optional
            False marks padding, which moves nothing.

        Returns
        -------
        Tensor of shape (..., q, k)
            Logits.
        """
        gram = gram_of_both(inner, labels, query_mask)  # (..., n, n), n = s + q
        member = one_hot(labels, class_mask.shape[-1], gram).mT  # (..., k, s)
        real = real_queries(inner, query_mask).unsqueeze(-2)  # (..., 1, q)
        photos = member.sum(-2, keepdim=True)  # (..., 1, s): 1, or 0 for padding
        s = photos.shape[-1]
        absent = torch.zeros_like(gram[..., :1, :1]).masked_fill(
            ~class_mask.unsqueeze(-1), float("-inf")
        )

        # u: the weight of each row; w: coefficients of the class weights over the n rows
        for_query = photos.sum(-1, keepdim=True) / real.sum(-1, keepdim=True).clamp(min=1)
        u = torch.cat([photos * (self.photo_weight / (1 + self.certainty)), real * for_query], -1)
        means = member / member.sum(-1, keepdim=True).clamp(min=1)
        w = torch.cat([means, real.new_zeros(*means.shape[:-1], real.shape[-1])], -1)
        target = torch.cat([member, torch.zeros_like(w[..., s:])], -1)

        logits = self._logits(w, gram, absent)
        if isinstance(self.class_prior, str):
            prior = estimate_prior(logits[..., s:], real)
        else:
            prior = expand_prior(self.class_prior, class_mask, gram)
        prior = prior.unsqueeze(-1)  # (..., k, 1)
        for _ in range(self.rounds):
            log_p = logits.log_softmax(-2)
            sharp = (log_p[..., s:] * (1 + self.certainty)).exp_()
            total = (sharp * real).sum(-1, keepdim=True).clamp_(min=1e-30)
            sharp *= (prior / total).sqrt_()
            target[..., s:] = sharp / sharp.sum(-2, keepdim=True)
            p = log_p.exp_().mul_(u)
            pull = u * target
            weight = pull.sum(-1, keepdim=True).clamp_(min=1e-30)
            w = (w * p.sum(-1, keepdim=True)).add_(pull).sub_(p).div_(weight)
            logits = self._logits(w, gram, absent)
        x = inner.query_norms.unsqueeze(-2)
        return (logits[..., s:] - self.temperature / 2 * x).mT

    def _logits(self, w: Tensor, gram: Tensor, absent: Tensor) -> Tensor:
        """Give ``-temperature / 2 ||x - w||^2`` less the part of x alone, (..., k, n)."""
        dots = w @ gram
        lengths = (dots * w).sum(-1, keepdim=True)
        return dots.mul_(self.temperature).add_(absent - self.temperature / 2 * lengths)
