"""Tables as people write them by mistake: each refused with file, line and the cure for it."""

from __future__ import annotations

import re

import pytest

from knowledge import read_graph
from knowledge.errors import FormatError, UnclearFormat

MISTAKES = {
    "percent without its sign": (["concept,red", "robin,95"], 2, "write 95% if it is"),
    "beyond a percentage": (["concept,red", "robin,950"], 2, "'950' is no .*: correct it"),
    "below 0": (["concept,red", "robin,-1"], 2, "'-1' is no .*: correct it"),
    "decimal comma, quoted": (["concept,red", 'robin,"0,95"'], 2, r"decimal point, 0\.95$"),
    "decimal comma, percent": (["concept;red", "robin;62,5%"], 2, r"decimal point, 62\.5%$"),
    "decimal comma, bare": (["concept,red", "robin,0,95"], 2, "if 0,95 is one number"),
    "decimal comma, semicolon": (["concept;red;a", "robin;0,5;1"], 2, r"decimal point, 0\.5$"),
    "too many cells": (["concept,red", "robin,1,x"], 2, "or put cells that contain ',' in quotes"),
    "comment": (["# my birds", "concept,red", "robin,0.9"], 1, "a comment, .*: take it out"),
    "comment, comma": (["# a, b", "concept,red", "robin,0.9"], 1, "'# a' begins with #"),
    "comment, lower": (["", "# my birds", "concept,red", "robin,0.9"], 2, "a comment"),
    "header only": (["concept,red"], 1, "one row only; .*: add a row for each concept"),
    "no header": (["robin,0.95", "wren,0"], 1, "the first row has strengths; .*: add it above"),
    "no header, lower": (["", "", "robin,95%"], 3, "the first row has strengths"),
    "no header, words": (["robin,yes,no", "wren,no,no"], 1, "the first row has strengths"),
    "open quote": (["concept,red", "wren,0", "", '"robin,0.9', "owl,0"], 4, "check the quotes of"),
    "open quote, unknown": (["concept,red", "", '"robin,0.9', "owl,0"], 3, "close the quote"),
    "no strength": (["concept,rank,parent", "robin,species,bird"], 1, "call its two columns child"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_line_and_cure(write, name):
    lines, line, said = MISTAKES[name]
    path = write("birds.csv", *lines)
    with pytest.raises(FormatError) as caught:
        read_graph(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert re.search(said, str(caught.value)), caught.value


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_what_excel_calls_unicode_text(write, encoding):
    path = write("birds.txt", "\ufeffconcept\tred\nrobin\t1".encode(encoding))
    with pytest.raises(FormatError, match=r":1: UTF-16, not UTF-8: .* 'CSV UTF-8'"):
        read_graph(path)


@pytest.mark.parametrize(
    "lines",
    [
        ["what is this?"],
        ["Dear friend,", "this is, well, a letter"],
        ["# a comment", "and prose"],
        ["# a comment, too", "@base, a", "@base, b"],
        ["classes;", "three"],
    ],
)
def test_what_looks_like_no_table_is_not_called_one(write, lines):
    with pytest.raises(UnclearFormat, match=r":1: of no format"):
        read_graph(write("x", *lines))


def test_yes_and_no_true_and_false_are_strengths(read):
    graph = read("b.csv", "concept,red,small,No", "robin,yes,No,", "wren,TRUE,false,0.5")
    assert graph.attributes("robin") == {"red": 1, "small": 0}
    assert graph.attributes("wren") == {"red": 1, "small": 0, "No": 0.5}
    only = read("c.csv", "concept,red", "robin,yes")
    assert only.attributes("robin") == {"red": 1}
    long = read("d.csv", "concept,attribute,strength", "robin,red,no")
    assert long.attributes("robin") == {"red": 0}
