"""MAML on a linear layer: a few steps of gradient descent on the photos, from a good start."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import torch

from fewshot.membership import class_means, one_hot
from fewshot.queries import mask_absent
from fewshot.unit_rows import CentredRowHead
from fewshot.whole_numbers import check_count

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.inner_products import InnerProducts

__all__ = ["ANILHead"]


class ANILHead(CentredRowHead):
    """A linear layer that takes gradient steps on the photos (Finn et al. 2017, equation 1).

    With ``z`` the features, unit rows around the background's mean, a class has the weights
    ``w_c`` and the bias ``b_c``, which begin as the nearest-mean classifier and follow the mean
    cross-entropy of the ``s`` photos ``steps`` times::

        start:  w_c = 2 scale p_c,    b_c = -scale ||p_c||^2,    p_c the mean of class c's photos
        step:   w_c <- w_c - learning_rate / s  sum_i (softmax_c(w z_i + b) - [y_i = c]) z_i
                b_c <- b_c - learning_rate / s  sum_i (softmax_c(w z_i + b) - [y_i = c])
        logit_c(q) = w_c.q + b_c - scale ||q||^2

    Parameters
    ----------
    steps : int, default=5
        Of the inner loop; none gives the nearest class mean.
    learning_rate : float, default=5.0
        The paper's alpha, positive; learned, as in Meta-SGD, as one number.
    scale : float, default=10.0
        Sharpness of the start, positive; learned.
    start : {"prototypes", "zero"}, default="prototypes"
        Where the layer begins. Any weights that all classes share are the same as zero: they add
        the same to every class's logit, before and after every step.
    first_order : bool, default=True
        Whether meta-training takes the inner gradients as constants, as first-order MAML does.

    Notes
    -----
    Features are frozen, so the layer is all there is to adapt, and MAML and ANIL (Raghu et al.,
    who adapt the last layer only) are one thing. Deviations. (1) MAML learns a start for each
    place of a class, which makes answers depend on how classes are numbered; here the start is
    that of the class means (Proto-MAML, Triantafillou et al. 2020, equations 6 and 7) or zero. (2)
    ``first_order`` holds the errors ``softmax - [y = c]`` constant; the photos they multiply
    pass gradients on to a projection, where there is one.

    References
    ----------
    Finn, Abbeel, Levine: Model-agnostic meta-learning for fast adaptation of deep networks.
    ICML 2017.

    Raghu, Raghu, Bengio, Vinyals: Rapid learning or feature reuse? ICLR 2020.

    Triantafillou et al.: Meta-Dataset. ICLR 2020.

    Examples
    --------
    >>> import torch
    >>> from fewshot import ANILHead, Support
    >>> two = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    >>> ANILHead(steps=1, learning_rate=1.0, start="zero").fit(two).logits(torch.eye(2)[:1])
    tensor([[ -9.7500, -10.2500]])
    """

    learnable = MappingProxyType({"learning_rate": "positive", "scale": "positive"})

    def __init__(
        self,
        steps: int = 5,
        learning_rate: float = 5.0,
        scale: float = 10.0,
        start: Literal["prototypes", "zero"] = "prototypes",
        first_order: bool = True,
    ) -> None:
        super().__init__()
        check_count("steps", steps, 0)
        for name, value in (("learning_rate", learning_rate), ("scale", scale)):
            if not 0 < value < float("inf"):
                raise ValueError(f"{name} is {value}: it must be positive and finite")
        if start not in ("prototypes", "zero"):
            raise ValueError(f"start is {start!r}: use 'prototypes' or 'zero'")
        self.steps, self.start, self.first_order = steps, start, first_order
        self.learning_rate, self.scale = learning_rate, scale

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
        real = (labels >= 0).unsqueeze(-1)
        gram = inner.support.masked_fill(~(real & real.mT), 0)
        cross = inner.cross.masked_fill(~real.mT, 0)
        member = one_hot(labels, class_mask.shape[-1], gram)
        rate = self.learning_rate / real.sum(-2, keepdim=True).clamp(min=1).to(gram)
        # weights are sums of photos: their coefficients (..., s, k), and biases (..., 1, k)
        weights, bias = torch.zeros_like(member), torch.zeros_like(member[..., :1, :])
        if self.start == "prototypes":
            means = class_means(labels, class_mask.shape[-1], gram)
            lengths = (means * (gram @ means)).sum(-2, keepdim=True)
            weights, bias = 2 * self.scale * means, -self.scale * lengths
        for _ in range(self.steps):
            guess = mask_absent(gram @ weights + bias, class_mask).softmax(-1)
            wrong = (guess - member) * real
            wrong = wrong.detach() if self.first_order else wrong
            weights, bias = weights - rate * wrong, bias - rate * wrong.sum(-2, keepdim=True)
        logits = cross @ weights + bias - self.scale * inner.query_norms.unsqueeze(-1)
        return mask_absent(logits, class_mask)
