"""Every head x every promise of the contract."""

from __future__ import annotations

import pytest

from fewshot import head_names, load_head
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
