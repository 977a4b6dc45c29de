"""The table of what is gained and lost, against counting one by one."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fgmm.errors import ModelError
from fgmm.recognition.tradeoff import Judged, owners_of, weigh_up

pictures = st.lists(st.tuples(st.floats(-20, 20), st.booleans()), min_size=1, max_size=30)


def judged(told):
    return Judged(
        torch.tensor([margin for margin, _ in told], dtype=torch.float64),
        torch.tensor([right for _, right in told], dtype=torch.bool),
    )


@given(pictures, pictures, st.floats(-25, 25))
def test_every_row_counts_one_by_one(old, new, level):
    table = weigh_up(judged(old), judged(new), level, "some", "others", labelled=True)
    assert table.in_use.level == level
    assert [row.level for row in table.rows] == sorted((r.level for r in table.rows), reverse=True)
    assert table.before == (sum(right for _, right in old), len(old))
    for row in table.rows:
        assert row.kept == (sum(not margin > row.level for margin, _ in old), len(old))
        assert row.right == (sum(r and not m > row.level for m, r in old), len(old))
        assert row.found == (sum(right and margin > row.level for margin, right in new), len(new))


@given(pictures, pictures)
def test_a_more_cautious_row_keeps_and_finds_no_more_and_no_two_do_the_same(old, new):
    rows = weigh_up(judged(old), judged(new), 0.0, "some", "others", labelled=False).rows
    for one, other in pairwise(rows):
        assert one.kept.right >= other.kept.right
        assert one.found.right <= other.found.right
        assert (one.kept, one.found) != (other.kept, other.found)
    assert all(row.right is None for row in rows)


def test_without_old_pictures_levels_find_so_many_new_ones():
    new = judged([(float(value), True) for value in range(1, 9)])
    table = weigh_up(Judged.none(), new, 100.0, "none", "eight", labelled=True)
    assert [row.found.right for row in table.rows] == [0, 4, 6, 7, 8]
    assert table.before is None
    assert str(table).splitlines()[1].split() == [
        "100.00",
        "?",
        "?",
        "0",
        "of",
        "8",
        "<-",
        "in",
        "use",
    ]


def test_levels_lose_a_share_of_the_old_pictures_and_no_more():
    old = judged([(float(value), True) for value in range(30)])
    rows = weigh_up(old, judged([(0.5, True)]), 100.0, "thirty", "one", labelled=True).rows
    # of 30: 0.5, 1 and 2 % are none, 5 % is one, and 10 and 20 % are three and six
    assert [30 - row.kept.right for row in rows] == [0, 1, 3, 6]


def test_new_photos_that_are_taken_for_another_set_no_level():
    right = [(float(value), True) for value in range(1, 9)]
    wrong = [(float(value), False) for value in range(50, 60)]
    tables = [
        weigh_up(Judged.none(), judged(told), 100.0, "none", "some", labelled=True)
        for told in (right, right + wrong)
    ]
    assert [row.level for row in tables[0].rows] == [row.level for row in tables[1].rows]
    assert [row.found.right for row in tables[1].rows] == [0, 4, 6, 7, 8]


def test_labels_are_places_and_a_wrong_one_is_told():
    assert owners_of(None, 2, ["a"]).tolist() == [0, 0]
    assert owners_of(["b", "a", "b"], 3, ["a", "b"]).tolist() == [1, 0, 1]
    with pytest.raises(ModelError, match="'c' is no label"):
        owners_of(["c"], 1, ["a", "b"])
    with pytest.raises(ModelError, match="for 2 pictures: give a list"):
        owners_of(["a"], 2, ["a", "b"])
