"""A background keeps what it is given, and refuses what is no mean and no covariance."""

from __future__ import annotations

import pytest
import torch

from fewshot import Background, SimpleShotHead, Support
from fewshot.errors import SupportError


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


@pytest.mark.parametrize("n", [0, -5, float("nan")])
def test_a_number_of_pictures_below_two_is_refused(n):
    with pytest.raises(SupportError, match="has no spread: give at least 2"):
        Background(torch.zeros(2), torch.eye(2), torch.eye(2), n, "here", "made up")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["mean", "within", "total"])
def test_numbers_that_are_none_are_refused(name, value):
    # SimpleShot would subtract them and answer the first class, always
    parts = {"mean": torch.zeros(3), "within": torch.eye(3), "total": torch.eye(3)}
    parts[name].view(-1)[-1] = value
    with pytest.raises(SupportError, match=f"1 of [39] numbers in {name} of the background"):
        Background(**parts, n=9, space="here", source="made up")


@pytest.mark.parametrize("name", ["within", "total"])
def test_a_matrix_that_is_no_covariance_is_refused(name):
    parts = {"mean": torch.zeros(3), "within": torch.eye(3), "total": torch.eye(3)}
    lopsided = torch.eye(3)
    lopsided[0, 2] = 0.5
    with pytest.raises(SupportError, match=f"{name} .* differs from its transpose by 0.5"):
        Background(**{**parts, name: lopsided}, n=9, space="here", source="made up")
    with pytest.raises(SupportError, match=f"{name} .* has the variance -1"):
        Background(**{**parts, name: -torch.eye(3)}, n=9, space="here", source="made up")
    with pytest.raises(SupportError, match=f"{name} .* is torch.int64: give floating"):
        Background(**{**parts, name: torch.eye(3).long()}, n=9, space="here", source="made up")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_covariances_computed_in_any_precision_are_taken(dtype):
    x = torch.nn.functional.normalize(
        torch.randn(300, 40, generator=torch.Generator().manual_seed(0)), dim=-1
    )
    spread = ((x - x.mean(0)).mT @ (x - x.mean(0)) / 300).to(dtype)
    found = Background(x.mean(0).to(dtype), spread, spread, 300, "here", "made up")
    two = Support(x[:2], torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool), background=found)
    assert SimpleShotHead()(two, x[:2]).argmax(-1).tolist() == [0, 1]
