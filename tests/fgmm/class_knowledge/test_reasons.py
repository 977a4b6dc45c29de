"""Reasons: only what is stated, only what differs, only what points the right way."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from fgmm.class_knowledge.evidence import Evidence
from fgmm.class_knowledge.reasons import Reason, reasons_against, reasons_for

NAN = math.nan
LEAST = 0.05


def evidence(strengths, weights=None, about=None) -> Evidence:
    table = np.array(strengths, dtype=float)
    there = np.argwhere(~np.isnan(table))
    told = sparse.csr_array((table[tuple(there.T)], tuple(there.T)), shape=table.shape)
    own = sparse.csr_array(np.nan_to_num(table) if weights is None else np.array(weights))
    says = tuple(f"thing {i}" for i in range(table.shape[1]))
    return Evidence(
        says, tuple(about or [""] * len(says)), told, own, lambda e: e.vectors, "made up"
    )


def test_by_hand():
    """Two classes; thing 0 is had by both, 1 by the first, 2 stated as lacking, 3 unspoken of."""
    found = evidence([[1.0, 0.9, 0.0, NAN], [1.0, 0.1, 1.0, 1.0]], [[1, 1, -1, 0], [1, 0, 1, 1]])
    scores = torch.tensor([5.0, 2.0, -1.0, -3.0])
    (own,) = reasons_for(found, scores, 0, 9)
    # its weight less the mean weight of the two classes: 1 - 0.5
    assert own == Reason("thing 1", 1.0, 0.9)
    against = reasons_against(found, scores, 0, 1, 9)
    assert against == [Reason("thing 1", 2.0, 0.9, 0.1), Reason("not thing 2", 2.0, 0.0, 1.0)]
    assert reasons_against(found, scores, 0, 1, 1) == against[:1]
    # the second has things 2 and 3, and the picture looks like neither
    assert reasons_against(found, scores, 1, 0, 9) == []
    mirrored = ["thing 3", "not thing 1", "thing 2"]
    assert [r.text for r in reasons_against(found, -scores, 1, 0, 9)] == mirrored
    assert reasons_against(found, -scores, 1, 0, 9)[0].rival is None
    assert str(own) == "thing 1 +1.0"


def test_what_would_be_written_as_nothing_is_no_reason():
    found = evidence([[1.0, NAN], [NAN, 1.0]])
    assert reasons_against(found, torch.tensor([0.049, 0.0]), 0, 1, 9) == []
    (reason,) = reasons_against(found, torch.tensor([0.051, 0.0]), 0, 1, 9)
    assert str(reason) == "thing 0 +0.1"
    assert reasons_for(found, torch.tensor([0.09, 0.0]), 0, 9) == []


def test_half_is_had_and_a_quarter_is_a_difference():
    found = evidence([[0.75, 0.5, 0.74, 0.49], [0.5, 0.25, 0.5, 0.0]], [[1] * 4, [-1] * 4])
    scores = torch.tensor([4.0, 3.0, 2.0, 1.0])
    assert [r.text for r in reasons_against(found, scores, 0, 1, 9)] == ["thing 0", "thing 1"]
    had = [r.text for r in reasons_for(found, scores, 0, 9)]
    assert had == ["thing 0", "thing 1", "thing 2"]
    turned = reasons_against(found, -scores, 1, 0, 9)  # 0.25 of what the other has half of
    assert [r.text for r in turned] == ["not thing 1"]


def test_a_part_speaks_for_one_side():
    """Buff is 1 nat for the first, white 3 for the second: no reason for the first."""
    table = [[1.0, NAN, 1.0], [NAN, 1.0, NAN]]
    scores = torch.tensor([1.0, 3.0, 0.5])
    apart = evidence(table)
    assert [r.text for r in reasons_against(apart, scores, 0, 1, 9)] == ["thing 0", "thing 2"]
    breast = evidence(table, about=["breast", "breast", "bill"])
    assert [r.text for r in reasons_against(breast, scores, 0, 1, 9)] == ["thing 2"]
    (other,) = reasons_against(breast, scores, 1, 0, 9)
    assert (other.text, other.nats) == ("thing 1", 3.0), "its own nats, not those of the part"


def test_an_ancestor_is_evidence_and_no_reason():
    """The last of three columns is a genus, which speaks the loudest and cannot be seen."""
    found = replace(evidence([[1.0, 0.0, 1.0], [0.0, 1.0, NAN]]), ancestors=1)
    scores = torch.tensor([1.0, -2.0, 5.0])
    # its part in the evidence: half of 5 beyond the mean of the two
    assert found.parts(scores, 0).tolist() == pytest.approx([0.5, 1.0, 2.5])
    assert [r.text for r in reasons_for(found, scores, 0, 9)] == ["thing 0"]
    told = [r.text for r in reasons_against(found, scores, 0, 1, 9)]
    assert told == ["not thing 1", "thing 0"]
    seen = replace(found, ancestors=0)
    assert "thing 2" in [r.text for r in reasons_for(seen, scores, 0, 9)]
    assert "thing 2" in [r.text for r in reasons_against(seen, scores, 0, 1, 9)]


def test_an_unknown_class_has_no_reasons():
    found = evidence([[1.0, 0.5], [NAN, NAN]])
    scores = torch.tensor([1.0, 2.0])
    assert reasons_for(found, scores, 1, 3) == []
    assert reasons_against(found, scores, 1, 0, 3) == []


strengths = st.sampled_from([NAN, 0.0, 0.2, 0.3, 0.5, 0.7, 0.75, 1.0])


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 6).flatmap(
        lambda n: st.lists(st.lists(strengths, min_size=n, max_size=n), min_size=2, max_size=4)
    ),
    st.lists(st.sampled_from(["", "bill", "breast"]), min_size=6, max_size=6),
    st.integers(0, 10**6),
)
def test_reasons_are_stated_differ_and_point_the_right_way(table, about, seed):
    rng = np.random.default_rng(seed)
    columns = len(table[0])
    about = about[:columns]
    found = evidence(table, rng.normal(size=(len(table), columns)), about)
    scores = torch.tensor(rng.normal(size=columns)).float()
    parts = [found.parts(scores, c) for c in range(len(table))]
    for reason in reasons_for(found, scores, 0, 99):
        at = found.says.index(reason.text)
        assert reason.strength == table[0][at] >= 0.5
        assert reason.nats == float(parts[0][at]) >= LEAST
        assert reason.rival is None
    against = reasons_against(found, scores, 0, 1, 99)
    expected = {}
    for at, (own, other) in enumerate(zip(table[0], table[1], strict=True)):
        nats = float(parts[0][at] - parts[1][at])
        theirs = 0.0 if math.isnan(other) else other
        same = [i for i in range(columns) if i == at or (about[at] and about[i] == about[at])]
        together = sum(float(parts[0][i] - parts[1][i]) for i in same)
        if math.isnan(own) or nats < LEAST or together <= 0:
            continue
        if own >= 0.5 and own - theirs >= 0.25:
            expected[f"thing {at}"] = (nats, own, other)
        elif own < 0.5 <= theirs and theirs - own >= 0.25:
            expected[f"not thing {at}"] = (nats, own, other)
    assert {r.text for r in against} == set(expected)
    for reason in against:
        nats, own, other = expected[reason.text]
        assert reason.nats == pytest.approx(nats)
        assert reason.strength == own
        assert reason.rival == (None if math.isnan(other) else other)
    assert [r.nats for r in against] == sorted((r.nats for r in against), reverse=True)
    both = {r.text.removeprefix("not ") for r in reasons_against(found, scores, 1, 0, 99)}
    assert not both & {r.text.removeprefix("not ") for r in against}, "a fact speaks for one side"
