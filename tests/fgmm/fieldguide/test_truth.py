"""The guide's graph says what the guide says, and nothing else."""

from __future__ import annotations

import pytest

from fgmm.fieldguide import ATTRIBUTES, PARTS, FieldGuide, graph
from knowledge import AttributeMatrix, describe, tell_apart


@pytest.fixture(scope="module")
def guide():
    return FieldGuide()


@pytest.fixture(scope="module")
def birds():
    return graph()


def test_the_graph_is_sound_and_whole(birds, guide):
    assert birds.validate() == []
    assert [bird.id for bird in birds.leaves()] == [species.name for species in guide.species]
    ranks = {tuple(c.rank for c in birds.lineage(bird)) for bird in birds.leaves()}
    assert ranks == {("species", "genus", "class")}


def test_every_species_is_found_and_says_its_sentence(birds, guide):
    for species in guide.species:
        found = birds.find(species.scientific_name)
        assert found.id == species.name
        assert birds.parents(found)[0].id == species.genus
        assert [text.text for text in birds.descriptions(found)] == [species.sentence]


def test_every_attribute_is_there_with_strength_one(birds, guide):
    about = {
        "size": "",
        "back colour": "back",
        "tail shape": "tail",
        "throat": "throat",
        "crest": "crest",
        "wing bars": "wing bar",
    }
    for species in guide.species:
        facts = list(birds.relations(species.name, kind="has-attribute"))
        assert sorted(f.target for f in facts) == sorted(species.attributes.values())
        assert {f.strength for f in facts} == {1.0}
        for key, part in about.items():
            assert birds.attributes(species.name, part=part) == {species.attributes[key]: 1.0}
        bill = {species.attributes["bill shape"], species.attributes["bill colour"]}
        assert set(birds.attributes(species.name, part="bill")) == bill


def test_two_values_of_one_part_are_never_the_same_word():
    # Otherwise a fact would say two things: of the bill's shape and of its colour.
    for one, two in [("bill shape", "bill colour"), ("breast colour", "breast pattern")]:
        assert not set(ATTRIBUTES[one]) & set(ATTRIBUTES[two])


def test_what_tells_two_species_apart_is_what_differs(birds, guide):
    matrix = AttributeMatrix.of(birds, birds.leaves())
    common = guide.species[0]
    for other in guide.species[1:30]:
        apart = tell_apart(matrix, common.name, other.name)
        differs = common.differences(other).values()
        assert sorted(d.trait.attribute for d in apart) == sorted(v for two in differs for v in two)


def test_parts_with_a_box_have_the_name_of_the_box(birds):
    parts = {part.id for part in birds.concepts(kind="part")}
    assert set(PARTS) - parts == {"eye", "wing"}  # what is said of them is of ring and bars


def test_another_guide_is_another_graph(birds):
    other = graph(FieldGuide(seed=1))
    assert other != birds
    assert len(other.leaves()) == 240
    assert {fact.source for fact in other.relations()} == {"field guide 1"}


def test_a_twin_is_described_by_what_it_differs_in_first(birds, guide):
    common, twin = guide.species[:2]
    first = describe(birds, twin.name, among=[common.name])[0]
    differs = [value for value, _ in twin.differences(common).values()]
    assert sorted(fact.target for fact in first.facts[: len(differs)]) == sorted(differs)
