"""The species: their names, how they differ, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgmm.fieldguide import ATTRIBUTES, FieldGuide
from fgmm.fieldguide.species import describe, invent_species

DEFAULTS = {"plain", "no"}


def test_two_hundred_and_forty_species_with_names_of_their_own(guide):
    assert len(guide.species) == 240
    assert len({s.name for s in guide.species}) == 240
    assert len({s.scientific_name for s in guide.species}) == 240
    assert len({tuple(s.attributes.values()) for s in guide.species}) == 240


def test_every_species_has_a_value_for_every_attribute(guide):
    for species in guide.species:
        assert list(species.attributes) == list(ATTRIBUTES)
        assert all(species.attributes[key] in values for key, values in ATTRIBUTES.items())


def test_every_value_of_every_attribute_is_worn_by_a_base_and_a_novel_species(guide):
    for part in (guide.base, guide.novel):
        for key, values in ATTRIBUTES.items():
            assert {s.attributes[key] for s in part} == set(values)


def test_base_and_novel_part_the_guide(guide):
    assert len(guide.novel) == 80
    assert {s.name for s in guide.base}.isdisjoint(s.name for s in guide.novel)
    names = sorted(s.name for s in (*guide.base, *guide.novel))
    assert names == sorted(s.name for s in guide.species)


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_every_species_has_a_neighbour_that_differs_in_one_or_two_attributes(seed):
    species = FieldGuide(seed).species
    table = np.array([list(s.attributes.values()) for s in species])
    apart = (table[:, None] != table[None]).sum(-1)
    np.fill_diagonal(apart, len(ATTRIBUTES))
    assert apart.min(1).max() <= 2
    assert apart.min() >= 1


def test_another_seed_is_another_guide(guide):
    other = FieldGuide(1)
    assert not {tuple(s.attributes.values()) for s in guide.species} >= {
        tuple(s.attributes.values()) for s in other.species
    }
    assert [s.name for s in FieldGuide(0).species] == [s.name for s in guide.species]


def test_differences_name_both_values(guide):
    one, two = guide.species[0], guide.species[1]
    there, back = one.differences(two), two.differences(one)
    assert there == {key: (a, b) for key, (b, a) in back.items()}
    assert one.differences(one) == {}


def test_what_is_known_of_a_species_cannot_be_changed(guide):
    with pytest.raises(TypeError, match="does not support item assignment"):
        guide.species[0].attributes["size"] = "huge"
    with pytest.raises(AttributeError, match="cannot assign"):
        guide.species[0].name = "phoenix"


@pytest.mark.parametrize(("genera", "each"), [(0, 6), (136, 6), (40, 0), (40, 11)])
def test_a_guide_that_cannot_be_named_is_refused(genera, each):
    with pytest.raises(ValueError, match=rf"no guide of {genera} genera with {each} species"):
        invent_species(genera, each)


# --- the sentence

birds = st.fixed_dictionaries({key: st.sampled_from(values) for key, values in ATTRIBUTES.items()})


def test_the_sentence_says_every_mark(guide):
    for species in guide.species:
        words = species.sentence.replace(",", "").split()
        for key, value in species.attributes.items():
            if value not in DEFAULTS:
                assert value in words, (species.sentence, key)
        for mark in ("crown", "crest", "eyebrow", "eye ring", "throat", "wing bars"):
            worn = species.attributes[mark] not in DEFAULTS
            assert (mark.removesuffix("s") in species.sentence) == worn, (species.sentence, mark)


def test_a_sentence_worked_by_hand():
    first_values = {key: values[0] for key, values in ATTRIBUTES.items()}
    bird = {**first_values, "size": "large", "back colour": "olive", "bill colour": "orange"}
    bird |= {"eye ring": "white", "wing bars": "two", "breast pattern": "barred", "legs": "red"}
    assert describe(bird) == (
        "a large olive bird with a conical orange bill, a white eye ring, a barred white breast, "
        "two white wing bars, a short tail and red legs"
    )


@given(bird=birds, key=st.sampled_from(sorted(ATTRIBUTES)), data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_bird_that_differs_reads_differently(bird, key, data):
    other = {**bird, key: data.draw(st.sampled_from(ATTRIBUTES[key]))}
    assert (describe(bird) == describe(other)) == (bird == other)
