"""What zero-shot methods are given, checked: pictures, labels, class vectors, parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fgmm.errors import DatasetError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_labelled", "check_number", "check_rows", "prepare_queries", "sum_by_class"]


def check_rows(rows: Tensor, what: str, width: int | None = None) -> None:
    """Refuse what is not a table of finite numbers.

    Parameters
    ----------
    rows : Tensor
        To be of shape (n, width), n at least 1.
    what : str
        What the rows are, for the message.
    width : int, optional
        Any, if not given.

    Raises
    ------
    DatasetError
        If it is none, with the first bad place.
    """
    if rows.ndim != 2 or not rows.is_floating_point() or not rows.numel():
        raise DatasetError(
            f"{what} have shape {tuple(rows.shape)} and type {rows.dtype}: give a table of "
            "floating-point numbers with a row each, and at least one"
        )
    if width is not None and rows.shape[1] != width:
        raise DatasetError(
            f"{what} have width {rows.shape[1]}, but those of the fit had {width}: give vectors "
            "of the same encoder or the same attributes"
        )
    bad = (~rows.isfinite()).nonzero()
    if len(bad):
        i, j = bad[0].tolist()
        raise DatasetError(
            f"{what}, row {i}, column {j} is {rows[i, j].item()}: every number must be finite; "
            "drop the row or mend it"
        )


def check_labelled(features: Tensor, labels: Tensor, k: int) -> None:
    """Refuse pictures and labels that nothing can be learned from.

    Parameters
    ----------
    features : Tensor
        To be of shape (n, d), finite.
    labels : Tensor
        To be of shape (n,), int64, in [0, k), every class among them.
    k : int
        How many classes there are.

    Raises
    ------
    DatasetError
        If they are not so.
    """
    check_rows(features, "features")
    if labels.shape != features.shape[:1] or labels.dtype != torch.int64:
        raise DatasetError(
            f"labels have shape {tuple(labels.shape)} and type {labels.dtype}: give one int64 for "
            f"each of the {len(features)} pictures"
        )
    strange = labels[(labels < 0) | (labels >= k)]
    if len(strange):
        raise DatasetError(f"label {strange[0].item()} is no class: with {k} they are 0 to {k - 1}")
    missing = (torch.bincount(labels, minlength=k) == 0).nonzero().flatten().tolist()
    if missing:
        raise DatasetError(
            f"class {missing[0]} has no picture ({len(missing)} of {k} classes have none): what "
            "is fitted on needs one; drop the rows of the others and renumber the labels"
        )


def check_number(name: str, value: float, least: float = 0.0, *, above: bool = True) -> None:
    """Refuse a parameter that is not finite, or too small.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : float
        What was given.
    least : float, default=0.0
        The bound.
    above : bool, default=True
        Whether the value must be above the bound, and not on it.

    Raises
    ------
    ValueError
        If it is out of range.
    """
    if not (least < value if above else least <= value) or value == float("inf"):
        rule = f"above {least:g}" if above else f"at least {least:g}"
        raise ValueError(f"{name} is {value}: it must be finite and {rule}")


def prepare_queries(
    features: Tensor, classes: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Check what is to be scored, and bring it and the weights to one kind of number.

    Parameters
    ----------
    features : Tensor of shape (q, d)
        Of pictures.
    classes : Tensor of shape (k2, m)
        Vectors of classes.
    weights : Tensor of shape (d, m)
        Of the fit.

    Returns
    -------
    features, classes, weights : Tensor
        The same, in single precision or better.

    Raises
    ------
    DatasetError
        If a width is not that of the fit, or a number is not finite.
    """
    check_rows(features, "features", weights.shape[0])
    check_rows(classes, "classes", weights.shape[1])
    kind = torch.promote_types(torch.promote_types(features.dtype, classes.dtype), torch.float32)
    return features.to(kind), classes.to(kind), weights.to(kind)


def sum_by_class(features: Tensor, labels: Tensor, k: int) -> Tensor:
    """Add up the features of each class.

    Parameters
    ----------
    features : Tensor of shape (n, d)
        Of pictures.
    labels : Tensor of shape (n,), int64
        In [0, k).
    k : int
        How many classes there are.

    Returns
    -------
    Tensor of shape (k, d)

    Examples
    --------
    >>> sum_by_class(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([1, 0, 1]), 2)
    tensor([[2.],
            [5.]])
    """
    return torch.nn.functional.one_hot(labels, k).to(features.dtype).T @ features
