"""Temperature and prediction sets, by definition and on data whose truth is known."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fgmm.errors import LibraryError
from fgmm.recognition.calibration import Calibration, LeftOut, calibrate


def drawn(n: int, k: int, sharpness: float, seed: int) -> LeftOut:
    """Labels drawn from softmax(logits), and logits told ``sharpness`` times too large."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(n, k, generator=generator)
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator).squeeze(1)
    return LeftOut(sharpness * logits, labels, tuple(map(str, range(n))))


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 4.0])
def test_temperature_undoes_what_was_told_too_loud(sharpness):
    assert calibrate(drawn(20_000, 5, sharpness, 1)).temperature == pytest.approx(
        sharpness, rel=0.06
    )


def test_temperature_is_the_best_of_a_fine_grid():
    found = drawn(300, 4, 2.0, 3)
    temperature = calibrate(found).temperature

    def loss(t: float) -> float:
        total = 0.0
        for row, label in zip(found.logits.tolist(), found.labels.tolist(), strict=True):
            weights = [math.exp(x / t) for x in row]
            total -= math.log(weights[label] / sum(weights))
        return total

    grid = [0.1 * 1.02**i for i in range(270)]
    assert loss(temperature) <= min(map(loss, grid)) * (1 + 1e-5)


def test_sets_by_hand():
    """Nine truths: at 90 % the first of ten ranks, the least; at 80 % the second."""
    calibration = Calibration(1.0, torch.arange(1, 10) / 10)
    assert calibration.threshold(0.9) == pytest.approx(0.1)
    assert calibration.threshold(0.8) == pytest.approx(0.2)
    assert calibration.threshold(0.95) == 0.0  # ten pictures cannot promise one miss in twenty
    logits = torch.tensor([[0.85, 0.1, 0.05], [0.5, 0.28, 0.22]]).log()
    assert calibration.sets(logits, 0.8).tolist() == [[True, False, False], [True, True, True]]
    assert calibration.sets(logits, 0.95).all()


def test_a_species_as_likely_as_the_threshold_is_in_the_set():
    logits = torch.tensor([[0.5, 0.25, 0.25]]).log()
    half = Calibration(1.0, torch.tensor([0.25, 0.5, 0.5, 0.5]))  # at 80 % the first of five ranks
    assert half.threshold(0.8) == 0.25
    assert half.sets(logits, 0.8).all()


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_sets_hold_the_truth_as_often_as_asked(coverage):
    """Over many draws of few photos; the promise is on the mean over draws."""
    held, n = 0, 0
    for seed in range(60):
        calibration = calibrate(drawn(60, 6, 3.0, seed))
        new = drawn(200, 6, 3.0, 10_000 + seed)
        sets = calibration.sets(new.logits, coverage)
        held += int(sets.gather(1, new.labels.unsqueeze(1)).sum())
        n += len(new.labels)
    # at least what was asked, at most one rank of 61 more; 60 draws leave a point and a half
    assert coverage - 0.018 <= held / n <= coverage + 1 / 61 + 0.018


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.9), st.floats(0.01, 0.09))
def test_more_coverage_never_makes_a_set_smaller(seed, coverage, more):
    found = drawn(40, 5, 1.5, seed)
    calibration = calibrate(found)
    small = calibration.sets(found.logits, coverage)
    assert (calibration.sets(found.logits, coverage + more) | ~small).all()


def test_photos_that_cannot_be_judged_are_left_out():
    found = drawn(50, 4, 2.0, 5)
    more = LeftOut(
        torch.cat([found.logits, torch.full((3, 4), torch.nan)]),
        torch.cat([found.labels, torch.tensor([0, 1, 2])]),
        (*found.digests, "a", "b", "c"),
    )
    assert calibrate(more).temperature == calibrate(found).temperature
    none = calibrate(LeftOut(torch.full((2, 3), torch.nan), torch.tensor([0, 1]), ("a", "b")))
    assert none.temperature == 1.0
    assert none.sets(torch.zeros(1, 3), 0.9).all()


def test_coverage_is_a_share():
    with pytest.raises(LibraryError, match=r"coverage is 90: .* such as 0\.9"):
        Calibration(1.0, torch.tensor([0.5])).sets(torch.zeros(1, 2), 90)
