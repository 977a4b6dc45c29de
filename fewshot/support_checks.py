"""What a head promises about its support, each sentence a check."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from fewshot.check_cases import TOLERANCE, agree, answer, cases, fail, promise
from fewshot.errors import SupportError
from fewshot.support import Support, Words

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.head import Head

__all__ = [
    "SUPPORT_CHECKS",
    "check_absent_classes",
    "check_class_order",
    "check_labels",
    "check_one_class",
    "check_one_shot",
    "check_padding",
    "check_support_order",
    "check_zero_shots",
]


@promise
def check_labels(head: Head, tolerance: float = TOLERANCE) -> None:
    """Labels in any order give a finite logit a query and class, highest for the right class.

    The episode is easy: its classes are six times as far apart as their photos are.
    """
    for case in cases(head):
        logits = answer(head, case.support, case.queries)
        _judge(head, check_labels, logits, case.answers, len(case.class_mask))


@promise
def check_one_class(head: Head, tolerance: float = TOLERANCE) -> None:
    """A single class gets a finite logit for every query."""
    for case in cases(head, shots=(3,)):
        logits = answer(head, case.support, case.queries)
        _judge(head, check_one_class, logits, case.answers, 1)


@promise
def check_one_shot(head: Head, tolerance: float = TOLERANCE) -> None:
    """One photo a class is enough to tell classes apart that are far apart."""
    for case in cases(head, shots=(1, 1, 1)):
        logits = answer(head, case.support, case.queries)
        _judge(head, check_one_shot, logits, case.answers, 3)


@promise
def check_zero_shots(head: Head, tolerance: float = TOLERANCE) -> None:
    """A class without photos is refused by SupportError if photos are needed, else it gets logits.

    With words and no photo at all, an inductive head that needs no photos gives exactly the
    zero-shot logits: scale times cosine plus bias.
    """
    for shots in ((2, 0, 1), (0, 0, 0)):
        for case in cases(head, shots=shots, photos=False):
            if "photos" in head.needs:
                try:
                    answer(head, case.support, case.queries)
                except SupportError:
                    continue
                fail(head, check_zero_shots, f"photos are needed, and shots {shots} were taken")
            logits = answer(head, case.support, case.queries)
            _judge(head, check_zero_shots, logits, case.answers, len(shots))
            if not any(shots) and case.words is not None and not head.transductive:
                words_alone = case.words.logits(functional.normalize(case.queries, dim=-1))
                when = "without any photo and by words alone"
                agree(head, check_zero_shots, logits, words_alone, tolerance, when)


@promise
def check_class_order(head: Head, tolerance: float = TOLERANCE) -> None:
    """Numbering the classes otherwise permutes the logits and changes nothing else."""
    for case in cases(head):
        there = answer(head, case.support, case.queries)
        order = torch.tensor([2, 0, 3, 1])  # new class j is old class order[j]
        labels = order.argsort()[case.labels]
        words = case.words
        if words is not None:
            words = replace(words, embeddings=words.embeddings[order])
        renamed = replace(case.support, labels=labels, words=words, check=True)
        back = answer(head, renamed, case.queries)
        when = "before and after numbering the classes otherwise"
        agree(head, check_class_order, there[:, order], back, tolerance, when)


@promise
def check_support_order(head: Head, tolerance: float = TOLERANCE) -> None:
    """The order of the support's rows does not matter."""
    for case in cases(head):
        there = answer(head, case.support, case.queries)
        turned = Support(
            case.features.flip(0), case.labels.flip(0), case.class_mask, case.words, case.background
        )
        back = answer(head, turned, case.queries)
        agree(head, check_support_order, there, back, tolerance, "with the support in reverse")


@promise
def check_padding(head: Head, tolerance: float = TOLERANCE) -> None:
    """Rows labelled -1 change nothing, wherever they stand and whatever they hold."""
    for case in cases(head):
        plain = answer(head, case.support, case.queries)
        row, none = case.features[:1], torch.tensor([-1, -1])
        first = torch.cat([torch.full_like(row, 1e4), row])
        last = torch.cat([0 * row, torch.full_like(row, torch.nan)])
        features = torch.cat([first, case.features[:3], last, case.features[3:]])
        labels = torch.cat([none, case.labels[:3], none, case.labels[3:]])
        support = Support(features, labels, case.class_mask, case.words, case.background)
        padded = answer(head, support, case.queries)
        when = "without and with padding (large numbers, a photo, zeros, NaN)"
        agree(head, check_padding, plain, padded, tolerance, when)


@promise
def check_absent_classes(head: Head, tolerance: float = TOLERANCE) -> None:
    """Classes absent in class_mask get -inf, and the others what they get without them."""
    for case in cases(head):
        plain = answer(head, case.support, case.queries)
        k, place = len(case.class_mask), torch.tensor([1, 2, 4, 5])
        exists = torch.zeros(6, dtype=torch.bool).index_fill(0, place, True)
        words = case.words
        if words is not None:
            texts = functional.normalize(words.embeddings.sum(0, keepdim=True), dim=-1)
            spread = texts.repeat(6, 1).index_copy(0, place, words.embeddings)
            words = Words(spread, words.logit_scale, words.logit_bias)
        support = Support(case.features, place[case.labels], exists, words, case.background)
        logits = answer(head, support, case.queries)
        if logits.shape[-1] != 6:
            fail(head, check_absent_classes, f"{logits.shape[-1]} logits for 6 classes, 2 absent")
        if not (logits[:, ~exists] == float("-inf")).all():
            worst = float(logits[:, ~exists].nan_to_num(nan=torch.inf).max())
            fail(head, check_absent_classes, f"an absent class got the logit {worst:.3g}")
        when = f"for {k} classes, without and with two absent ones among them"
        agree(head, check_absent_classes, plain, logits[:, exists], tolerance, when)


def _judge(head: Head, check: object, logits: Tensor, answers: Tensor, n_classes: int) -> None:
    """Fail unless there is a finite logit a query and class, highest for the right class."""
    if tuple(logits.shape) != (len(answers), n_classes):
        wanted = (len(answers), n_classes)
        fail(head, check, f"logits have shape {tuple(logits.shape)}, not {wanted}")
    if not logits.is_floating_point() or not torch.isfinite(logits).all():
        fail(head, check, f"logits of {logits.dtype} that are not all finite numbers")
    wrong = int((logits.argmax(-1) != answers).sum())
    if wrong:
        fail(head, check, f"{wrong} of {len(answers)} easy queries were answered wrongly")


SUPPORT_CHECKS = (
    check_labels,
    check_one_class,
    check_one_shot,
    check_zero_shots,
    check_class_order,
    check_support_order,
    check_padding,
    check_absent_classes,
)
