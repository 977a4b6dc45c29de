"""MetaOptNet's support vector machine."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from fewshot.membership import one_hot
from fewshot.precision import positive_gram
from fewshot.queries import mask_absent
from fewshot.solvers.crammer_singer import solve_crammer_singer
from fewshot.unit_rows import UnitRowHead

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.inner_products import InnerProducts

__all__ = ["SVMHead"]


class SVMHead(UnitRowHead):
    """The multiclass support vector machine of Crammer and Singer (Lee et al. 2019, eq. 6-8).

    One weight vector a class, without intercepts, from::

        minimise    1/2 sum_c ||w_c||^2 + C sum_i xi_i
        such that   w_{y_i}.x_i - w_c.x_i >= 1 - xi_i   for all photos i and classes c != y_i

    and then ``logit_c(q) = scale * w_c.q``. It is solved in the dual, whose size does not depend
    on the width of the features, for all episodes at once.

    Parameters
    ----------
    C : float, default=0.1
        Price of a violated margin, positive. The default is MetaOptNet's.
    scale : float, default=1.0
        The paper's gamma, positive, which it learns starting from 1. It changes probabilities,
        never the answer.
    normalise : bool, default=True
        Whether features are divided by their length first.

    Notes
    -----
    Deviations. MetaOptNet trains the encoder through the solution; `fewshot.meta_train` trains
    ``C``, ``scale`` and a projection (`ProjectedHead`) through it, and no encoder. MetaOptNet's
    features are raw and long; on unit rows ``C`` means the same for every encoder, but
    0.1 then asks for far smoother boundaries than in the paper: every photo of a small support
    is within the margin and gets the full weight C. Any unequal shots are fine. The solution is
    computed in float64 by a primal-dual interior-point method, as the paper does, to a duality
    gap of 1e-12.

    References
    ----------
    Lee, Maji, Ravichandran, Soatto: Meta-learning with differentiable convex optimization.
    CVPR 2019.

    Crammer, Singer: On the algorithmic implementation of multiclass kernel-based vector
    machines. JMLR 2, 2001.

    Examples
    --------
    >>> import torch
    >>> from fewshot import Support, SVMHead
    >>> two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    >>> SVMHead().fit(two).logits(torch.tensor([[2.0, 0.0]]))
    tensor([[ 0.1000, -0.1000]])
    """

    learnable = MappingProxyType({"C": "positive", "scale": "positive"})

    def __init__(
        self,
        C: float = 0.1,  # noqa: N803 - its name everywhere
        scale: float = 1.0,
        normalise: bool = True,
    ) -> None:
        super().__init__(normalise)
        for name, value in (("C", C), ("scale", scale)):
            if not 0 < value < float("inf"):
                raise ValueError(f"{name} is {value}: it must be positive and finite")
        self.C, self.scale = C, scale

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
            Of the episodes.
        labels : Tensor of shape (..., s), int64
            -1 for padding.
        class_mask : Tensor of shape (..., k), bool
            Which classes exist.
        query_mask : Tensor, optional
            Not needed here.

        Returns
        -------
        Tensor of shape (..., q, k)
            Logits.
        """
        real = labels >= 0
        gram = positive_gram(inner.support, labels)
        member = one_hot(labels, class_mask.shape[-1], gram)
        coefficients = solve_crammer_singer(gram, member, class_mask, self.C)
        cross = inner.cross.masked_fill(~real.unsqueeze(-2), 0)
        return mask_absent(self.scale * (cross @ coefficients.to(cross)), class_mask)
