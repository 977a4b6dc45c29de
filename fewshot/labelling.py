"""Labels of any kind, for a support."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, TypeVar

import torch

from fewshot.errors import SupportError
from fewshot.support import Support, Words
from fewshot.tensor_checks import check_tensor

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.background import Background

__all__ = ["label_support"]

Label = TypeVar("Label", bound=Hashable)


def label_support(
    features: Tensor,
    labels: Sequence[Label],
    *,
    classes: Sequence[Label] | None = None,
    words: Words | None = None,
    background: Background | None = None,
) -> tuple[Support, tuple[Label, ...]]:
    """Make a support of features with labels of any kind.

    Parameters
    ----------
    features : Tensor of shape (s, d)
        One row a photo.
    labels : sequence, array or tensor of s hashable values
        Strings, or numbers such as 0, 2, 5.
    classes : sequence, optional
        Every class, in the order of the logits; classes without a photo are allowed.
        By default the labels in the order they first appear.
    words, background : optional
        As in `Support`. Words with ``classes`` of their own are put in order; rows of others
        are taken by place, in the order of ``classes`` returned. That is not the sorted order
        which `evaluate` takes, so `Words` for both must say their classes.

    Returns
    -------
    support : Support
    classes : tuple
        Column ``j`` of the logits is ``classes[j]``.

    Raises
    ------
    SupportError
        If features are no tensor, numbers disagree, a label is not among ``classes``, or a
        class is given twice or has no words.

    Examples
    --------
    >>> import torch
    >>> support, classes = label_support(torch.eye(3), ["tit", "wren", "tit"])
    >>> support.labels, classes
    (tensor([0, 1, 0]), ('tit', 'wren'))
    """
    check_tensor(features, "features", SupportError)
    if hasattr(labels, "tolist"):  # a tensor's entries are no labels: none equals another
        labels = labels.tolist()
    if len(labels) != len(features):
        raise SupportError(
            f"features have shape {tuple(features.shape)} with {len(labels)} labels: give (s, d) "
            "and s"
        )
    given = tuple(dict.fromkeys(labels)) if classes is None else tuple(classes)
    index = {label: i for i, label in enumerate(given)}
    if len(index) < len(given):
        twice = next(c for i, c in enumerate(given) if index[c] != i)
        raise SupportError(f"class {twice!r} is given twice: classes must differ")
    strange = next((label for label in labels if label not in index), None)
    if strange is not None:
        raise SupportError(f"label {strange!r} is not among the {len(given)} classes given")
    numbers = torch.tensor(
        [index[label] for label in labels], dtype=torch.int64, device=features.device
    )
    exists = torch.ones(len(given), dtype=torch.bool, device=features.device)
    words = words.rows_of(given) if isinstance(words, Words) else words
    return Support(features, numbers, exists, words, background), given
