"""The rule for probabilities: finite, 0 to 1, rows that sum to one within 0.001."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.errors import GraphError
from knowledge.probabilities import check_probabilities

NAN, INF = float("nan"), float("inf")


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=9), st.floats(-9e-4, 9e-4))
def test_rows_within_the_slack_are_divided_by_their_sum(weights, off):
    exact = np.array(weights) / sum(weights)
    assert check_probabilities(exact * (1 + off), len(weights)) == pytest.approx(exact)


def test_a_softmax_in_half_precision_is_accepted():
    logits = np.random.default_rng(0).normal(size=(50, 1000)) * 3
    half = np.exp(logits - logits.max(1, keepdims=True))
    half = (half / half.sum(1, keepdims=True)).astype(np.float16)
    assert np.abs(half.astype(float).sum(1) - 1).max() > 1e-5, "it is off by more than rounding"
    assert check_probabilities(half, 1000).sum(1) == pytest.approx(np.ones(50), abs=1e-12)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.5, NAN], r"at \(1,\) is nan; .* look for NaN"),
        ([[0.5, 0.5], [INF, 0]], r"at \(1, 0\) is inf"),
        ([1.5, -0.5], "is 1.5; it must lie between 0 and 1: take the softmax"),
        ([[0.5, 0.5], [0.5, 0.4]], "row 1 sum to 0.9; .* divide by the sum, or add a candidate"),
        ([0.5, 0.502], "row 0 sum to 1.002"),
        ([0, 0], "sum to 0;"),
        ([1.0], r"shape \(1,\); there are 2 candidates"),
        ([[[0.5, 0.5]]], "shape"),
        (1.0, "shape"),
        (["a", "b"], "must be numbers"),
        ([[1], [0.5, 0.5]], "must be numbers"),
    ],
)
def test_what_is_none_is_refused(values, message):
    with pytest.raises(GraphError, match=message):
        check_probabilities(values, 2)


def test_no_classes_have_no_probabilities():
    with pytest.raises(GraphError, match="there are 0 candidates"):
        check_probabilities([], 0)


def test_what_was_given_is_not_changed():
    given = np.array([0.5, 0.4999])
    check_probabilities(given, 2)[0] = 7
    assert given.tolist() == [0.5, 0.4999]
