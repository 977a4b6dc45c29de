"""Questions and statements in English, from the names of attributes and parts."""

from __future__ import annotations

import pytest

import knowledge
from knowledge import AttributeMatrix, Concept, KnowledgeGraph, Trait
from knowledge.phrases import compose, is_plural, read_phrase
from knowledge.question_wording import ask_in_words, say_in_words

NOTHING = KnowledgeGraph()


@pytest.mark.parametrize(
    ("trait", "question", "statement"),
    [
        (Trait("yellow", "petals"), "Does it have yellow petals?", "yellow petals"),
        (Trait("hooked", "bill"), "Does it have a hooked bill?", "a hooked bill"),
        (Trait("hooked bill", "bill"), "Does it have a hooked bill?", "a hooked bill"),
        (Trait("bill: hooked", "bill"), "Does it have a hooked bill?", "a hooked bill"),
        (Trait("orange", "eye"), "Does it have an orange eye?", "an orange eye"),
        (Trait("smooth", "skin"), "Does it have smooth skin?", "smooth skin"),
        (Trait("five", "petal"), "Does it have five petals?", "five petals"),
        (Trait("one", "wing bar"), "Does it have one wing bar?", "one wing bar"),
        (Trait("no", "crest"), "Is it without a crest?", "without a crest"),
        (Trait("no", "legs"), "Is it without legs?", "without legs"),
        (
            Trait("longer than head", "bill"),
            "Is its bill longer than the head?",
            "a bill longer than the head",
        ),
        (
            Trait("longer than body", "legs"),
            "Are its legs longer than the body?",
            "legs longer than the body",
        ),
        (Trait("daisy-like"), "Is it daisy-like?", "daisy-like"),
        (Trait("medium"), "Is it medium-sized?", "medium-sized"),
        (Trait("blue primary color"), "Is it blue?", "blue"),
        (Trait("in a cluster"), "Is it in a cluster?", "in a cluster"),
        (Trait("close to the ground"), "Is it close to the ground?", "close to the ground"),
        (Trait("pointed at both ends"), "Is it pointed at both ends?", "pointed at both ends"),
        (Trait("a dark ring"), "Does it have a dark ring?", "a dark ring"),
        (Trait("with white spots"), "Does it have white spots?", "white spots"),
        (Trait("white spots"), "Does it have white spots?", "white spots"),
        (Trait("red breast"), "Does it have a red breast?", "a red breast"),
        (Trait("tail"), "Does it have a tail?", "a tail"),
        (Trait("the word Eko"), "Does it have the word Eko on it?", "the word Eko"),
        (Trait("habitat: forest"), "Is its habitat forest?", "habitat: forest"),
        (Trait("songs: loud"), "Are its songs loud?", "songs: loud"),
    ],
)
def test_a_trait_is_asked_about_and_named(trait, question, statement):
    assert ask_in_words(NOTHING, trait) == question
    assert say_in_words(NOTHING, trait) == statement


def test_names_are_asked_for_and_not_ids():
    graph = KnowledgeGraph()
    graph.add(
        Concept("Q7", kind="attribute", common=["hooked"], source="test"),
        Concept("Q8", kind="part", common=["beak"], source="test"),
    )
    assert ask_in_words(graph, Trait("Q7", "Q8")) == "Does it have a hooked beak?"
    assert say_in_words(graph, Trait("Q7")) == "hooked"


@pytest.mark.parametrize("pack", knowledge.pack_names())
def test_every_trait_of_a_pack_has_a_question_of_its_own(pack):
    graph = knowledge.load_pack(pack)
    traits = AttributeMatrix.of(graph).traits
    questions = [ask_in_words(graph, trait) for trait in traits]
    assert len(set(questions)) == len(traits)
    for question in questions:
        assert question.startswith(("Does it have ", "Is it ", "Is its ", "Are its "))
        assert question.endswith("?")
        assert "attribute:" not in question
        assert "part:" not in question


def test_what_holds_a_preposition_goes_behind_the_noun():
    phrases = [read_phrase(text) for text in ("green", "pointed at both ends")]
    assert compose("fruit", phrases) == "a green fruit pointed at both ends"
    assert compose("flower", [read_phrase("close to the ground")]) == (
        "a flower close to the ground"
    )
    ring = read_phrase("a ring on the tail")
    assert compose("bird", [ring]) == "a bird with a ring on the tail"


def test_plurals():
    assert is_plural("hind legs")
    assert not is_plural("grass")
