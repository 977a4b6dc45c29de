"""Knowing what it does not know: "none of the species", prediction sets, and abstaining."""

from __future__ import annotations

import math

import pytest
import torch
from PIL import Image

from fgmm import Recognizer
from fgmm.errors import LibraryError
from knowledge import Concept, KnowledgeGraph, Relation


def test_unknown_is_the_odds_of_none_against_a_species_picked_at_random(colours, shades):
    (picture,) = shades("moss", 7)
    found = colours.classify(picture)
    moment = colours._moment()
    kept = colours._layers.encode_one(picture)
    none = float(moment.weigh(kept).none)
    ratios = [math.exp(float(logit) - none) for logit in found.logits]
    assert found.unknown == pytest.approx(1 / (1 + sum(ratios) / len(ratios)), rel=1e-4)


def test_what_was_never_shown_is_less_known(colours, shades):
    known = colours.classify(shades("ruby", 8, 9))
    strange = colours.classify(shades("moss", 8, 9))
    assert max(one.unknown for one in known) < min(one.unknown for one in strange)


def test_of_some_candidates_unknown_stays_that_of_all(colours, shades):
    (picture,) = shades("ruby", 9)
    some = colours.classify(picture, candidates=["sky"])
    assert some.unknown == colours.classify(picture).unknown


def test_plausible_species_are_those_of_the_calibration(shades):
    made = Recognizer("fake")
    for name in ("ruby", "sky", "moss"):
        made.add_species(name, shades(name, *range(6)))
    pictures = [*shades("ruby", 11, 12), *shades("moss", 13)]
    moment = made._moment()
    for coverage in (0.5, 0.8, 0.9):
        for picture, found in zip(
            pictures, made.classify(pictures, coverage=coverage), strict=True
        ):
            features, joint = made._layers.split(made._layers.encode_one(picture))
            told = moment.scorer.evidence(features.vectors, joint.vectors, as_judged=True)
            logits = (told["text"] + told["photos"])[0]
            shares = (logits / moment.calibration.temperature).softmax(0)
            least = moment.calibration.threshold(coverage)
            expected = {name for name, p in zip(found.labels, shares, strict=True) if p >= least}
            assert set(found.plausible) == expected
            assert found.coverage == coverage
            order = [float(found.logits[found.labels.index(name)]) for name in found.plausible]
            assert order == sorted(order, reverse=True)


def test_sets_are_told_as_the_photos_were_judged(colours, shades, monkeypatch):
    """The usual scores know more than the photos' judges did."""
    (picture,) = shades("ruby", 9)
    moment, kept = colours._moment(), colours._layers.encode_one(picture)
    usual = type(moment.scorer).evidence

    def other(self, *given, as_judged=False, **more):
        told = usual(self, *given, as_judged=as_judged, **more)
        return told if as_judged else {source: -100 * nats for source, nats in told.items()}

    before = moment.plausible(kept, 0.5)
    monkeypatch.setattr(type(moment.scorer), "evidence", other)
    assert torch.equal(moment.plausible(kept, 0.5), before)


def test_without_a_coverage_nothing_is_said_to_be_plausible(colours, shades):
    (picture,) = shades("ruby", 9)
    found = colours.classify(picture)
    assert found.plausible is None
    assert "plausible" not in found.to_dict()
    together = colours.classify_together(shades("ruby", 9, 10))
    assert together.plausible is None
    assert 0 <= together.unknown <= 1


def test_a_few_photos_promise_nothing_so_every_species_is_plausible(shades):
    made = Recognizer("fake")
    made.add_species("ruby", shades("ruby", 0))
    made.add_species("sky", shades("sky", 0))
    found = made.classify(shades("ruby", 3)[0], coverage=0.9)
    assert set(found.plausible) == {"ruby", "sky"}
    assert "2 species are plausible at a coverage of 90%: ruby, sky" in (found.abstains or "")


def test_it_says_why_it_is_not_sure(colours, shades):
    from dataclasses import replace

    found = colours.classify(shades("ruby", 9)[0], coverage=0.8)
    sure = replace(found, unknown=0.1, plausible=("ruby",))
    assert sure.abstains is None
    assert "not sure" not in sure.explain()
    strange = replace(found, unknown=0.83)
    assert "none of the species than one of them (0.83)" in strange.explain()
    assert strange.to_dict()["abstains"] == strange.abstains
    empty = replace(sure, plausible=())
    assert empty.abstains == "no species is plausible at a coverage of 80%"
    many = replace(sure, plausible=tuple("abcdefg"))
    assert many.abstains == "7 species are plausible at a coverage of 80%: a, b, c, d, e and 2 more"


def test_a_wrong_coverage_is_told_before_pictures_are_read(colours):
    with pytest.raises(LibraryError, match=r"coverage is 90: .* such as 0\.9"):
        colours.classify("no such file.png", coverage=90)


def test_a_library_too_large_to_be_judged_says_so(colours, monkeypatch):
    from fgmm.recognition import calibration

    monkeypatch.setattr(calibration, "_MOST_LOGITS", 3)
    with pytest.raises(LibraryError, match="too many to judge each for prediction sets"):
        colours.classify(Image.new("RGB", (24, 24), "red"), coverage=0.9)


def test_words_alone_weigh_none_of_these_too():
    made = Recognizer("fake")
    made.add_species("a red thing")
    made.add_species("a blue thing")
    found = made.classify(Image.new("RGB", (24, 24), "red"))
    assert torch.isfinite(torch.tensor(found.unknown))
    assert 0 <= found.unknown <= 1


def test_of_one_species_by_words_a_stranger_is_what_its_words_do_not_fit(shades):
    """There is no other species to compare with, so it is the probability's other half."""
    made = Recognizer("fake")
    made.add_species("red")
    red, green = made.classify([*shades("ruby", 1), *shades("moss", 1)])
    assert red.unknown == pytest.approx(1 - red.probability)
    assert red.unknown < green.unknown


def test_what_a_graph_says_tells_nothing_of_strangers(shades):
    graph = KnowledgeGraph()
    for name, colour in (("ruby", "red"), ("sky", "blue")):
        graph.add(Concept(name, source="notes"))
        graph.add(Concept(colour, kind="attribute", source="notes"))
        graph.add(Relation(name, "has-attribute", colour, source="notes"))
    plain, told = Recognizer("fake"), Recognizer("fake", graph)
    for made in (plain, told):
        for name in ("ruby", "sky"):
            made.add_species(name, shades(name, *range(4)))
    for picture in shades("ruby", 8, 9):
        one, other = plain.classify(picture), told.classify(picture)
        assert "knowledge" in other.evidence
        assert not torch.equal(one.logits, other.logits)
        assert other.unknown == pytest.approx(one.unknown, rel=1e-4)
