"""PT-MAP: features made bell-shaped, queries shared out among the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from fewshot.class_prior import estimate_prior, expand_prior, keep_prior
from fewshot.inner_product_head import InnerProductHead
from fewshot.joint_gram import gram_of_both, real_queries
from fewshot.membership import one_hot
from fewshot.unit_rows import normalise_rows
from fewshot.whole_numbers import check_count

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.background import Background
    from fewshot.class_prior import ClassPrior
    from fewshot.inner_products import InnerProducts

__all__ = ["PTMAPHead", "share_out"]

# exp(-LOWEST) is the smallest plan entry before scaling: sums of it and its inverse fit float32
LOWEST = -60.0


class PTMAPHead(InnerProductHead):
    """Power transform and maximum a posteriori (Hu, Gripon and Pateux 2021).

    1. unit length, ``x <- sign(x) (|x| + 1e-6)^power``, unit length again;
    2. photos are centred by their mean, queries by theirs, then both to unit length;
    3. class centres ``m_c`` start as means of photos. In each round the queries are shared out:
       the plan ``P_ic ∝ exp(-sharpness * ||z_i - m_c||^2)`` is scaled by Sinkhorn's iterations
       until every query has mass 1 and class c has ``queries * prior_c``; then
       ``m_c <- m_c + step (mean of its photos and its share of the queries - m_c)``.

    The logits are ``log P_ic`` up to a constant a query, so their softmax is the plan's row.
    Centring, normalising and averaging are done on inner products. The inductive counterpart
    is `PrototypeHead`.

    Parameters
    ----------
    power : float, default=0.5
        Official value; 1 leaves the features as they are.
    sharpness : float, default=10.0
        Sinkhorn's inverse temperature; official value.
    step : float, default=0.2
        In (0, 1]; official value.
    rounds : int, default=20
        Official value.
    class_prior : Tensor broadcastable to (..., k), "estimate", or None
        Expected shares of the classes among the queries. None is the paper's assumption,
        equal shares. "estimate" reads them from the first distances.

    Notes
    -----
    Deviations from the paper and its code:

    - Features have unit length before the power too, so that the encoder's scale is nothing
      to the 1e-6.
    - The power keeps the sign: the paper's features are non-negative, those of
      vision-language encoders are not, and half of them would be lost.
    - Shares are found by Newton steps where they beat Sinkhorn's, up to ``1e-5`` of a query.
    - Class masses are real numbers: seven queries over five equal classes give 1.4 each, and
      a query's shares sum to one whatever their number.
    - Photos are centred by ``sum_c prior_c p_c``, which is their mean with equal shots and
      equal shares, as in the paper: the two means are then of the same mixture.
    - No QR reduction, which changes no inner product.
    - Differences under ``exp(-60)`` in the plan before scaling are not told apart.

    References
    ----------
    Hu, Gripon, Pateux: Leveraging the feature distribution in transfer-based few-shot learning.
    ICANN 2021.

    Examples
    --------
    >>> import torch
    >>> from fewshot import PTMAPHead, Support
    >>> two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    >>> queries = torch.tensor([[-0.1, 1.0], [1.0, 0.2], [0.9, 0.1]])
    >>> PTMAPHead().fit(two).logits(queries).softmax(-1).sum(-1)
    tensor([1.0000, 1.0000, 1.0000])
    """

    transductive: ClassVar[bool] = True
    class_prior: ClassPrior

    def __init__(
        self,
        power: float = 0.5,
        sharpness: float = 10.0,
        step: float = 0.2,
        rounds: int = 20,
        class_prior: ClassPrior = None,
    ) -> None:
        super().__init__()
        if not 0 < power < float("inf"):
            raise ValueError(f"power is {power}: it must be positive and finite (the paper: 0.5)")
        if not 0 < sharpness < float("inf"):
            raise ValueError(f"sharpness is {sharpness}: it must be positive and finite")
        if not 0 < step <= 1:
            raise ValueError(f"step is {step}: it must be in (0, 1] (the paper: 0.2)")
        check_count("rounds", rounds, 0, " (0 keeps the first centres)")
        self.power, self.sharpness, self.step, self.rounds = power, sharpness, step, rounds
        self.class_prior = keep_prior(self, class_prior, may_estimate=True)

    def transform(self, features: Tensor, background: Background | None = None) -> Tensor:
        """Raise to a power that keeps the sign, and divide by the length.

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
        x = normalise_rows(features)  # whatever the encoder's scale, 1e-6 is then small beside x
        if self.power == 1:
            return x
        return normalise_rows(x.sign() * (x.abs() + 1e-6).pow(self.power))

    def transform_key(self) -> object:
        """Tell which transform this is; see `InnerProductHead.transform_key`.

        Returns
        -------
        object
        """
        return type(self).transform, self.power

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
            Logits, whose softmax is the queries' share in each class.
        """
        gram = gram_of_both(inner, labels, query_mask)  # (..., n, n), n = s + q
        member = one_hot(labels, class_mask.shape[-1], gram).mT  # (..., k, s)
        real = real_queries(inner, query_mask).unsqueeze(-2)  # (..., 1, q)
        means = member / member.sum(-1, keepdim=True).clamp(min=1)
        shares = expand_prior(self.class_prior, class_mask, gram).unsqueeze(-1)  # (..., k, 1)
        s, absent = member.shape[-1], ~class_mask.unsqueeze(-1)
        gram = _centred(gram, (shares * means).sum(-2), real.squeeze(-2))

        norms = gram.diagonal(dim1=-2, dim2=-1)[..., s:].unsqueeze(-2)
        m = torch.cat([means, real.new_zeros(*means.shape[:-1], real.shape[-1])], -1)
        cost = self._cost(m, gram, norms, absent)
        if isinstance(self.class_prior, str):
            shares = estimate_prior(-cost, real).unsqueeze(-1)
        mass = shares * real.sum(-1, keepdim=True)  # (..., k, 1)
        scaling = torch.ones_like(mass).masked_fill(absent, 0)
        for _ in range(self.rounds):
            plan, scaling = share_out(cost, mass, real, scaling)
            held = torch.cat([member, plan], -1)
            held /= held.sum(-1, keepdim=True).clamp(min=1e-30)
            m = torch.lerp(m, held, self.step)
            cost = self._cost(m, gram, norms, absent)
        _, scaling = share_out(cost, mass, real, scaling)
        return (scaling.log() - cost).mT

    def _cost(self, m: Tensor, gram: Tensor, norms: Tensor, absent: Tensor) -> Tensor:
        """Give ``sharpness * ||z - m_c||^2`` for queries, (..., k, q); infinite where absent."""
        dots = m @ gram
        lengths = (dots * m).sum(-1, keepdim=True)
        squared = (norms + lengths - 2 * dots[..., -norms.shape[-1] :]).clamp_(min=0)
        return squared.mul_(self.sharpness).masked_fill_(absent, float("inf"))


def share_out(cost: Tensor, mass: Tensor, real: Tensor, scaling: Tensor) -> tuple[Tensor, Tensor]:
    """Share queries out among classes of given masses.

    Sinkhorn's iterations, with a Newton step on their convex dual wherever that step at least
    halves what is still wrong: a few steps do then what takes Sinkhorn hundreds.

    Parameters
    ----------
    cost : Tensor of shape (..., k, q)
        ``inf`` for classes that do not exist.
    mass : Tensor of shape (..., k, 1)
        What each class must hold; sums to the number of queries.
    real : Tensor of shape (..., 1, q)
        1 for a query, 0 for padding.
    scaling : Tensor of shape (..., k, 1)
        Where to start; 1 and, for classes that do not exist, 0.

    Returns
    -------
    plan : Tensor of shape (..., k, q)
        Columns (queries) sum to 1, those of padding to 0; rows to ``mass`` within 1e-5,
        unless 1000 iterations did not get there.
    scaling : Tensor of shape (..., k, 1)
        ``plan`` is ``scaling * exp(-cost)``, columns normalised.
    """
    kernel = (cost.amin(-2, keepdim=True) - cost).clamp_(min=LOWEST).exp_()
    tolerance = mass.sum(-2, keepdim=True) * torch.finfo(mass.dtype).eps * 8 + 1e-5
    plan, held = _plan(kernel, scaling, real)
    for _ in range(1000):
        gap = (held - mass).abs().amax(-2, keepdim=True)
        far = gap > tolerance
        if not far.any():
            break
        # the dual's Hessian, made regular along the all-ones vector and for empty classes
        hessian = 1 - plan @ plan.mT
        hessian.diagonal(dim1=-2, dim2=-1).add_((held + (held < 1e-12)).squeeze(-1))
        step, _ = torch.linalg.solve_ex(hessian, mass - held)
        newton = scaling * step.clamp(-5, 5).exp()
        better = (_plan(kernel, newton, real)[1] - mass).abs().amax(-2, keepdim=True) < gap / 2
        moved = torch.where(better, newton, scaling * (mass / held.clamp(min=1e-30)))
        # an episode that is done stays as it is, whichever others share its batch
        scaling = torch.where(far, moved, scaling)
        plan, held = _plan(kernel, scaling, real)
    return plan, scaling


def _plan(kernel: Tensor, scaling: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    plan = kernel * scaling
    plan *= real / plan.sum(-2, keepdim=True)
    return plan, plan.sum(-1, keepdim=True)


def _centred(gram: Tensor, photo_mean: Tensor, real: Tensor) -> Tensor:
    """Centre photos by one mean and queries by theirs, then make every row a unit one.

    ``photo_mean`` (..., s) and ``real`` (..., q) weigh the rows; in place on ``gram``.
    """
    s = photo_mean.shape[-1]
    query_mean = real / real.sum(-1, keepdim=True).clamp(min=1)
    to_photos = gram[..., :s] @ photo_mean.unsqueeze(-1)  # (..., n, 1)
    to_queries = gram[..., s:] @ query_mean.unsqueeze(-1)
    before = gram.diagonal(dim1=-2, dim2=-1).clone()
    # rows first: G <- (I - A) G, then the same on the columns of what came out
    gram[..., :s, :] -= to_photos.mT
    gram[..., s:, :] -= to_queries.mT
    gram[..., :s] -= gram[..., :s] @ photo_mean.unsqueeze(-1)
    gram[..., s:] -= gram[..., s:] @ query_mean.unsqueeze(-1)
    after = gram.diagonal(dim1=-2, dim2=-1)
    # what is left of a row equal to its mean is rounding, not a direction
    real_row = after > before * (32 * torch.finfo(gram.dtype).eps)
    scale = torch.where(real_row, after.clamp(min=1e-30).rsqrt(), torch.zeros_like(after))
    return gram.mul_(scale.unsqueeze(-1)).mul_(scale.unsqueeze(-2))
