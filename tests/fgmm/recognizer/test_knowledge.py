"""A recogniser with a graph: lineages, evidence, and facts of the user's own."""

from __future__ import annotations

import pytest
import torch

from fgmm import Recognizer, classify
from fgmm.errors import LibraryError
from knowledge import Concept, KnowledgeGraph, Relation
from knowledge.errors import CyclicGraph


@pytest.fixture
def graph() -> KnowledgeGraph:
    """Gems that are red or blue, and a plant."""
    made = KnowledgeGraph()
    for name, above in (("gem", ""), ("ruby", "gem"), ("sapphire", "gem"), ("fern", "")):
        made.add(Concept(name, rank="kind" if not above else "species", source="notes"))
        if above:
            made.add(Relation(name, "is-a", above, source="notes"))
    for name, colour in (("ruby", "red"), ("sapphire", "blue")):
        made.add(Concept(colour, kind="attribute", source="notes"))
        made.add(Relation(name, "has-attribute", colour, source="notes"))
    return made


def test_words_and_a_graph_are_what_classify_says(graph, shades):
    made = Recognizer("fake", graph)
    made.add_species("ruby")
    made.add_species("sapphire")
    picture = shades("ruby", 0)[0]
    found = made.classify(picture)
    expected = classify(picture, ["ruby", "sapphire"], encoder="fake", knowledge=graph)
    assert torch.allclose(found.logits, expected.logits, atol=1e-4)
    assert torch.allclose(found.evidence["knowledge"], expected.evidence["knowledge"], atol=1e-4)
    assert [str(one) for one in found.reasons()] == [str(one) for one in expected.reasons()]
    assert found.rollup("kind")[0].label == "gem"
    only = made.classify(picture, ["sapphire"])
    assert only.backoff(0.1).label in ("sapphire", "gem")


def test_what_is_said_of_a_species_goes_into_a_copy_of_the_graph(graph, shades):
    facts = len(graph), len(list(graph.relations()))
    made = Recognizer("fake", graph)
    made.add_species("sapphire")
    made.add_species("garnet", attributes={"red": 1.0}, parent="gem")
    assert (len(graph), len(list(graph.relations()))) == facts
    found = made.classify(shades("ruby", 0)[0])
    assert found.label == "garnet"
    assert any("red" in one.text for one in found.reasons())
    assert {one.label for one in found.rollup("kind")} == {"gem"}


def test_attributes_count_without_a_graph_too(shades):
    made = Recognizer("fake")
    made.add_species("one", attributes={"red": 1.0})
    made.add_species("two", attributes={"blue": 1.0})
    assert made.classify(shades("ruby", 0)[0]).label == "one"
    assert made.classify(shades("sky", 0)[0]).label == "two"
    made.remove("one")
    made.remove("two")
    made.add_species("three")
    assert set(made.classify(shades("sky", 0)[0]).evidence) == {"text", "photos"}


def test_two_species_that_are_one_concept_are_refused(graph):
    graph.replace(Concept("ruby", common=("ruby", "red gem"), rank="species", source="notes"))
    made = Recognizer("fake", graph)
    made.add_species("ruby")
    with pytest.raises(LibraryError, match="one concept of the graph, 'ruby': merge them"):
        made.add_species("red gem")
    assert len(made) == 1


def test_pictures_alone_use_lineages(graph, pictures_only, shades):
    made = Recognizer(pictures_only, graph)
    made.add_species("ruby", shades("ruby", 0, 1, 2))
    made.add_species("sapphire", shades("sky", 0, 1, 2))
    made.add_species("fern", shades("moss", 0, 1, 2))
    found = made.classify(shades("ruby", 9)[0])
    assert found.rollup("kind")[0].label == "gem"
    both = float(found.probabilities[0] + found.probabilities[1])
    assert found.rollup("kind")[0].probability == pytest.approx(both, abs=1e-5)


