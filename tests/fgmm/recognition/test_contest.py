"""The contest of new species and old classes: by hand, by loops, and what must always hold."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fgmm.recognition.contest import (
    HEED,
    level_from_new,
    level_from_old,
    margins,
    odds,
    rivals,
    weigh_new,
)

finite = st.floats(-30, 30, allow_nan=False)


def test_a_case_worked_by_hand():
    # One new species with score 5; two old ones with 1 and 2, pictures in general 0. The model is
    # 75 % sure: odds of log 3.
    top = torch.tensor([0.75], dtype=torch.float64).log()
    bar = rivals(torch.tensor([[1.0, 2.0]], dtype=torch.float64), torch.zeros(1).double())
    assert float(bar) == pytest.approx(math.log(math.e + math.e**2 + 1))
    assert float(odds(top)) == pytest.approx(math.log(3))
    new = 5.0 - bar - HEED * odds(top)
    margin = margins(new.unsqueeze(1), top)
    assert float(margin) == pytest.approx(5 - 2.4076059644 - HEED * 1.0986122887 + 0.2876820724)


def test_the_formula_worked_by_hand_part_by_part():
    # The same picture; its scores come from words and from photos, the new species twice.
    words = torch.tensor([[2.0, 1.0, 1.0, 0.5]], dtype=torch.float64)
    photos = torch.tensor([[3.0, -4.0, 0.0, 1.5]], dtype=torch.float64)
    none, top = torch.zeros(1).double(), torch.tensor([0.75], dtype=torch.float64).log()
    parts = weigh_new({"text": words, "photos": photos}, none, top, 2)
    assert list(parts) == ["text", "photos", "old classes", "model"]
    assert parts["photos"].tolist() == [[3.0, -4.0]]
    assert parts["old classes"].tolist()[0] == pytest.approx([-2.4076059644] * 2)
    assert parts["model"].tolist()[0] == pytest.approx([-0.5 * math.log(3)] * 2)
    whole = weigh_new({"all": words + photos}, none, top, 2)
    torch.testing.assert_close(sum(whole.values()), sum(parts.values()))


def test_the_models_surety_counts_by_half_as_the_figures_say():
    """Of the weights that find as many with examples, the one that loses fewest without.

    As many is: within three points of the best on each set, where equally many pictures are lost.
    """
    page = Path(__file__).parents[3] / "docs" / "extend-figures.md"
    table = page.read_text().split("| set | new | examples | HEED |")[1]
    finds, loses = {}, {}
    for line in table.splitlines()[2:]:
        if not line.startswith("|"):
            break
        data, way, examples, heed, found, _, fall = (one.strip() for one in line.split("|")[1:-1])
        if examples == "yes":
            finds.setdefault((data, way), {})[float(heed)] = float(found)
        else:
            loses.setdefault(float(heed), []).append(float(fall))
    assert len(finds) == 4
    good = [h for h in loses if all(max(t.values()) - t[h] <= 3 for t in finds.values())]
    assert min(good, key=lambda heed: sum(loses[heed])) == HEED


@given(st.lists(st.lists(finite, min_size=3, max_size=3), min_size=1, max_size=5))
def test_rivals_are_a_loop_over_all_that_new_species_are_weighed_against(table):
    scores = torch.tensor(table, dtype=torch.float64)
    found = rivals(scores[:, 1:], scores[:, 0])
    for row, own in zip(found.tolist(), table, strict=True):
        assert math.exp(row) == pytest.approx(sum(math.exp(value) for value in own))


def test_without_old_classes_there_are_pictures_in_general_alone():
    none = torch.tensor([0.5, -2.0])
    assert torch.equal(rivals(torch.empty(2, 0), none), none)


@given(st.floats(0, 1))
def test_odds_are_the_models_within_1_and_99_per_cent(probability):
    p = min(max(probability, 0.01), 0.99)
    found = float(odds(torch.tensor([probability], dtype=torch.float64).log()))
    assert found == pytest.approx(math.log(p / (1 - p)), abs=1e-9)


@given(st.lists(finite, min_size=1, max_size=40), st.integers(0, 50))
def test_a_level_from_old_pictures_loses_no_more_than_it_may(values, lost):
    old = torch.tensor(values, dtype=torch.float64)
    level = level_from_old(old, lost)
    assert sum(value > level for value in values) <= lost
    # the least: just below it one more is lost, if there is one
    below = sorted(values, reverse=True)[min(lost, len(values) - 1)]
    assert below <= level <= below + 1e-4


@given(st.lists(finite, max_size=20))
def test_a_level_from_new_photos_keeps_those_above_the_lower_quartile_and_is_never_below_0(values):
    new = torch.tensor(values, dtype=torch.float64)
    level = level_from_new(new)
    assert level >= 0
    if level > 0:
        lower = math.ceil((len(values) - 1) / 4)  # values below the lower quartile
        assert sum(value > level for value in values) >= len(values) - lower


def test_a_level_from_no_photos_asks_nothing():
    assert level_from_new(torch.empty(0)) == 0
    assert level_from_new(torch.tensor([-4.0, -3.0])) == 0
