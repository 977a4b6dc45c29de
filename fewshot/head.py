"""What every head promises: a support goes in, logits for queries come out."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, runtime_checkable

import torch
from torch import nn

from fewshot.errors import SupportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from fewshot.background import Background
    from fewshot.support import Support

__all__ = ["FittedHead", "Head"]


@runtime_checkable
class FittedHead(Protocol):
    """A head that has seen its support."""

    def logits(self, queries: Tensor, *, query_mask: Tensor | None = None) -> Tensor:
        """Score every class for every query.

        Parameters
        ----------
        queries : Tensor of shape (..., q, d)
            Leading dimensions as in the support.
        query_mask : Tensor of shape (..., q), bool, optional
            False marks padding: its logits mean nothing and it moves nothing.

        Returns
        -------
        Tensor of shape (..., q, k)
            Logits; classes that do not exist get ``-inf``.
        """


class Head(nn.Module, ABC):
    """A way to learn classes from a few labelled features, batched over episodes.

    A subclass writes `fit`. In ``eval`` mode `fit` never changes the head, so one head can
    be fitted to any number of supports, by any number of threads.

    Attributes
    ----------
    transductive : bool
        Whether a query's answer depends on the other queries.
    batched : bool
        Whether leading dimensions are computed at once, as they are by default;
        `fewshot.evaluate` gives batches of one episode otherwise.
    needs : frozenset of str
        Which of ``"photos"`` and ``"words"`` the head cannot do without.
    learnable : mapping of str to {"positive", "real"}
        Numbers of the constructor that `fewshot.meta_train` may learn, beside parameters.
    protocol : str, optional
        How it was made, where that says more than an evaluation could know: "base-trained".
    space : str, optional
        Fingerprint of the features it was trained on; it is refused for others.

    Notes
    -----
    Features come as (s, d) of one episode and as (b, s, d) of b episodes, labels as (s,) and as
    (b, s), -1 where they are padding. One `fit` must do for both: count dimensions from the end,
    and never loop over labels. A head that says ``batched = False`` gets (s, d) or (1, s, d).

    For authors: `fewshot.queries.check_queries` refuses queries as every head must,
    `fewshot.queries.mask_absent` gives absent classes ``-inf``, `fewshot.membership.class_means`
    averages by class and passes padding over, and `fewshot.check_head` tells which promises a
    head breaks.

    Examples
    --------
    A head that is right for batches, by the city-block distance from class means:

    >>> import torch
    >>> from fewshot import Head, Support
    >>> from fewshot.membership import class_means
    >>> from fewshot.queries import check_queries, mask_absent
    >>> class CityBlock(Head):
    ...     def fit(self, support):
    ...         self.check_support(support)  # a class without a photo is refused
    ...         return FittedCityBlock(self, support)
    >>> class FittedCityBlock:
    ...     def __init__(self, head, support):
    ...         self.head, self.support = head, support
    ...         x = support.features  # bfloat16 would round means and logits
    ...         x = x.to(torch.promote_types(x.dtype, torch.float32))
    ...         self.means = class_means(support.labels, support.n_classes, x).mT @ x  # (..., k, d)
    ...     def logits(self, queries, *, query_mask=None):
    ...         check_queries(queries, self.support, self.head, query_mask)
    ...         far = queries.unsqueeze(-2) - self.means.unsqueeze(-3)  # (..., q, k, d)
    ...         return mask_absent(-far.abs().sum(-1), self.support.class_mask)
    >>> labels = torch.tensor([[0, 1, 1], [1, 0, -1]])  # two episodes; the second has two photos
    >>> support = Support(torch.eye(3).repeat(2, 1, 1), labels, torch.ones(2, 2, dtype=torch.bool))
    >>> CityBlock()(support, torch.eye(3).repeat(2, 1, 1)).argmax(-1)
    tensor([[0, 1, 1],
            [1, 0, 0]])
    """

    transductive: ClassVar[bool] = False
    batched: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"photos"})
    learnable: ClassVar[Mapping[str, Literal["positive", "real"]]] = MappingProxyType({})
    protocol: str | None = None
    space: str | None = None

    def set_width(self, width: int) -> None:
        """Make the parameters that depend on the width of features; here, there are none.

        A head that was not told its width answers as if they were zero.

        Parameters
        ----------
        width : int
            d.
        """

    def transform(self, features: Tensor, background: Background | None = None) -> Tensor:
        """Change features row by row before anything else; here, not at all.

        `fit` and ``logits`` apply it themselves. It stands alone so that a whole pool can
        be transformed once for thousands of episodes.

        Parameters
        ----------
        features : Tensor of shape (..., d)
            Raw features.
        background : Background, optional
            As in the support.

        Returns
        -------
        Tensor of shape (..., d)
            Row ``i`` depends on row ``i`` and the background only.
        """
        return features

    def working_set(self, s: int, q: int, d: int) -> int:
        """Tell how many numbers one episode keeps at once, so that tiles stay in the cache.

        Parameters
        ----------
        s, q, d : int
            Photos, queries and width.

        Returns
        -------
        int
            By default the features alone.
        """
        return (s + q) * d

    @abstractmethod
    def fit(self, support: Support) -> FittedHead:
        """Learn the classes of a support.

        Parameters
        ----------
        support : Support
            One episode or a batch of them.

        Returns
        -------
        FittedHead

        Raises
        ------
        SupportError
            If the support lacks what the head needs.
        """

    def forward(self, support: Support, queries: Tensor) -> Tensor:
        """Fit and score in one call.

        Parameters
        ----------
        support : Support
            One episode or a batch of them.
        queries : Tensor of shape (..., q, d)
            Raw features.

        Returns
        -------
        Tensor of shape (..., q, k)
            Logits.
        """
        return self.fit(support).logits(queries)

    def extra_repr(self) -> str:
        """Show the constructor's parameters, those that are kept under their own names."""
        return ", ".join(
            f"{name}={_shown(getattr(self, name))}"
            for name in inspect.signature(type(self)).parameters
            if hasattr(self, name) and not isinstance(getattr(self, name), nn.Module)
        )

    def check_support(self, support: Support) -> None:
        """Refuse a support that lacks what this head needs.

        Parameters
        ----------
        support : Support
            One episode or a batch of them.

        Raises
        ------
        SupportError
            If words are needed and absent, a class that exists has no photo although photos are
            needed, or features are of another width than the head's parameters.
        """
        name, width = type(self).__name__, getattr(self, "width", None)
        if width is not None and support.features.shape[-1] != width:
            raise SupportError(
                f"{name} was made for features of width {width} and got "
                f"{support.features.shape[-1]}: give those of the encoder and layer it was trained "
                "on, or train another"
            )
        if "words" in self.needs and support.words is None:
            raise SupportError(
                f"{name} needs words and the support has none: give Support(words=Words(...)), "
                "or take a head of photos only (PrototypeHead)"
            )
        if "photos" in self.needs:
            empty = support.class_mask & (support.counts == 0)
            if empty.any():
                which = empty.nonzero()[0].tolist()
                raise SupportError(
                    f"class {which[-1]} has no photo and {name} needs at least one a class: add "
                    "one, mark the class absent in class_mask, or take a head that also reads "
                    "words (FusedHead)"
                )


def _shown(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return f"Tensor of shape {tuple(value.shape)}"
    return repr(value)