def test_a_graph_is_trusted_as_far_as_words_are(shades):
    """Words that name the wrong colours are believed less, and so are such attributes."""
    made = Recognizer("fake")
    made.add_species("one", shades("ruby", 0, 1, 2, 3), attributes={"blue": 1.0})
    made.add_species("two", shades("sky", 0, 1, 2, 3), attributes={"red": 1.0})
    moment = made._moment()
    words = moment.scorer.scale.words
    assert words < 0.9
    picture = shades("ruby", 9)[0]
    _, joint = made._layers.split(made._layers.encode_one(picture))
    told = moment.knowledge.evidence
    expected = words * told.nats(told.scores(joint))[0]
    torch.testing.assert_close(
        made.classify(picture).evidence["knowledge"], expected, rtol=1e-4, atol=1e-5
    )


def test_what_you_say_of_an_attribute_takes_the_place_of_what_the_graph_says(graph):
    graph.add(Relation("ruby", "has-attribute", "red", part="red", strength=0.5, source="others"))
    made = Recognizer("fake", graph)
    made.add_species("ruby", attributes={"red": 0.25, "blue": 0.75})
    own = made._moment().graph
    assert own.attributes("ruby") == {"red": 0.25, "blue": 0.75}  # neither a mean nor the larger
    assert {fact.source for fact in own.relations("ruby", kind="has-attribute")} == {"you"}
    assert own.attributes("sapphire") == {"blue": 1.0}  # nothing was said of it
    assert [above.id for above in own.parents("ruby")] == ["gem"]
    assert graph.attributes("ruby") == {"red": 1.0}  # the caller's own is as it was


def test_an_attribute_that_is_said_not_to_be_there_is_evidence_against(graph, shades):
    picture = shades("ruby", 0)[0]
    told = {}
    for strength in (0.0, 1.0):
        made = Recognizer("fake", graph)
        made.add_species("ruby", attributes={"red": strength})
        made.add_species("sapphire")
        told[strength] = made.classify(picture).evidence["knowledge"][0]
    as_the_graph = Recognizer("fake", graph)
    as_the_graph.add_species("ruby")
    as_the_graph.add_species("sapphire")
    torch.testing.assert_close(
        as_the_graph.classify(picture).evidence["knowledge"][0], told[1.0], rtol=1e-4, atol=1e-5
    )
    assert told[0.0] < told[1.0]


@pytest.mark.parametrize("kind", ["memory", "file"])
@pytest.mark.parametrize(("name", "parent"), [("gem", "ruby"), ("ruby", "ruby"), ("new", "New")])
def test_a_parent_that_makes_a_circle_changes_nothing(graph, kind, name, parent, tmp_path):
    graph.add(Concept("new", source="notes"))
    made = (
        Recognizer("fake", graph)
        if kind == "memory"
        else Recognizer.open(tmp_path / "gems.fgmm", "fake", graph)
    )
    made.add_species("sapphire")
    before = made.collection, made.history()
    with pytest.raises(CyclicGraph, match=f"{name!r} cannot be a kind of {parent!r}"):
        made.add_species(name, parent=parent)
    assert (made.collection, made.history()) == before
    if kind == "file":
        again = Recognizer.load(tmp_path / "gems.fgmm", knowledge=graph)
        assert (again.collection, len(again)) == (before[0], 1)


def test_two_species_cannot_be_kinds_of_each_other():
    made = Recognizer("fake")
    made.add_species("ruby", parent="gem")
    with pytest.raises(CyclicGraph, match="'gem' cannot be a kind of 'ruby'"):
        made.add_species("gem", parent="ruby")
    assert [one.name for one in made.species()] == ["ruby"]


def test_the_class_set_changes_with_attributes_and_parent(shades):
    sets = set()
    for about in (
        {},
        {"parent": "gem"},
        {"attributes": {"red": 1.0}},
        {"attributes": {"red": 0.5}},
    ):
        made = Recognizer("fake")
        made.add_species("ruby", **about)
        sets.add(made.classify(shades("ruby", 0)[0]).provenance["class_set"])
    assert len(sets) == 4
    one, other = Recognizer("fake"), Recognizer("fake")
    one.add_species("ruby", attributes={"red": 1.0, "blue": 0.0})
    other.add_species("ruby", attributes={"blue": 0.0, "red": 1.0})
    picture = shades("ruby", 0)[0]
    assert one.classify(picture).provenance == other.classify(picture).provenance
