"""APE: Tip-Adapter on the channels that tell classes apart, with photos weighted by words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import torch
import torch.nn.functional as functional

from fewshot.head import Head
from fewshot.heads.tip_adapter import TipAdapterHead, cache_values
from fewshot.membership import one_hot
from fewshot.queries import check_queries, mask_absent
from fewshot.span import word_logits
from fewshot.unit_rows import normalise_rows

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.background import Background
    from fewshot.head import FittedHead
    from fewshot.heads.tip_adapter import Values
    from fewshot.support import Support, Words

__all__ = ["APEHead"]


class APEHead(Head):
    """Adaptive prior refinement, without training (Zhu et al. 2023, equations 2 to 10).

    A channel j of the unit features is worth ::

        -w_0 mean_{a != b} m_aj m_bj + w_1 var_c t_cj

    with m_c the mean of a class's words and photos; the best are kept. With a prime for what
    is left, again of unit length::

        logit_c(q) = logit_scale <q, t_c> + alpha sum_i exp(-beta (1 - <q', k_i'>)) r_i V_ic
        r_i = exp(gamma KL(onehot_i || p_i)) = p_i[label]^-gamma,   p_i = softmax_c <k_i', t_c'>

    Parameters
    ----------
    alpha : float, default=5.0
        Strength of the photos, in logits a photo; at least 0.
    beta : float, default=1.0
        Sharpness of the similarity; at least 0.
    gamma : float, default=0.1
        How much more a photo is worth that words do not recognise; at least 0. In nats.
    channels : float, default=0.78
        Fraction of channels to keep, in (0, 1]: 800 of 1,024.
    balance : (float, float), default=(0.2, 0.8)
        w_0 and w_1: one of the two official settings.
    values : {"mean", "sum"}, default="mean"
        As in `TipAdapterHead`; "sum" is the paper's.

    Notes
    -----
    Defaults are where the official search starts on FGVC Aircraft. Deviations: the official
    code then searches alpha, beta and gamma on the full validation set (200 x 20 x 20 values),
    and sets channels and balance by data set; here nothing is searched ("no-val"). The mean
    over pairs of classes is taken over class means, in one pass over channels instead of a
    loop over pairs of photos; where shots are equal these agree. The scale is that of the
    words, not 100. The trained variant, APE-T, is not here.

    References
    ----------
    Zhu, Zhang, He, Zhou, Wang, Zhao, Gao: Not all features matter: enhancing few-shot CLIP with
    adaptive prior refinement. ICCV 2023.

    Examples
    --------
    >>> import torch
    >>> from fewshot import APEHead, Support, Words
    >>> one = Support(
    ...     torch.tensor([[0.0, 1.0]]),
    ...     torch.tensor([1]),
    ...     torch.ones(2, dtype=torch.bool),
    ...     words=Words(torch.eye(2), logit_scale=10.0),
    ... )
    >>> head = APEHead(alpha=2.0, gamma=0.0, channels=1.0, values="sum")
    >>> head.fit(one).logits(torch.tensor([[0.0, 1.0]]))
    tensor([[ 0., 12.]])
    """

    needs: ClassVar[frozenset[str]] = frozenset({"words"})

    def __init__(
        self,
        alpha: float = 5.0,
        beta: float = 1.0,
        gamma: float = 0.1,
        channels: float = 0.78,
        balance: tuple[float, float] = (0.2, 0.8),
        values: Values = "mean",
    ) -> None:
        super().__init__()
        if not 0 <= gamma < float("inf"):
            raise ValueError(f"gamma is {gamma}: give a finite number of at least 0")
        if not 0 < channels <= 1:
            raise ValueError(f"channels is {channels}: give a fraction above 0, up to 1")
        if len(balance) != 2 or not all(0 <= w < float("inf") for w in balance):
            raise ValueError(f"balance is {balance}: give two finite numbers of at least 0")
        self.cache = TipAdapterHead(alpha, beta, values)
        self.alpha, self.beta, self.values = alpha, beta, values
        self.gamma, self.channels, self.balance = gamma, channels, tuple(balance)

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
            Unit rows.
        """
        return normalise_rows(features)

    def fit(self, support: Support) -> FittedHead:
        """Choose channels and weigh photos.

        Parameters
        ----------
        support : Support
            One episode or a batch of them.

        Returns
        -------
        FittedHead
        """
        self.check_support(support)
        x = self.transform(support.features, support.background)
        t = cast("Words", support.words).embeddings.to(x).expand(*x.shape[:-2], -1, -1)
        member = one_hot(support.labels, support.n_classes, x)
        exist = support.class_mask.unsqueeze(-1)
        kept = self._kept(x, t * exist, member, exist.to(x))
        keys = functional.normalize(x * kept, dim=-1)
        cosines = keys @ functional.normalize(t * kept, dim=-1).mT
        chances = mask_absent(cosines, support.class_mask).softmax(-1)
        own = (chances * member).sum(-1, keepdim=True).clamp(min=1e-12)
        values = cache_values(support.labels, support.class_mask, x, self.cache.values)
        return _FittedAPE(self, support, kept, keys, values * own.pow(-self.gamma))

    def _kept(self, x: Tensor, t: Tensor, member: Tensor, exist: Tensor) -> Tensor:
        """Channels to keep, (..., 1, d): 1 or 0."""
        k = exist.sum(-2, keepdim=True)
        pairs, others = (k * (k - 1)).clamp(min=1), (k - 1).clamp(min=1)
        means = (t + member.mT @ x) / (1 + member.sum(-2).unsqueeze(-1))
        alike = means.sum(-2, keepdim=True).square() - means.square().sum(-2, keepdim=True)
        middle = t.sum(-2, keepdim=True) / k.clamp(min=1)
        spread = ((t - middle).square() * exist).sum(-2, keepdim=True)
        worth = self.balance[1] * spread / others - self.balance[0] * alike / pairs
        n = max(1, round(self.channels * x.shape[-1]))
        best = worth.topk(n, dim=-1).indices
        return torch.zeros_like(worth).scatter(-1, best, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class _FittedAPE:
    head: APEHead
    support: Support
    kept: Tensor  # (..., 1, d)
    keys: Tensor  # (..., s, d)
    values: Tensor  # (..., s, k)

    def logits(self, queries: Tensor, *, query_mask: Tensor | None = None) -> Tensor:
        head, support = self.head, self.support
        check_queries(queries, support, head, query_mask)
        z = head.transform(queries, support.background).to(self.keys)
        # cheaper than a unit copy of all queries on the kept channels
        lengths = (z.square() @ self.kept.mT).sqrt().clamp(min=1e-12)
        affinity = head.cache.affinity(z @ self.keys.mT / lengths)
        return word_logits(support, z) + head.cache.alpha * (affinity @ self.values)
