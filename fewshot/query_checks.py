"""What a head promises about its queries, each sentence a check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fewshot.check_cases import TOLERANCE, Case, agree, answer, cases, fail, promise, stack
from fewshot.errors import QueryError
from fewshot.inner_products import InnerProducts

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.head import Head
    from fewshot.support import Support

__all__ = [
    "QUERY_CHECKS",
    "check_batch",
    "check_inner_products",
    "check_queries_refused",
    "check_query_order",
    "check_query_padding",
    "check_transductive",
]


@promise
def check_query_order(head: Head, tolerance: float = TOLERANCE) -> None:
    """Row i of the logits belongs to query i, in whatever order queries come."""
    for case in cases(head):
        there = answer(head, case.support, case.queries)
        back = answer(head, case.support, case.queries.flip(0)).flip(0)
        agree(head, check_query_order, there, back, tolerance, "with the queries in reverse")


@promise
def check_query_padding(head: Head, tolerance: float = TOLERANCE) -> None:
    """Queries that query_mask says are padding move nothing, whatever they hold."""
    for case in cases(head):
        plain = answer(head, case.support, case.queries)
        row = case.queries[:1]
        strange = [torch.full_like(row, value) for value in (1e4, 0.0, torch.nan)]
        queries = torch.cat([strange[0], case.queries, *strange[1:]])
        mask = torch.ones(len(queries), dtype=torch.bool)
        mask[[0, -2, -1]] = False
        logits = answer(head, case.support, queries, mask)
        if len(logits) != len(queries):
            fail(head, check_query_padding, f"{len(logits)} rows for {len(queries)} queries")
        when = "without and with padding (large numbers, zeros, NaN)"
        agree(head, check_query_padding, plain, logits[mask], tolerance, when)


@promise
def check_transductive(head: Head, tolerance: float = TOLERANCE) -> None:
    """A query's logits depend on the other queries if, and only if, ``transductive`` says so.

    A transductive head refuses a single query by QueryError, a lone real one among padding too.
    """
    moved = 0.0
    for case in cases(head):
        some, n = answer(head, case.support, case.queries), len(case.queries) // 2
        few = answer(head, case.support, case.queries[:n])
        if not head.transductive:
            agree(head, check_transductive, some[:n], few, tolerance, "among other queries")
            alone = answer(head, case.support, case.queries[:1])
            agree(head, check_transductive, some[:1], alone, tolerance, "alone")
            continue
        moved = max(moved, float((some[:n] - few).abs().max()))
        lone = torch.arange(len(case.queries)) == 1
        for queries, mask in ((case.queries[:1], None), (case.queries, lone)):
            _refused(head, check_transductive, case.support, queries, "a single query", mask)
    if head.transductive and not moved > 0:
        fail(head, check_transductive, "transductive is True, and other queries change nothing")


@promise
def check_batch(head: Head, tolerance: float = TOLERANCE) -> None:
    """Episodes in a batch, of unequal sizes and with any leading dimensions, are as one by one.

    A head that says ``batched = False`` is only asked for batches of one.
    """
    shots = [(2, 3, 1, 2), (1, 1, 1), (3, 1), (2, 2, 2, 4)]
    for several in zip(*(cases(head, seed, s) for seed, s in enumerate(shots)), strict=True):
        for case in several:  # one background for all
            case.background = several[0].background
        alone = [answer(head, case.support, case.queries) for case in several]
        if head.batched:
            for shape in ((4,), (2, 2)):
                _same_in_batch(head, several, shape, alone, tolerance)
        else:
            for case, own in zip(several, alone, strict=True):
                _same_in_batch(head, (case,), (1,), [own], tolerance)


@promise
def check_inner_products(head: Head, tolerance: float = TOLERANCE) -> None:
    """Where a head offers logits_from_inner, it gives what fit and logits give from features.

    ``transform`` must then change each row by itself, and ``transform_key`` be hashable.
    """
    from_inner: Any = getattr(head, "logits_from_inner", None)
    if from_inner is None:
        return
    try:
        hash(getattr(head, "transform_key")())  # noqa: B009 - a head of any class
    except (AttributeError, TypeError) as error:
        fail(head, check_inner_products, f"transform_key gives no hashable value ({error})")
    for case in cases(head):
        there = answer(head, case.support, case.queries)
        support, queries = case.support, head.transform(case.queries, case.background)
        alone = [head.transform(row[None], case.background) for row in case.queries]
        when = "of a transformed row in company and alone"
        agree(head, check_inner_products, queries, torch.cat(alone), tolerance, when)
        changed = support.with_features(head.transform(case.features, case.background))
        inner = InnerProducts.of(changed, queries, transductive=head.transductive)
        back = from_inner(inner, case.labels, case.class_mask)
        when = "from features and from inner products"
        agree(head, check_inner_products, there, back, tolerance, when)


@promise
def check_queries_refused(head: Head, tolerance: float = TOLERANCE) -> None:
    """Queries that are empty, hold NaN, or have another width than the support are a QueryError."""
    case = cases(head)[0]
    broken = case.queries.clone()
    broken[2, 0] = torch.nan
    wide = torch.cat([case.queries, case.queries[:, :1]], dim=1)
    batch = case.queries.expand(2, *case.queries.shape)
    for queries, what in (
        (case.queries[:0], "no query at all"),
        (broken, "a query with NaN"),
        (wide, f"queries of width {wide.shape[1]} for a support of width {wide.shape[1] - 1}"),
        (batch, "queries of two episodes for a support of one"),
    ):
        _refused(head, check_queries_refused, case.support, queries, what)


def _refused(
    head: Head,
    check: object,
    support: Support,
    queries: Tensor,
    what: str,
    query_mask: Tensor | None = None,
) -> None:
    try:
        answer(head, support, queries, query_mask)
    except QueryError:
        return
    except Exception as error:
        found = f"{what} raised {type(error).__name__} ({error}), not QueryError"
        fail(head, check, found)
    fail(head, check, f"{what} was taken")


def _same_in_batch(
    head: Head,
    several: tuple[Case, ...],
    shape: tuple[int, ...],
    alone: list[Tensor],
    tolerance: float,
) -> None:
    support, queries, mask = stack(several, shape)
    logits = answer(head, support, queries, mask)
    wanted = (*queries.shape[:-1], support.n_classes)
    if tuple(logits.shape) != wanted:
        fail(head, check_batch, f"logits have shape {tuple(logits.shape)}, not {wanted}")
    for i, (own, row) in enumerate(zip(alone, logits.flatten(0, -3), strict=True)):
        part = row[: len(own), : own.shape[1]]
        agree(head, check_batch, own, part, tolerance, f"of episode {i} alone and in {shape}")


QUERY_CHECKS = (
    check_query_order,
    check_query_padding,
    check_transductive,
    check_batch,
    check_inner_products,
    check_queries_refused,
)
