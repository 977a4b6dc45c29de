"""The contract of heads, run on anybody's head: its sentences are the checks' docstrings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fewshot.check_cases import TOLERANCE
from fewshot.conduct_checks import (
    CONDUCT_CHECKS,
    check_copies,
    check_inference_mode,
    check_precision,
    check_purity,
    check_randomness,
)
from fewshot.query_checks import (
    QUERY_CHECKS,
    check_batch,
    check_inner_products,
    check_queries_refused,
    check_query_order,
    check_query_padding,
    check_transductive,
)
from fewshot.support_checks import (
    SUPPORT_CHECKS,
    check_absent_classes,
    check_class_order,
    check_labels,
    check_one_class,
    check_one_shot,
    check_padding,
    check_support_order,
    check_zero_shots,
)

if TYPE_CHECKING:
    from fewshot.head import Head

__all__ = [
    "CONDUCT_CHECKS",
    "QUERY_CHECKS",
    "SUPPORT_CHECKS",
    "TOLERANCE",
    "check_absent_classes",
    "check_batch",
    "check_class_order",
    "check_copies",
    "check_head",
    "check_inference_mode",
    "check_inner_products",
    "check_labels",
    "check_one_class",
    "check_one_shot",
    "check_padding",
    "check_precision",
    "check_purity",
    "check_queries_refused",
    "check_query_order",
    "check_query_padding",
    "check_randomness",
    "check_support_order",
    "check_transductive",
    "check_zero_shots",
]


def check_head(head: Head, *, tolerance: float = TOLERANCE) -> None:
    """Check that a head keeps the promises every head makes.

    Each promise is also a function of its own, ``fewshot.checks.check_...(head)``. Episodes
    are small, easy and in float64 on the CPU; each is tried with the least the head needs, and
    with words and background. None has a class prior: check a head without one.

    Parameters
    ----------
    head : Head
        An object with ``fit``, ``transform``, ``transductive``, ``batched`` and ``needs``.
        It is put into ``eval`` mode.
    tolerance : float, default=1e-5
        How far two answers may differ that ought to be one, as a share of the largest logit.

    Raises
    ------
    HeadBroken
        At the first promise that is not kept; the message names the head, the promise, and
        the numbers.

    Examples
    --------
    >>> import fewshot, torch
    >>> fewshot.check_head(fewshot.PrototypeHead())
    >>> class Forgetful(fewshot.PrototypeHead):
    ...     def transform(self, features, background=None):
    ...         return features + torch.rand(())
    >>> fewshot.check_head(Forgetful())
    Traceback (most recent call last):
    fewshot.errors.HeadBroken: Forgetful breaks ...
    """
    # conduct first: what a head puts into itself when it is first fitted is there later
    for check in (*CONDUCT_CHECKS, *SUPPORT_CHECKS, *QUERY_CHECKS):
        check(head, tolerance)
