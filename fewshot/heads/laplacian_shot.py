"""LaplacianShot: nearest prototype, and neighbours agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from fewshot.class_prior import expand_prior, keep_prior
from fewshot.heads.bd_cspn import Rectified, rectify
from fewshot.joint_gram import between_queries, clear_padding
from fewshot.membership import class_means
from fewshot.unit_rows import CentredRowHead
from fewshot.whole_numbers import check_count

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.class_prior import ClassPrior
    from fewshot.inner_products import InnerProducts

__all__ = ["LaplacianShotHead"]


class LaplacianShotHead(CentredRowHead):
    """Nearest prototype, smoothed over neighbouring queries (Ziko et al. 2020, equation 8).

    Features are centred unit rows ("CL2N"). With ``a_qc = ||z_q - p_c||^2`` and ``w_qj = 1``
    where query ``j`` is among the nearest of query ``q``, else 0::

        y_q <- softmax_c(-a_qc + lmd * sum_j w_qj y_jc)        starting from softmax(-a_q)

    The logits are the argument of the last softmax. Its inductive counterpart is
    `SimpleShotHead`: ``lmd=0, rectified=False`` is exactly that.

    Parameters
    ----------
    lmd : float, default=1.0
        Weight of the neighbours; 1.0 in the official scripts before they search
        0.1 to 1.5 on validation classes, which this head never does.
    neighbours : int, default=2
        Nearest other queries. The official "knn 3" counts the query itself.
    rounds : int, default=20
        Bound updates, the official number.
    rectified : bool, default=True
        Whether prototypes and queries are first corrected as in `BDCSPNHead`, as the
        official script does.
    class_prior : Tensor broadcastable to (..., k), optional
        Expected shares of the classes among the queries. By default none is assumed beyond
        what the correction of `BDCSPNHead` supposes.

    Notes
    -----
    Deviations from the paper and its code:

    - All rounds are done; the code stops when its energy settles.
    - The code weighs photos and queries by ``softmax(10 cos)`` when it corrects prototypes;
      here by ``exp(10 cos)``, the formula of the paper it cites for this.
    - The neighbour matrix is not made symmetric, as in the code; the paper's bound asks for it.
    - ``m`` of CL2N is the mean of the `Background`; without one features are only normalised.
    - With a ``class_prior``, ``log prior_c`` is added to ``-a_qc``.

    References
    ----------
    Ziko, Dolz, Granger, Ben Ayed: Laplacian regularized few-shot learning. ICML 2020.

    Examples
    --------
    >>> import torch
    >>> from fewshot import LaplacianShotHead, Support
    >>> two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    >>> queries = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    >>> LaplacianShotHead(lmd=0.0).fit(two).logits(queries)
    tensor([[-2.,  0.],
            [ 0., -2.]])
    """

    transductive: ClassVar[bool] = True
    class_prior: ClassPrior

    def __init__(
        self,
        lmd: float = 1.0,
        neighbours: int = 2,
        rounds: int = 20,
        rectified: bool = True,
        class_prior: ClassPrior = None,
    ) -> None:
        super().__init__()
        if not 0 <= lmd < float("inf"):
            raise ValueError(f"lmd is {lmd}: it must be >= 0 and finite (0.1 to 1.5 are usual)")
        check_count("neighbours", neighbours, 1, ", or set lmd=0")
        check_count("rounds", rounds, 1, ", or set lmd=0")
        self.lmd, self.neighbours, self.rounds, self.rectified = lmd, neighbours, rounds, rectified
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
            Logits: minus squared distances plus the neighbours' votes.
        """
        inner = clear_padding(inner, labels, query_mask)
        prior = None
        if self.class_prior is not None:
            prior = expand_prior(self.class_prior, class_mask, inner.cross)
        if self.rectified:
            found = rectify(inner, labels, class_mask, query_mask, 10.0, prior)
        else:
            means = class_means(labels, class_mask.shape[-1], inner.support).mT
            lengths = (means * (means @ inner.support)).sum(-1, keepdim=True).clamp(min=0)
            found = Rectified(means @ inner.cross.mT, inner.query_norms.unsqueeze(-2), lengths)
        # classes before queries: a softmax over the outer axis is the faster one
        start = (2 * found.dots - found.query_norms - found.lengths).clamp_(max=0)
        if prior is not None:
            start = start + prior.log().unsqueeze(-1)
        start = start.masked_fill_(~class_mask.unsqueeze(-1), float("-inf"))
        if self.lmd == 0:
            return start.mT
        near = self._neighbours(inner, query_mask, n_classes=start.shape[-2])
        logits = start
        for _ in range(self.rounds):
            y, logits = logits.softmax(-2).mul_(self.lmd), start.clone()
            for index, counts in near:
                vote = y.gather(-1, index)
                logits += vote if counts is None else vote.mul_(counts)
        return logits.mT

    def _neighbours(
        self, inner: InnerProducts, query_mask: Tensor | None, n_classes: int
    ) -> list[tuple[Tensor, Tensor | None]]:
        """Each query's nearest other ones, nearest first, and whether there is one at all."""
        near = between_queries(inner).clone()  # cosines: the highest are nearest
        near.diagonal(dim1=-2, dim2=-1).fill_(float("-inf"))
        if query_mask is not None:
            near.masked_fill_(~query_mask.unsqueeze(-2), float("-inf"))
        found: list[tuple[Tensor, Tensor | None]] = []
        for _ in range(min(self.neighbours, near.shape[-1] - 1)):
            nearness, nearest = near.max(-1, keepdim=True)  # (..., q, 1)
            near.scatter_(-1, nearest, float("-inf"))
            index = nearest.mT.expand(*nearest.shape[:-2], n_classes, -1)
            exists = None if query_mask is None else torch.isfinite(nearness).mT.to(near.dtype)
            found.append((index, exists))
        return found
