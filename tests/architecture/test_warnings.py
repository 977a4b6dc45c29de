"""Do the filters in pyproject.toml turn our own packages' warnings into errors?"""

from __future__ import annotations

import warnings

import pytest


def warn_from(module: str) -> None:
    warnings.warn_explicit("planted", UserWarning, "planted.py", 1, module=module)


@pytest.mark.parametrize(
    "module",
    ["fgmm", "fgmm.prompts", "knowledge.graph", "fewshot.heads.x", "tests.fgmm.test_x", "__main__"],
)
def test_a_warning_that_points_at_us_or_at_our_callers_is_an_error(module):
    with pytest.raises(UserWarning, match="planted"):
        warn_from(module)


def test_a_warning_from_this_very_line_is_an_error():
    with pytest.raises(UserWarning, match="at a test"):
        warnings.warn("points at a test", stacklevel=1)


@pytest.mark.parametrize("module", ["torch.nn", "timm", "fgmmlike", "knowledgeable.x", "test"])
def test_a_warning_of_others_is_not(module):
    with warnings.catch_warnings(record=True) as caught:
        warn_from(module)
    assert [str(warning.message) for warning in caught] == ["planted"]
