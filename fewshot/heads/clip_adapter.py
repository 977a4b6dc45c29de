"""CLIP-Adapter: a small network bends pictures, and words judge them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import torch
import torch.nn.functional as functional

from fewshot.descent import Momentum, check_training, cosine_schedule
from fewshot.head import Head
from fewshot.membership import one_hot
from fewshot.queries import check_queries, mask_absent
from fewshot.span import word_logits
from fewshot.unit_rows import normalise_rows
from fewshot.whole_numbers import check_count

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.background import Background
    from fewshot.head import FittedHead
    from fewshot.support import Support, Words

__all__ = ["CLIPAdapterHead"]


class CLIPAdapterHead(Head):
    """A two-layer adapter on pictures (Gao et al. 2021, equations 4 to 8).

    With ``A(f) = relu(W_2 relu(W_1 f))``, of width d / reduction and without biases::

        f' = ratio A(f) + (1 - ratio) f,    logit_c(q) = logit_scale cos(q', t_c)

    Gradient descent lowers the mean cross-entropy over the photos.

    Parameters
    ----------
    ratio : float, default=0.2
        Share of the adapter, in [0, 1); the official value.
    reduction : int, default=4
        How many times the inner layer is narrower; the official value.
    learning_rate : float, default=0.002
        The official value, with momentum 0.9.
    steps : int, default=100
        Full steps of all photos.
    seed : int, default=0
        Of the first weights, uniform within one over the root of a layer's inputs. They are
        the same for every episode and do not touch the global random state.

    Notes
    -----
    The paper picks the ratio by data set on validation photos; the official code fixes 0.2, and
    nothing is picked here ("no-val"). Deviations: full steps instead of 50 to 200 epochs of
    batches of 32; no warm-up. Unit features serve as well as the official raw ones: the
    adapter is homogeneous, so a picture's length changes no cosine. An untrained adapter would
    already bend pictures, so an episode without photos is answered zero-shot, and without
    it. The scale is that of the words, not 100.

    This is the slowest head with words: layers have no coefficients in a span to train. W_1's
    changes do, and only they: ``W_1 f = W_1(0) f + U^T <photos, f>``.

    References
    ----------
    Gao, Geng, Zhang, Ma, Fang, Zhang, Li, Qiao: CLIP-Adapter: better vision-language models with
    feature adapters. arXiv 2110.04544, 2021; IJCV 2024.

    Examples
    --------
    >>> import torch
    >>> from fewshot import CLIPAdapterHead, Support, Words
    >>> two = Support(
    ...     torch.eye(4)[:2],
    ...     torch.tensor([0, 1]),
    ...     torch.ones(2, dtype=torch.bool),
    ...     words=Words(torch.eye(4)[:2], logit_scale=10.0),
    ... )
    >>> CLIPAdapterHead(reduction=1).fit(two).logits(torch.eye(4)[:2]).argmax(-1)
    tensor([0, 1])
    """

    needs: ClassVar[frozenset[str]] = frozenset({"words"})

    def __init__(
        self,
        ratio: float = 0.2,
        reduction: int = 4,
        learning_rate: float = 0.002,
        steps: int = 100,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not 0 <= ratio < 1:
            raise ValueError(f"ratio is {ratio}: give a number of at least 0 and below 1")
        check_count("reduction", reduction, 1)
        check_training(steps, learning_rate)
        self.ratio, self.reduction, self.seed = ratio, reduction, seed
        self.learning_rate, self.steps = learning_rate, steps

    def transform(self, features: Tensor, background: Background | None = None) -> Tensor:
        """Divide by the length.

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

    def first_weights(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Tell the weights that training starts from.

        Parameters
        ----------
        like : Tensor of shape (..., d)
            Gives width, type and device.

        Returns
        -------
        inner : Tensor of shape (d, h)
            W_1, transposed.
        outer : Tensor of shape (h, d)
            W_2, transposed.
        """
        d = like.shape[-1]
        h = max(1, d // self.reduction)
        draw = torch.Generator("cpu").manual_seed(self.seed)
        # on the processor whatever torch's default is: the same numbers on every device
        inner, outer = (
            torch.rand(shape, generator=draw, dtype=torch.float64, device="cpu")
            for shape in ((d, h), (h, d))
        )
        inner, outer = (2 * inner - 1) / d**0.5, (2 * outer - 1) / h**0.5
        return inner.to(like), outer.to(like)

    @torch.no_grad()
    def fit(self, support: Support) -> FittedHead:
        """Train the adapter.

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
        words = cast("Words", support.words)  # check_support has seen to it
        (*lead, s, d), k = x.shape, support.n_classes
        n = math.prod(lead)
        coefficients, second = self._train(
            x.reshape(n, s, d),
            words.embeddings.to(x).expand(*lead, k, d).reshape(n, k, d),
            one_hot(support.labels, k, x).reshape(n, s, k),
            support.class_mask.reshape(n, k),
            words.logit_scale,
        )
        coefficients = coefficients.view(*lead, *coefficients.shape[-2:])
        second = second.view(*lead, *second.shape[-2:])
        first = self.first_weights(x)[0]
        return _FittedAdapter(self, support.with_features(x), first, coefficients, second)

    def _train(
        self, x: Tensor, t: Tensor, member: Tensor, exist: Tensor, scale: float
    ) -> tuple[Tensor, Tensor]:
        """U, (episodes, s, h), and W_2 transposed, (episodes, h, d)."""
        weight = member.sum(-1, keepdim=True)
        weight = scale * weight / weight.sum(-2, keepdim=True).clamp(min=1)
        first, second = self.first_weights(x)
        second = second.expand(len(x), -1, -1).clone()
        plain, gram = x @ first, x @ x.mT
        coefficients = torch.zeros_like(plain)
        velocity, ball = torch.zeros_like(second), Momentum(0.9)
        for step in range(self.steps if self.ratio else 0):
            hidden = (plain + gram @ coefficients).relu()
            outer = hidden @ second
            bent = self.ratio * outer.relu() + (1 - self.ratio) * x
            length = bent.norm(dim=-1, keepdim=True).clamp(min=1e-12)
            bent = bent / length
            logits = mask_absent(scale * (bent @ t.mT), exist)
            gradient = ((logits.softmax(-1) - member) * weight) @ t
            gradient = gradient - (gradient * bent).sum(-1, keepdim=True) * bent
            gradient = gradient * (self.ratio / length) * (outer > 0)
            inward = (gradient @ second.mT) * (hidden > 0)
            rate = self.learning_rate * cosine_schedule(step, self.steps)
            # fused and in place: W_2 is most of the memory, and memory is what takes the time
            velocity.baddbmm_(hidden.mT, gradient, beta=0.9)
            second.sub_(velocity, alpha=rate)
            coefficients = coefficients - ball.change(inward, rate)
        return coefficients, second


@dataclass(frozen=True, slots=True, eq=False)
class _FittedAdapter:
    head: CLIPAdapterHead
    support: Support
    first: Tensor  # (d, h)
    coefficients: Tensor  # (..., s, h)
    second: Tensor  # (..., h, d)

    def logits(self, queries: Tensor, *, query_mask: Tensor | None = None) -> Tensor:
        support, ratio = self.support, self.head.ratio
        check_queries(queries, support, self.head, query_mask)
        x = support.features
        z = self.head.transform(queries, support.background).to(x)
        hidden = (z @ self.first + (z @ x.mT) @ self.coefficients).relu()
        bent = ratio * (hidden @ self.second).relu() + (1 - ratio) * z
        some = (support.labels >= 0).any(-1)[..., None, None]
        bent = torch.where(some, functional.normalize(bent, dim=-1), z)
        return word_logits(support, bent)
