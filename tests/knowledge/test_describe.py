"""Sentences by hand, and what holds of all of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge import AttributeMatrix, Concept, KnowledgeGraph, Relation, describe, load_pack
from knowledge.errors import ConceptNotFound, GraphError
from knowledge.phrases import compose, read_phrase

NOTES = {"source": "notes"}


def graph_of(looks: dict[str, dict[tuple[str, str], float]], root: str = "bird") -> KnowledgeGraph:
    """Concepts below one root, each with attributes of parts and their strengths."""
    graph = KnowledgeGraph()
    graph.add(Concept(root, **NOTES))
    for id, traits in looks.items():
        graph.add(Concept(id, **NOTES), Relation(id, "is-a", root, **NOTES))
        for (attribute, part), strength in traits.items():
            graph.add(Concept(attribute, kind="attribute", **NOTES))
            if part:
                graph.add(Concept(part, kind="part", **NOTES))
            fact = {"strength": strength, "part": part, **NOTES}
            graph.add(Relation(id, "has-attribute", attribute, **fact))
    return graph


@pytest.fixture
def gulls():
    """Both are white and have a bill; what differs most is the legs, then the size."""
    return graph_of(
        {
            "herring gull": {
                ("white", ""): 1.0,
                ("large", ""): 0.8,
                ("pink", "legs"): 0.9,
                ("hooked", "bill"): 0.9,
                ("yellow", "bill"): 0.9,
                ("spotted", "head"): 0.3,
            },
            "common gull": {
                ("white", ""): 1.0,
                ("large", ""): 0.1,
                ("yellow", "legs"): 0.9,
                ("hooked", "bill"): 0.5,
                ("yellow", "bill"): 0.7,
            },
        }
    )


def targets(sentences) -> list[tuple[str, str]]:
    return [(fact.target, fact.part) for s in sentences for fact in s.facts]


def test_the_most_distinguishing_comes_first(gulls):
    # Differences by hand: legs 0.9, size 0.7, hooked 0.4, yellow bill 0.2, white 0.
    (sentence,) = describe(gulls, "herring gull")
    assert sentence.text == "a large white bird with pink legs and a hooked yellow bill"
    assert targets([sentence]) == [
        ("pink", "legs"),
        ("large", ""),
        ("hooked", "bill"),
        ("yellow", "bill"),
        ("white", ""),
    ]
    assert str(sentence) == sentence.text


def test_what_does_not_fit_goes_to_the_next_sentence(gulls):
    texts = [s.text for s in describe(gulls, "herring gull", max_words=7)]
    assert texts == [
        "a large bird with pink legs",
        "a bird with a hooked yellow bill",
        "a white bird",
    ]
    assert [s.text for s in describe(gulls, "herring gull", max_words=7, count=1)] == texts[:1]


def test_an_attribute_too_long_for_any_sentence_is_left_out():
    graph = graph_of(
        {"crow": {("longer than all the rest of it", "tail"): 1.0, ("black", ""): 0.9}}
    )
    assert [s.text for s in describe(graph, "crow", max_words=5)] == ["a black bird"]
    assert describe(graph, "crow", max_words=2) == []


def test_what_it_is_told_from_changes_the_order(gulls):
    gulls.add(Concept("crow", **NOTES))
    gulls.add(Relation("crow", "has-attribute", "large", strength=0.8, **NOTES))
    gulls.add(Relation("crow", "has-attribute", "pink", strength=0.9, part="legs", **NOTES))
    first = describe(gulls, "herring gull", among=["crow"])[0]
    assert targets([first])[0] == ("white", "")
    # Itself among them, and a matrix made before, change nothing.
    assert describe(gulls, "herring gull", among=["herring gull", "crow"])[0] == first
    matrix = AttributeMatrix.of(gulls, ["crow", "herring gull"])
    assert describe(gulls, "herring gull", among=matrix)[0] == first


def test_without_siblings_those_of_its_parents_count(gulls):
    gulls.add(Concept("juvenile", **NOTES), Relation("juvenile", "is-a", "herring gull", **NOTES))
    assert describe(gulls, "juvenile") == describe(gulls, "herring gull")


def test_the_nearest_that_speaks_of_a_trait_is_believed(gulls):
    gulls.add(Concept("juvenile", **NOTES), Relation("juvenile", "is-a", "herring gull", **NOTES))
    gulls.add(Relation("juvenile", "has-attribute", "white", strength=0.0, **NOTES))
    gulls.add(Relation("juvenile", "has-attribute", "pink", strength=0.7, part="legs", **NOTES))
    sentences = describe(gulls, "juvenile")
    assert ("white", "") not in targets(sentences)
    legs = [f for s in sentences for f in s.facts if f.target == "pink"]
    assert [(f.subject, f.strength) for f in legs] == [("juvenile", 0.7)]


def test_every_source_of_a_trait_is_linked(gulls):
    gulls.add(
        Relation("herring gull", "has-attribute", "white", strength=0.6, source="another book")
    )
    facts = [f for s in describe(gulls, "herring gull") for f in s.facts if f.target == "white"]
    assert sorted(f.source for f in facts) == ["another book", "notes"]


def test_the_word_for_the_whole(gulls):
    assert describe(gulls, "herring gull", word="gull")[0].text.startswith(
        "a large white gull with"
    )
    gulls.add(Concept("stone", **NOTES), Relation("stone", "has-attribute", "large", **NOTES))
    assert describe(gulls, "stone")[0].text == "a large thing"
    assert describe(gulls, "bird") == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_words": 0}, "max_words is 0"),
        ({"count": 0}, "count is 0"),
        ({"least": 0.0}, "least is 0.0"),
        ({"least": 1.5}, "least is 1.5"),
        ({"word": " "}, "word is ' '"),
        ({"among": "crow"}, "among is 'crow'"),
    ],
)
def test_what_makes_no_sense_is_refused(gulls, wrong, message):
    with pytest.raises(GraphError, match=message):
        describe(gulls, "herring gull", **wrong)


def test_unknown_concepts_are_not_found(gulls):
    with pytest.raises(ConceptNotFound):
        describe(gulls, "ostrich")
    with pytest.raises(ConceptNotFound):
        describe(gulls, "herring gull", among=["ostrich"])
    with pytest.raises(ConceptNotFound):
        describe(gulls, "herring gull", among=AttributeMatrix.of(gulls, ["common gull"]))


# Attribute, part, and how the two read of a bird.
READ = [
    ("curved", "bill", "a bird with a curved bill"),
    ("bill: curved", "bill", "a bird with a curved bill"),
    ("orange", "bill", "a bird with an orange bill"),
    ("curved (up or down) bill", "bill", "a bird with a curved bill"),
    ("rounded wings", "wing", "a bird with rounded wings"),
    ("spotted", "wing", "a bird with a spotted wing"),
    ("spotted wing pattern", "wing", "a bird with a spotted wing pattern"),
    ("bill longer than head", "bill", "a bird with a bill longer than the head"),
    ("bill about the same as head", "bill", "a bird with a bill about the same as the head"),
    ("grey upper tail", "upper tail", "a bird with a grey upper tail"),
    ("blue primary color", "", "a blue bird"),
    ("small (5 - 9 in) size", "", "a small bird"),
    ("owl-like shape", "", "an owl-like bird"),
    ("many", "petals", "a bird with many petals"),
    ("two", "wing bar", "a bird with two wing bars"),
    ("one", "wing bar", "a bird with one wing bar"),
    ("no", "crest", "a bird with no crest"),
    ("red", "feet", "a bird with red feet"),
    ("glossy", "plumage", "a bird with glossy plumage"),
    ("yellow", "iris", "a bird with a yellow iris"),
    ("on a tall stem", "", "a bird on a tall stem"),
    ("a dark ring", "", "a bird with a dark ring"),
    ("a black spot", "bill", "a bird with a black spot on the bill"),
    ("with tiny flowers in the middle", "", "a bird with tiny flowers in the middle"),
    ("white spots", "", "a bird with white spots"),
    ("red breast", "", "a bird with a red breast"),
    ("hooked_bill", "", "a bird with a hooked bill"),
    ("bill shape: hooked", "bill", "a bird with a hooked bill"),
    ("colour: red", "", "a red bird"),
    ("medium-sized", "", "a medium-sized bird"),
    ("unique", "eye", "a bird with a unique eye"),
    ("uneven", "eye", "a bird with an uneven eye"),
    ("uninterrupted", "line", "a bird with an uninterrupted line"),
]


@pytest.mark.parametrize(("attribute", "part", "text"), READ)
def test_how_attributes_read(attribute, part, text):
    assert compose("bird", [read_phrase(attribute, part)]) == text


def test_a_part_comes_once_with_number_size_the_rest_and_colour_in_this_order():
    names = ["yellow", "pointed", "long", "five", "red"]
    phrases = [read_phrase(name, "petals") for name in names]
    assert (
        compose("flower", [*phrases, read_phrase("in a spike"), read_phrase("on a tree")])
        == "a flower with five long pointed yellow and red petals, in a spike and on a tree"
    )


def test_three_parts_are_listed():
    phrases = [read_phrase("red", part) for part in ("bill", "eye", "legs")]
    assert compose("bird", phrases) == "a bird with a red bill, a red eye and red legs"


TRAITS = st.dictionaries(
    st.tuples(
        st.sampled_from(["red", "large", "many", "hooked", "in a tree", "a dark ring", "spots"]),
        st.sampled_from(["", "bill", "legs"]),
    ),
    st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]),
    max_size=12,
)


@settings(max_examples=60)
@given(TRAITS, TRAITS, TRAITS, st.integers(1, 15), st.none() | st.integers(1, 4))
def test_what_holds_of_all_sentences(one, two, three, max_words, count):
    graph = graph_of({"one": one, "two": two, "three": three})
    sentences = describe(graph, "one", max_words=max_words, count=count)
    facts = [fact for sentence in sentences for fact in sentence.facts]
    said = targets(sentences)
    assert set(facts) <= set(graph.relations("one"))  # true in the graph
    assert all(fact.strength >= 0.5 for fact in facts)
    assert len(set(said)) == len(said)  # nothing twice
    assert all(sentence.facts for sentence in sentences)
    assert all(len(sentence.text.split()) <= max_words for sentence in sentences)
    assert count is None or len(sentences) <= count
    gains = [one[t] - (two.get(t, 0) + three.get(t, 0)) / 2 for t in said]
    assert all(a >= b - 1e-9 for a, b in pairwise(gains))
    for sentence in sentences:  # what a fact says can be read
        for fact in sentence.facts:
            words = f"{fact.target} {fact.part}".split()
            assert all(word in sentence.text for word in words)
    if count is None and max_words == 15:  # room for the longest: all that is true is said
        assert set(said) == {trait for trait, strength in one.items() if strength >= 0.5}


@pytest.mark.parametrize("name", ["flowers", "grocery"])
def test_every_class_of_the_packs_is_described(name):
    graph = load_pack(name)
    leaves = graph.leaves()
    matrix = AttributeMatrix.of(graph, leaves, inherited=True)
    texts = {}
    for leaf in leaves:
        sentences = describe(graph, leaf, among=matrix, max_words=16)
        texts[leaf.id] = sentences[0].text
        strong = {
            (f.target, f.part)
            for f in graph.relations(leaf, kind="has-attribute")
            if f.strength >= 0.5
        }
        assert set(targets(sentences)) == strong
        assert sentences == describe(load_pack(name), leaf.id, among=leaves, max_words=16)
    assert len(set(texts.values())) == len(texts)


def test_what_two_share_does_not_come_first():
    flowers = load_pack("flowers")
    first = describe(flowers, "sunflower", among=["oxeye daisy"], max_words=8, count=1)[0]
    assert "yellow petals" in first.text
    assert "daisy-like" not in first.text  # both are


@pytest.mark.data
def test_cub_reads_well(data_folder):
    folder = data_folder / "knowledge" / "cub"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    from knowledge import read_graph

    graph = read_graph(folder)
    matrix = AttributeMatrix.of(graph, graph.leaves())
    for bird in graph.leaves()[::25]:
        for sentence in describe(graph, bird, among=matrix, word="bird"):
            assert sentence.text.split()[0] in ("a", "an")
            assert not set(sentence.text) & set("_:()")
            assert " color" not in sentence.text
