"""Folding: which spellings are one name, and which are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge import Concept
from knowledge.names import NameIndex, fold, fold_plural, suggest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Black-footed Albatross", "black footed albatross"),
        ("Black_footed_Albatross", "Black\u2013footed   albatross"),
        ("Rüppell's vulture", "Ruppell\u2019s Vulture"),
        ("Straße", "STRASSE"),
        ("Løvspurv", "lovspurv"),
        ("Mentha \u00d7 piperita", "mentha x piperita"),
        ("St. John's wort", "St Johns wort"),
        ("ÆGITHALOS", "aegithalos"),
        ("ﬁnch", "finch"),
    ],
)
def test_spellings_of_one_name(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("blackbird", "black bird"), ("カモ", "ガモ"), ("+", "-"), ("कि", "की"), ("iris", "irises")],
)
def test_other_names_stay_apart(one, other):
    assert fold(one) != fold(other)


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("rose", "roses"),
        ("iris", "irises"),
        ("crocus", "crocuses"),
        ("albatross", "albatrosses"),
        ("finch", "finches"),
        ("thrush", "thrushes"),
        ("fox", "foxes"),
        ("berry", "berries"),
        ("magpie", "magpies"),
        ("leaf", "leaves"),
        ("wolf", "wolves"),
        ("dove", "doves"),
        ("foxglove", "foxgloves"),
        ("puff", "puffs"),
        ("tomato", "tomatoes"),
        ("mango", "mangos"),
        ("banana", "bananas"),
        ("goose", "geese"),
        ("cactus", "cacti"),
        ("fungus", "fungi"),
        ("alga", "algae"),
        ("kiwi", "kiwis"),
        ("emu", "emus"),
        ("lens", "lenses"),
        ("mouse", "mice"),
        ("bee", "bees"),
        ("tree", "trees"),
        ("bird of paradise", "birds of paradise"),
        ("grass", "grasses"),
        ("species", "species"),
    ],
)
def test_singular_and_plural_share_a_form(one, many):
    assert fold_plural(one) == fold_plural(many)


def test_words_that_only_look_alike_have_forms_of_their_own():
    words = ["bass", "bas relief", "rose", "roe", "ros e", "leaf", "lea", "iris", "ibis", "goose"]
    assert len({fold_plural(word) for word in words}) == len(words)


@given(st.text(max_size=20))
def test_folding_twice_changes_nothing_and_case_does_not_matter(name):
    assert fold(fold(name)) == fold(name)
    assert fold(name.casefold().upper()) == fold(name.casefold().upper().lower())


def test_a_name_as_it_stands_comes_before_its_plural():
    index = NameIndex()
    index.add(Concept("1", common=["glass"], source="x"))
    index.add(Concept("2", common=["glasses"], source="x"))
    assert index.ids("Glasses") == ["2"]
    assert index.ids("GLASS") == ["1"]


def test_the_nearest_names_are_those_a_full_search_finds():
    index = NameIndex()
    names = ["herring gull", "black-headed gull", "common gull", "robin", "rose finch", "é"]
    for name in names:
        index.add(Concept(name, source="x"))
    assert index.nearest("Hering gul", 1) == ["herring gull"]
    assert index.nearest("comon gull", 2)[0] == "common gull"
    assert index.nearest("zzz") == []
    assert NameIndex().nearest("gull") == []
    assert index.nearest("\ud800" * 500) == []


def test_the_nearest_word_is_suggested_as_it_is_written():
    known = ["Sunflower", "corn poppy", "SunFlower", "rose"]
    assert suggest("SUNFLOWER", known) == "; the nearest is 'Sunflower'", "the first of one folding"
    assert suggest("corn popy", known) == "; the nearest is 'corn poppy'"
    assert suggest("robin", ["robins", "robinia"]).startswith("; the nearest are 'robins', ")
    for nothing in (suggest("quartz", known), suggest("", known), suggest("rose", [])):
        assert nothing == ""
