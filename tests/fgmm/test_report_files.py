"""Cells of a library's predictions: safe in spreadsheets, and an empty set has a word."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace

from fgmm.command.report_files import Wanted, write_csv
from fgmm.command.species_report import plausible_column


class One(SimpleNamespace):
    """A prediction of a library's species, as far as a report asks."""

    known = None

    def __len__(self) -> int:
        return 1

    def top(self, k: int) -> list[tuple[str, float]]:
        return [("wren", 1.0)][:k]


class Some(list):
    failures = ()


def rows(*predictions: One) -> list[dict[str, str]]:
    file = io.StringIO()
    write_csv(Some(predictions), file, Wanted(1, "fake"))
    return list(csv.DictReader(io.StringIO(file.getvalue())))


def one(abstains: str | None, plausible: tuple[str, ...]) -> One:
    return One(
        name="a.png",
        unknown=0.25,
        abstains=abstains,
        plausible=plausible,
        coverage=0.9,
        scoring="softmax",
    )


def test_names_of_species_that_look_like_formulas_are_no_formulas():
    (row,) = rows(one("=1+1 or other", ("=1+1", "@wren")))
    assert row["abstains"] == "'=1+1 or other"
    assert row["plausible"] == "'=1+1; @wren"
    (row,) = rows(one(None, ()))
    assert (row["abstains"], row["plausible"], row["unknown"]) == ("", "", "0.25")


def test_a_set_of_none_says_so_and_a_long_one_is_cut():
    head, cells = plausible_column([one(None, ()), one(None, ("a",)), one(None, tuple("abcde"))])
    assert head == "plausible, 90%"
    assert cells == ["none", "a", "a, b, c and 2 more"]
