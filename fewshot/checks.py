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
from fewshot.errors import HeadBroken
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
    from fewshot.check_cases import Check
    from fewshot.head import Head

__all__ = [
    "CONDUCT_CHECKS",
    "EVERY_CHECK",
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


# Purity first: what a head puts into itself when it is first fitted is there later. Then what a
# head is: its shapes, its batches, absent classes. How exactly it computes comes last.
_FIRST = (check_purity, check_labels, check_batch, check_absent_classes)
_LAST = (check_precision,)
EVERY_CHECK = (
    *_FIRST,
    *(
        check
        for check in (*SUPPORT_CHECKS, *QUERY_CHECKS, *CONDUCT_CHECKS)
        if check not in (*_FIRST, *_LAST)
    ),
    *_LAST,
)
_PARTS = ("fit", "eval", "needs", "batched", "transductive")


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
        With every promise that is not kept; the message names the head, the promises, and
        the numbers. Also for what is no head.

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
    if isinstance(head, type):
        raise HeadBroken(f"this is the class {head.__name__}: give an instance, {head.__name__}()")
    lost = [part for part in _PARTS if not hasattr(head, part)]
    if lost:
        raise HeadBroken(f"{head!r} has no {', '.join(lost)}: give a fewshot.Head")
    asked = (_broken_promise(head, check, tolerance) for check in EVERY_CHECK)
    broken = [error for error in asked if error is not None]
    if len(broken) == 1:
        raise broken[0]
    if broken:
        told = "\n".join(f"- {error}" for error in broken)
        raise HeadBroken(
            f"{type(head).__name__} breaks {len(broken)} promises of {len(EVERY_CHECK)}:\n{told}"
        ) from broken[0].__cause__


def _broken_promise(head: Head, check: Check, tolerance: float) -> HeadBroken | None:
    try:
        check(head, tolerance)
    except HeadBroken as error:
        return error
    return None
