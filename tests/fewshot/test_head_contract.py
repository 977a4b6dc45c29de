"""Every head x every promise of the contract, on the processor and on a card."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from fewshot import Support, head_names, load_head
from fewshot.check_cases import Case, agree, answer, stack
from fewshot.checks import CONDUCT_CHECKS, QUERY_CHECKS, SUPPORT_CHECKS


@pytest.fixture(scope="module")
def head(request):
    return load_head(request.param)


@pytest.mark.parametrize(
    "check", [*CONDUCT_CHECKS, *SUPPORT_CHECKS, *QUERY_CHECKS], ids=lambda check: check.__name__
)
@pytest.mark.parametrize("head", head_names(), indirect=True)
def test_the_head_keeps_the_promise(head, check):
    check(head)


def batch(dtype: torch.dtype) -> tuple[Support, torch.Tensor, torch.Tensor]:
    """Two episodes of unequal size with all a head may be given."""
    both = [Case(1, words=True, background=True), Case(2, (1, 2, 2), words=True, background=True)]
    return stack([case.in_precision(dtype) for case in both], (2,))


def moved(support: Support, device: str) -> Support:
    words, known = support.words, support.background
    parts = {name: getattr(known, name).to(device) for name in ("mean", "within", "total")}
    return Support(
        support.features.to(device),
        support.labels.to(device),
        support.class_mask.to(device),
        replace(words, embeddings=words.embeddings.to(device)),
        replace(known, **parts),
    )


@pytest.mark.parametrize("name", head_names())
def test_a_head_makes_its_tensors_where_the_features_are(name):
    """What it makes without a device lands on one that computes nothing: it would fail."""
    support, queries, asked = batch(torch.float64)
    plain = answer(load_head(name), support, queries, asked)
    head = load_head(name)
    with torch.device("meta"):
        found = answer(head, support, queries, asked)
    assert torch.equal(found, plain)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no cuda device")
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-3), (torch.bfloat16, 2e-2)], ids=str
)
@pytest.mark.parametrize("name", head_names())
def test_a_card_agrees_with_the_processor(name, dtype, tolerance):
    """Logits on a card are those of the processor but for rounding, as a share of the largest."""
    support, queries, asked = batch(dtype)
    head = load_head(name)
    here = answer(head, support, queries, asked)
    there = answer(head.cuda(), moved(support, "cuda"), queries.cuda(), asked.cuda())
    assert there.device.type == "cuda"
    assert there.dtype == here.dtype == torch.float32
    check = test_a_card_agrees_with_the_processor
    agree(head, check, here[asked], there.cpu()[asked], tolerance, "on a card")
