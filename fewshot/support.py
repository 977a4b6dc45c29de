"""What a head learns from: labelled features, words, and what pictures look like in general."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from fewshot.errors import SupportError
from fewshot.membership import one_hot
from fewshot.tensor_checks import check_tensor, check_unit_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fewshot.background import Background

__all__ = ["Support", "Words"]


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """What words and knowledge say about each class.

    Parameters
    ----------
    embeddings : Tensor of shape (..., k, d)
        Unit rows in the space of the queries; row ``j`` is class ``j``. Rows of classes that
        do not exist are unit rows too, any.
    logit_scale : float
        What a cosine is multiplied by, as the encoder was trained.
    logit_bias : float, default=0.0
        What is added then (sigmoid encoders).
    scoring : {"softmax", "sigmoid"}, default="softmax"
        How the encoder turns logits into probabilities.
    classes : sequence of labels, optional
        Label of each row, for embeddings of shape (k, d); kept as a tuple. With it
        `label_support` and `evaluate` find each class's row; without it they take rows by
        place, and their orders differ.

    Raises
    ------
    SupportError
        If embeddings are not finite, a row's length is off 1 by more than 0.01, the scale is
        not positive, or classes do not fit the rows.

    Examples
    --------
    >>> import torch
    >>> words = Words(torch.eye(2), logit_scale=10.0)
    >>> words.logits(torch.tensor([[1.0, 0.0]]))
    tensor([[10.,  0.]])
    """

    embeddings: Tensor
    logit_scale: float
    logit_bias: float = 0.0
    scoring: str = "softmax"
    classes: Sequence[Any] | None = None

    def __post_init__(self) -> None:
        check_tensor(self.embeddings, "words' embeddings", SupportError)
        if self.embeddings.ndim < 2:
            raise SupportError(
                f"words have shape {tuple(self.embeddings.shape)}: give (..., classes, d)"
            )
        if not self.embeddings.is_floating_point():
            raise SupportError(
                f"words are {self.embeddings.dtype}: give floating numbers, embeddings.float()"
            )
        check_unit_rows(self.embeddings.detach())
        if not 0 < self.logit_scale < float("inf"):
            raise SupportError(f"logit_scale is {self.logit_scale}: it must be positive and finite")
        if self.scoring not in ("softmax", "sigmoid"):
            raise SupportError(f"scoring is {self.scoring!r}: use 'softmax' or 'sigmoid'")
        if self.classes is not None:
            object.__setattr__(self, "classes", self._named(self.classes))

    def _named(self, classes: Sequence[Any]) -> tuple[Any, ...]:
        if isinstance(classes, str):
            raise SupportError(f"classes of words are the text {classes!r}: give one label a row")
        listed = classes.tolist() if hasattr(classes, "tolist") else classes
        shape, named = tuple(self.embeddings.shape), tuple(listed)
        if shape[:-1] != (len(named),):
            raise SupportError(
                f"words have shape {shape} and {len(named)} classes: give (classes, d), a label a "
                "row"
            )
        if len(set(named)) < len(named):
            twice = next(c for i, c in enumerate(named) if c in named[:i])
            raise SupportError(f"words name class {twice!r} twice: give one row a class")
        return named

    def rows_of(self, classes: Sequence[Any]) -> Words:
        """Give the rows of some classes, in their order.

        Parameters
        ----------
        classes : sequence of labels
            Each among ``self.classes``; where that is None, the words come back as they are.

        Returns
        -------
        Words

        Raises
        ------
        SupportError
            If a class has no row.

        Examples
        --------
        >>> words = Words(torch.eye(2), logit_scale=10.0, classes=("tit", "wren"))
        >>> words.rows_of(["wren"]).embeddings
        tensor([[0., 1.]])
        """
        if self.classes is None:
            return self
        place = {label: i for i, label in enumerate(self.classes)}
        lost = [c for c in classes if c not in place]
        if lost:
            raise SupportError(
                f"words have no row for {lost[0]!r} ({len(lost)} of {len(classes)} classes): their "
                f"first is {self.classes[0]!r}: add the missing words, or leave those classes out"
            )
        rows = torch.tensor([place[c] for c in classes], device=self.embeddings.device)
        return replace(self, embeddings=self.embeddings[rows], classes=tuple(classes))

    def logits(self, features: Tensor) -> Tensor:
        """Zero-shot logits.

        Parameters
        ----------
        features : Tensor of shape (..., q, d)
            Unit rows.

        Returns
        -------
        Tensor of shape (..., q, k)
            ``logit_scale`` times the cosine, plus ``logit_bias``.
        """
        return self.logit_scale * (features @ self.embeddings.mT) + self.logit_bias


@dataclass(frozen=True, slots=True, eq=False)
class Support:
    """Labelled features of one episode, or of many at once.

    Leading dimensions are episodes: (episodes, s, d) is a batch, (s, d) a single one.

    Parameters
    ----------
    features : Tensor of shape (..., s, d)
        Any floating type; finite.
    labels : Tensor of shape (..., s), int64
        In [0, k); -1 marks padding, whose features count for nothing: where they are not
        finite, zeros are kept in their place.
    class_mask : Tensor of shape (..., k), bool
        Which classes exist. One may exist without any photo.
    words : Words, optional
        What words say about the k classes.
    background : Background, optional
        What pictures of this encoder look like in general.
    patches : Tensor, optional
        Patch features of the support, for heads that use them.
    check : bool, default=True
        Whether values are checked; shapes always are.

    Raises
    ------
    SupportError
        If shapes disagree, a label is outside [-1, k) or names an absent class, or a
        feature is not finite.

    Examples
    --------
    >>> import torch
    >>> support = Support(torch.eye(3), torch.tensor([0, 1, 1]), torch.ones(2, dtype=torch.bool))
    >>> support.counts
    tensor([1, 2])
    """

    features: Tensor
    labels: Tensor
    class_mask: Tensor
    words: Words | None = None
    background: Background | None = None
    patches: Tensor | None = None
    check: InitVar[bool] = True

    def __post_init__(self, check: bool) -> None:
        for what in ("features", "labels", "class_mask"):
            check_tensor(getattr(self, what), what, SupportError)
        x, y, k = self.features, self.labels, self.class_mask.shape[-1]
        if x.ndim < 2 or y.shape != x.shape[:-1]:
            raise SupportError(
                f"features have shape {tuple(x.shape)} and labels {tuple(y.shape)}: "
                "give (..., s, d) and (..., s)"
            )
        if self.class_mask.shape[:-1] != y.shape[:-1] or k == 0:
            raise SupportError(
                f"class_mask has shape {tuple(self.class_mask.shape)} for labels of shape "
                f"{tuple(y.shape)}: give the same leading dimensions, and one entry a class"
            )
        if self.words is not None:
            if not isinstance(self.words, Words):
                raise SupportError(
                    f"words are a {type(self.words).__name__}: give Words(embeddings, "
                    "logit_scale=...)"
                )
            self._check_words(self.words.embeddings, k)
        if self.background is not None and self.background.mean.shape[-1] != x.shape[-1]:
            raise SupportError(
                f"the background has width {self.background.mean.shape[-1]}, the features "
                f"{x.shape[-1]}: both must come from one encoder and layer"
            )
        if check:
            self._check_values(k)

    def _check_words(self, texts: Tensor, k: int) -> None:
        lead, width = self.features.shape[:-2], self.features.shape[-1]
        if texts.shape[-2:] != (k, width):
            raise SupportError(
                f"words have shape {tuple(texts.shape)}, but there are {k} classes "
                f"and features of width {width}: give one row a class, from the same encoder"
            )
        if texts.shape[:-2] not in ((), lead):
            raise SupportError(
                f"words have shape {tuple(texts.shape)} and the features "
                f"{tuple(self.features.shape)}: their leading (episode) dimensions must agree, or "
                "give (classes, d) for all episodes"
            )

    def _check_values(self, k: int) -> None:
        x, y = self.features, self.labels
        if not x.is_floating_point():
            raise SupportError(
                f"features are {x.dtype}: give floating numbers, such as features.float()"
            )
        if y.dtype != torch.int64 or self.class_mask.dtype != torch.bool:
            raise SupportError(
                f"labels are {y.dtype} and class_mask is {self.class_mask.dtype}: "
                "give int64 and bool"
            )
        if y.numel() and (int(y.min()) < -1 or int(y.max()) >= k):
            wrong = int(y.max()) if int(y.max()) >= k else int(y.min())
            raise SupportError(
                f"label {wrong} among {k} classes: labels are 0 to {k - 1}, and -1 for padding. "
                "For other labels (strings, 0-2-5) use label_support"
            )
        real = y >= 0
        if (real & ~self.class_mask.gather(-1, y.clamp(min=0))).any():
            raise SupportError("a photo is labelled with a class that class_mask says is absent")
        finite = torch.isfinite(x).all(-1)
        if finite.all():
            return
        bad = int((~finite & real).sum())
        if bad:
            raise SupportError(
                f"{bad} of {int(real.sum())} support features hold NaN or infinity: "
                "embed those pictures again, or leave them out"
            )
        # else NaN times a weight of zero would be NaN in every head
        object.__setattr__(self, "features", x.masked_fill(~finite.unsqueeze(-1), 0))

    @property
    def n_classes(self) -> int:
        """Number of classes, absent ones included."""
        return self.class_mask.shape[-1]

    @property
    def one_hot(self) -> Tensor:
        """Membership, (..., s, k), in the type of the features; rows of padding are zero."""
        return one_hot(self.labels, self.n_classes, self.features)

    @property
    def counts(self) -> Tensor:
        """Photos of each class, (..., k), int64."""
        classes = torch.arange(self.n_classes, device=self.labels.device)
        return (self.labels.unsqueeze(-1) == classes).sum(-2)

    def with_features(self, features: Tensor) -> Support:
        """Give the same support other features, say transformed ones.

        Parameters
        ----------
        features : Tensor of shape (..., s, d')
            New features; a width other than d needs ``words`` and ``background`` absent.

        Returns
        -------
        Support
            Values are not checked again.
        """
        return replace(self, features=features, check=False)
