"""BD-CSPN: class means corrected by the queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from fewshot.class_prior import expand_prior, keep_prior
from fewshot.joint_gram import between_queries, clear_padding, real_queries
from fewshot.membership import one_hot
from fewshot.queries import mask_absent
from fewshot.unit_rows import UnitRowHead

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.class_prior import ClassPrior
    from fewshot.inner_products import InnerProducts

__all__ = ["BDCSPNHead", "Rectified", "rectify"]


class Rectified(NamedTuple):
    """Shifted queries against rectified prototypes, classes before queries."""

    dots: Tensor  # (..., k, q): p'_c . z'_q
    query_norms: Tensor  # (..., 1, q): ||z'_q||^2
    lengths: Tensor  # (..., k, 1): ||p'_c||^2

    @property
    def cosines(self) -> Tensor:
        """Cosines of shape (..., k, q)."""
        return self.dots * (self.query_norms * self.lengths).clamp_(min=1e-12).rsqrt_()


def rectify(
    inner: InnerProducts,
    labels: Tensor,
    class_mask: Tensor,
    query_mask: Tensor | None,
    scale: float,
    class_prior: Tensor | None = None,
) -> Rectified:
    """Shift the queries onto the support and let them correct the class means.

    Parameters
    ----------
    inner : InnerProducts
        With ``queries``.
    labels : Tensor of shape (..., s), int64
        -1 for padding.
    class_mask : Tensor of shape (..., k), bool
        Which classes exist.
    query_mask : Tensor of shape (..., q), bool, optional
        False marks padding.
    scale : float
        Sharpness of the weights.
    class_prior : Tensor of shape (..., k), optional
        Expected shares of the classes among the queries.

    Returns
    -------
    Rectified
    """
    inner = clear_padding(inner, labels, query_mask)
    queries = between_queries(inner)
    n_classes, support, to_query = class_mask.shape[-1], inner.support, inner.cross.mT
    member = one_hot(labels, n_classes, support).mT  # (..., k, s)
    real = real_queries(inner, query_mask).unsqueeze(-2)  # (..., 1, q)
    share = member / member.sum(-1, keepdim=True).clamp(min=1)  # rows average a class

    # the shift xi: mean of the support minus mean of the queries, told by its inner products
    if class_prior is None:
        a = member.sum(-2, keepdim=True)  # (..., 1, s)
        a = a / a.sum(-1, keepdim=True).clamp(min=1)
    else:
        a = class_prior.unsqueeze(-2) @ share
    b = real / real.sum(-1, keepdim=True).clamp(min=1)  # (..., 1, q)
    xi_query = a @ to_query - b @ queries  # (..., 1, q)
    xi_support = a @ support - b @ inner.cross  # (..., 1, s)
    xi_xi = (a * xi_support).sum(-1, keepdim=True) - (b * xi_query).sum(-1, keepdim=True)
    norms = (inner.query_norms.unsqueeze(-2) + 2 * xi_query + xi_xi).clamp_(min=0)

    # cosines to the class means, and pseudo-labels
    mean_support = share @ support  # (..., k, s)
    shifted = (share * xi_support).sum(-1, keepdim=True)
    lengths = (share * mean_support).sum(-1, keepdim=True).clamp_(min=0)
    cosines = Rectified(share @ to_query + shifted, norms, lengths).cosines
    guess = scale * cosines if class_prior is None else scale * cosines + _log_column(class_prior)
    guess = guess.masked_fill_(~class_mask.unsqueeze(-1), float("-inf")).argmax(-2)
    pseudo = one_hot(guess, n_classes, cosines).mT * real
    own = support.diagonal(dim1=-2, dim2=-1).unsqueeze(-2)
    support_cosines = Rectified(mean_support, own, lengths).cosines

    # rectified prototypes: weighted means of the photos and of the queries that took the class
    alpha = (support_cosines - 1).mul_(scale).exp_().mul_(member)
    beta = (cosines - 1).mul_(scale).exp_().mul_(pseudo)
    total = alpha.sum(-1, keepdim=True) + beta.sum(-1, keepdim=True)
    alpha, beta = alpha / total.clamp_(min=1e-30), beta / total
    taken = beta.sum(-1, keepdim=True)  # (..., k, 1)
    # p'.z' where z' = z + xi, for p' = alpha x + beta z'
    xi_prototype = (alpha * xi_support).sum(-1, keepdim=True)
    xi_prototype = xi_prototype + (beta * xi_query).sum(-1, keepdim=True) + taken * xi_xi
    beta_support = beta @ inner.cross  # (..., k, s)
    dots = alpha @ to_query + beta @ queries + taken * xi_query + xi_prototype
    on_support = alpha @ support + beta_support + taken * xi_support
    lengths = (alpha * on_support).sum(-1, keepdim=True) + (beta * dots).sum(-1, keepdim=True)
    return Rectified(dots, norms, lengths.clamp_(min=0))


def _log_column(prior: Tensor) -> Tensor:
    return prior.log().unsqueeze(-1)


class BDCSPNHead(UnitRowHead):
    """Class means corrected by the queries (Liu, Song and Qin 2020, equations 2 to 6).

    Features are unit rows. Queries are shifted so that their mean falls on the support's;
    each then takes its nearest class mean ``p_c``, and counts there next to the photos::

        z'_q = z_q + mean(x) - mean(z)                        cross-class bias
        p'_c = sum_{x in c or z' given to c} w x,  w ∝ exp(scale * cos(x, p_c))   intra-class bias
        logit_c(q) = scale * cos(z'_q, p'_c)

    Its inductive counterpart is `PrototypeHead` with ``distance="cosine"``.

    Parameters
    ----------
    scale : float, default=10.0
        The paper's epsilon, and the sharpness of the logits, which changes no answer.
    class_prior : Tensor broadcastable to (..., k), optional
        Expected shares of the classes among the queries. By default none is assumed, but the
        shift supposes, as in the paper, that queries mix classes as the photos do.

    Notes
    -----
    Deviations from the paper:

    - Every query counts, not the 8 most certain of each class, which suits 15 queries a class
      only. A class that no query takes keeps its photos.
    - The logits' factor is ``scale``, where the paper trains one.
    - With a ``class_prior`` the queries' mean falls on ``sum_c prior_c p_c``, and
      ``log prior_c`` is added to the cosines' logits, for pseudo-labels and in the end.

    References
    ----------
    Liu, Song, Qin: Prototype rectification for few-shot learning. ECCV 2020.

    Examples
    --------
    >>> import torch
    >>> from fewshot import BDCSPNHead, Support
    >>> two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    >>> BDCSPNHead().fit(two).logits(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    tensor([[ 0., 10.],
            [10.,  0.]])
    """

    transductive: ClassVar[bool] = True
    class_prior: ClassPrior

    def __init__(self, scale: float = 10.0, class_prior: ClassPrior = None) -> None:
        super().__init__()
        if not 0 < scale < float("inf"):
            raise ValueError(f"scale is {scale}: it must be positive and finite (the paper has 10)")
        self.scale = scale
        self.class_prior = keep_prior(self, class_prior, may_estimate=False)

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
        prior = None
        if self.class_prior is not None:
            prior = expand_prior(self.class_prior, class_mask, inner.cross)
        found = rectify(inner, labels, class_mask, query_mask, self.scale, prior)
        logits = found.cosines.mul_(self.scale)
        if prior is not None:
            logits = logits + _log_column(prior)
        return mask_absent(logits.mT, class_mask)
