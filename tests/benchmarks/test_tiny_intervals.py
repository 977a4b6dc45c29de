"""Macro, micro and the bootstrap over classes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest


@pytest.fixture
def intervals(benchmark_module):
    return benchmark_module("tiny_intervals")


def test_macro_and_micro_by_hand(intervals):
    """Class a: 3 of 3 right; class b: 0 of 1. Micro 3/4; macro (1 + 0) / 2."""
    found = intervals.judge(np.array([1, 1, 0, 1]) == 1, np.array(["a", "a", "b", "a"]))
    assert found.micro == 0.75
    assert found.macro == 0.5
    assert found.interval == (0.0, 1.0)
    assert str(found) == "macro  50.0 [0.0, 100.0]  micro  75.0"


def test_classes_that_agree_leave_no_interval(intervals):
    assert intervals.class_bootstrap(np.full(7, 0.25)) == (0.25, 0.25)


def test_the_interval_against_every_resample_of_four_classes(intervals):
    """4 ** 4 = 256 equally likely resamples: their quantiles, without any drawing."""
    values = np.array([0.1, 0.4, 0.5, 1.0])
    means = sorted(np.mean(chosen) for chosen in itertools.product(values, repeat=4))
    low, high = intervals.class_bootstrap(values)
    # between neighbours of the exact quantiles, for 10,000 drawings are not all of them
    assert np.quantile(means, 0.015) <= low <= np.quantile(means, 0.035)
    assert np.quantile(means, 0.965) <= high <= np.quantile(means, 0.985)


def test_many_classes_come_near_the_normal_interval(intervals):
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    low, high = intervals.class_bootstrap(values)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)
