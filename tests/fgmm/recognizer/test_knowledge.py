"""A recogniser with a graph: lineages, evidence, and facts of the user's own."""

from __future__ import annotations

import pytest
import torch

from fgmm import Recognizer, classify
from fgmm.errors import LibraryError
from knowledge import Concept, KnowledgeGraph, Relation


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
    words = moment.scorer.weights[0]
    assert words < 0.9
    picture = shades("ruby", 9)[0]
    _, joint = made._layers.split(made._layers.encode_one(picture))
    told = moment.knowledge.evidence
    expected = words * told.nats(told.scores(joint))[0]
    torch.testing.assert_close(
        made.classify(picture).evidence["knowledge"], expected, rtol=1e-4, atol=1e-5
    )
