"""How a head conducts itself: purity, precision, copies. Each sentence a check."""

from __future__ import annotations

import copy
import pickle
import random
from typing import TYPE_CHECKING

import numpy as np
import torch

from fewshot.check_cases import TOLERANCE, Case, agree, answer, cases, fail, promise

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.head import Head

__all__ = [
    "CONDUCT_CHECKS",
    "check_copies",
    "check_inference_mode",
    "check_precision",
    "check_purity",
    "check_randomness",
]

_PRECISION = {torch.float64: TOLERANCE, torch.float32: 1e-3, torch.bfloat16: 1e-3}


@promise
def check_copies(head: Head, tolerance: float = TOLERANCE) -> None:
    """A copy by deepcopy or pickle answers as the head does."""
    case = cases(head)[-1]
    there = answer(head, case.support, case.queries)
    for what, make in (("deepcopy", copy.deepcopy), ("pickle", _pickled)):
        twin: Head = make(head)
        back = answer(twin, case.support, case.queries)
        agree(head, check_copies, there, back, tolerance, f"of the head and of its copy by {what}")


@promise
def check_purity(head: Head, tolerance: float = TOLERANCE) -> None:
    """In eval mode fitting and scoring change no input, no parameter, no buffer and no answer.

    What was fitted before answers the same after another support was fitted.
    """
    for case, another in zip(cases(head), cases(head, seed=5, shots=(1, 4)), strict=True):
        before = {name: value.clone() for name, value in head.state_dict().items()}
        inputs = _inputs(case)
        copies = {name: value.clone() for name, value in inputs.items()}
        fitted = head.eval().fit(case.support)
        first = fitted.logits(case.queries).clone()
        answer(head, another.support, another.queries)
        again = fitted.logits(case.queries)
        agree(head, check_purity, first, again, tolerance, "before and after fitting another")
        anew = answer(head, case.support, case.queries)
        agree(head, check_purity, first, anew, tolerance, "the first and second time")
        for name, value in inputs.items():
            if not torch.equal(value, copies[name]):
                fail(head, check_purity, f"the input {name} was changed")
        after = head.state_dict()
        changed = sorted(
            name
            for name in {*before, *after}
            if name not in before or name not in after or not torch.equal(before[name], after[name])
        )
        if changed:
            fail(head, check_purity, f"fit in eval mode changed {', '.join(changed)}")
        if head.training:
            fail(head, check_purity, "the head left eval mode")


@promise
def check_randomness(head: Head, tolerance: float = TOLERANCE) -> None:
    """The answer neither depends on the global random numbers nor uses them up.

    Those of torch, numpy and Python are meant.
    """
    ours, own = np.random.get_state(), random.getstate()  # noqa: NPY002 - the global one is meant
    try:
        with torch.random.fork_rng(devices=[]):
            for case in cases(head):
                answers: list[Tensor] = []
                for seed in (1, 2):
                    torch.manual_seed(seed)
                    np.random.seed(seed)  # noqa: NPY002
                    random.seed(seed)
                    before = _random_states()
                    answers.append(answer(head, case.support, case.queries))
                    now = _random_states()
                    used = ", ".join(name for name in now if now[name] != before[name])
                    if used:
                        fail(head, check_randomness, f"random numbers of {used} were used up")
                one, other = answers
                agree(head, check_randomness, one, other, tolerance, "under two random seeds")
    finally:
        np.random.set_state(ours)  # noqa: NPY002
        random.setstate(own)


@promise
def check_inference_mode(head: Head, tolerance: float = TOLERANCE) -> None:
    """The answer is the same in torch.inference_mode, where `fewshot.evaluate` works."""
    for case in cases(head):
        there = answer(head, case.support, case.queries)
        with torch.inference_mode():
            back = answer(head, case.support, case.queries)
        agree(head, check_inference_mode, there, back, tolerance, "in and out of inference_mode")


@promise
def check_precision(head: Head, tolerance: float = TOLERANCE) -> None:
    """Features in bfloat16, float32 and float64 give one answer, as far as these are precise.

    Words and background are in float32 beside bfloat16 features. Logits are of the features'
    type, or of float32 where that is more.
    """
    for case in cases(head):
        for dtype, allowed in _PRECISION.items():
            coarse = case.in_precision(dtype)
            same = coarse.in_precision(torch.float64)
            exact = answer(head, same.support, same.queries)
            logits = answer(head, coarse.support, coarse.queries)
            if logits.dtype not in (dtype, torch.promote_types(dtype, torch.float32)):
                fail(head, check_precision, f"{dtype} gave logits of {logits.dtype}")
            when = f"from {dtype} and from the same numbers in float64"
            agree(head, check_precision, exact, logits, max(allowed, tolerance), when)


def _pickled(head: Head) -> Head:
    copied: Head = pickle.loads(pickle.dumps(head))  # noqa: S301 - our own bytes
    return copied


def _inputs(case: Case) -> dict[str, Tensor]:
    found = {
        "features": case.features,
        "labels": case.labels,
        "class_mask": case.class_mask,
        "queries": case.queries,
    }
    if case.words is not None:
        found["words"] = case.words.embeddings
    if case.background is not None:
        found |= {"background mean": case.background.mean, "within": case.background.within}
        found["total"] = case.background.total
    return found


def _random_states() -> dict[str, object]:
    numpy = np.random.get_state(legacy=False)  # noqa: NPY002
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": pickle.dumps(numpy),
        "random": random.getstate(),
    }


CONDUCT_CHECKS = (
    check_purity,
    check_randomness,
    check_copies,
    check_inference_mode,
    check_precision,
)
