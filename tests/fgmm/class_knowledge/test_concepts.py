"""Candidates found in a graph, and what is said where they are not."""

from __future__ import annotations

import logging

import pytest

from fgmm.candidates import candidates_key, read_candidates
from fgmm.class_knowledge.concepts import common_word, find_concepts
from fgmm.errors import CandidateError
from knowledge import Concept, Relation


def find(graph, candidates):
    return find_concepts(graph, read_candidates(candidates_key(candidates)))


def test_by_label_or_else_by_name(stones):
    assert find(stones, ["Ruby", "emerald"]) == ("ruby", "emerald")
    assert find(stones, {"ruby": "a red thing", "x": ["green one", "Emerald"]}) == (
        "ruby",
        "emerald",
    )
    # the label decides, whatever the names are
    assert find(stones, {"ruby": "emerald", "emerald": "ruby"}) == ("ruby", "emerald")


def test_the_unknown_are_named_with_the_nearest(stones, caplog):
    with caplog.at_level(logging.WARNING, logger="fgmm"):
        found = find(stones, {"ruby": "ruby", "049": ["emeralt"], "saphire": ["saphire"]})
    assert found == ("ruby", None, None)
    (record,) = caplog.records
    said = record.getMessage()
    assert "2 of 3" in said
    assert "'049'" in said
    assert "'emeralt'; the nearest is 'emerald'" in said
    assert "'saphire'; the nearest is 'sapphire'" in said
    caplog.clear()
    assert None not in find(stones, ["ruby", "opal"])
    assert not caplog.records


def test_a_long_list_of_unknown_is_cut(stones, caplog):
    with caplog.at_level(logging.WARNING, logger="fgmm"):
        find(stones, ["ruby", *(f"thing {i}" for i in range(9))])
    said = caplog.records[0].getMessage()
    assert said.endswith("...")
    assert "thing 2" in said
    assert "thing 3" not in said


@pytest.mark.parametrize(
    ("candidates", "match"),
    [
        (["rubi", "saphire"], "knows none of the 2.*'rubi'.*Give names it has, or its ids"),
        (["ruby", "wren"], "candidate 'wren': 2 concepts are called 'wren'"),
        ({"a": "ruby", "b": "Ruby"}, "candidates 'a' and 'b' are one concept, 'ruby': give one"),
        ({"red or green": ["ruby", "emerald"]}, "several concepts, ruby, emerald: give names of"),
        (
            {"x": "wren"},
            "candidate 'x': 2 concepts are called 'wren'.*Give the id of one as the label",
        ),
    ],
)
def test_what_cannot_be_told_is_an_error_with_its_cure(stones, candidates, match):
    for id in ("wren stone", "wren gem"):
        stones.add(Concept(id, common=("wren",), source="notes"))
    with pytest.raises(CandidateError, match=match):
        find(stones, candidates)


def test_ids_as_labels_are_the_cure_for_an_ambiguous_name(stones):
    for id in ("wren stone", "wren gem"):
        stones.add(Concept(id, common=("wren",), source="notes"))
    assert find(stones, {"wren gem": ["wren"], "ruby": "ruby"}) == ("wren gem", "ruby")


def test_the_word_is_the_one_root(stones):
    assert common_word(stones, ("ruby", None, "opal")) == "stone"
    stones.add(Concept("moss", source="notes"))
    assert common_word(stones, ("ruby", "moss")) == "thing", "two roots"
    assert common_word(stones, ("moss",)) == "thing", "a root that is a candidate itself"
    stones.add(Concept("quartz", source="notes"), Relation("quartz", "is-a", "moss", source="n"))
    assert common_word(stones, ("quartz", None)) == "moss"
