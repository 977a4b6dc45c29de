"""The one value that lives in fewshot yet."""

from __future__ import annotations

import pytest
import torch

from fewshot import Background


def test_it_keeps_what_it_is_given():
    mean, within, total = torch.zeros(3), torch.eye(3), 2 * torch.eye(3)
    background = Background(mean, within, total, 7, "here", "made up")
    assert (background.n, background.space, background.source) == (7, "here", "made up")
    assert background.total is total


@pytest.mark.parametrize(
    ("mean", "within", "total"),
    [
        (torch.zeros(3), torch.eye(2), torch.eye(3)),
        (torch.zeros(3), torch.eye(3), torch.ones(3)),
        (torch.zeros(1, 3), torch.eye(3), torch.eye(3)),
    ],
)
def test_shapes_that_disagree_are_refused(mean, within, total):
    with pytest.raises(ValueError, match=r"\(d,\), \(d, d\) and \(d, d\), not"):
        Background(mean, within, total, 7, "here", "made up")


def test_one_picture_has_no_spread():
    with pytest.raises(ValueError, match="1 pictures has no spread"):
        Background(torch.zeros(2), torch.eye(2), torch.eye(2), 1, "here", "made up")
