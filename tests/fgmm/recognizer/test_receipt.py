"""Receipts: each number against a count made another way."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fgmm import Recognizer
from fgmm.recognition.receipt import Share


def test_what_was_refused_is_told_and_why(colours, shades):
    ruby, sky = shades("ruby", 0, 8), shades("sky", 0)
    receipt = colours.add_photos("ruby", [ruby[1], ruby[1], ruby[0], sky[0], b"no picture"])
    assert receipt.used == ("#0",)
    assert [(one.name, one.why) for one in receipt.refused] == [
        ("#1", "twice"),
        ("#2", "known"),
        ("#3", "taken"),
        ("#4", "unreadable"),
    ]
    assert receipt.n_photos == 5
    assert "not used: #3: is a photo of 'sky' already" in str(receipt)


def test_photos_that_are_all_known_change_nothing(colours, shades):
    before = colours.collection
    receipt = colours.add_photos("ruby", shades("ruby", 0, 1))
    assert colours.collection is before
    assert (receipt.used, len(receipt.refused)) == ((), 2)
    assert receipt.others_before == receipt.others_after


def test_likeness_is_the_mean_over_pairs(colours, shades):
    receipt = colours.add_species("moss", shades("moss", 0, 1, 2))

    def pairs(name: str) -> float:
        rows = colours.collection.find(name).photos.vectors[:, 48:].astype(float)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return float(np.mean([a @ b for a, b in itertools.combinations(rows, 2)]))

    assert receipt.alike == pytest.approx(pairs("moss"), abs=1e-6)
    others = sorted([pairs("ruby"), pairs("sky")])
    assert receipt.usual == pytest.approx(others[0], abs=1e-6)  # torch's median of two: the lower


def test_counts_are_those_of_leaving_each_photo_out(colours, shades):
    """Photo by photo: a recogniser without it; its weights differ by a photo's worth."""
    given = {"ruby": range(4), "sky": range(4), "moss": range(3)}
    receipt = colours.add_species("moss", shades("moss", 0, 1, 2))
    right = dict.fromkeys(given, 0)
    for name, numbers in given.items():
        for number in numbers:
            other = Recognizer("fake")
            for species, all_of in given.items():
                kept = [n for n in all_of if (species, n) != (name, number)]
                other.add_species(species, shades(species, *kept))
            right[name] += other.classify(shades(name, number)[0]).label == name
    assert receipt.recognised == Share(right["moss"], 3)
    assert receipt.others_after == Share(right["ruby"] + right["sky"], 8)
    assert receipt.others_before == Share(8, 8)
    assert receipt.n_species == 3


def test_a_photo_of_something_else_stands_out(colours, shades):
    receipt = colours.add_species("moss", [*shades("moss", *range(5)), shades("ruby", 9)[0]])
    assert [(one.one, one.other) for one in receipt.outliers] == [("#5", "ruby")]
    assert "look again at: #5: without it, it would be taken for ruby" in str(receipt)


def test_the_same_photograph_saved_twice_is_noticed(tmp_path, shades):
    picture = shades("ruby", 0)[0]
    picture.save(tmp_path / "a.png")
    picture.save(tmp_path / "b.jpg", quality=95)
    receipt = Recognizer("fake").add_species("ruby", [tmp_path / "a.png", tmp_path / "b.jpg"])
    (pair,) = receipt.near_duplicates
    assert {pair.one, pair.other} == {str(tmp_path / "a.png"), str(tmp_path / "b.jpg")}
    assert pair.cosine > 0.99


def test_a_species_that_takes_anothers_photos_says_so(colours, shades):
    receipt = colours.add_species("scarlet", shades("ruby", *range(20, 28)))
    assert receipt.nearest == "ruby"
    assert receipt.others_before == Share(8, 8)
    lost = receipt.others_before.right - receipt.others_after.right
    assert dict(receipt.lost).get("ruby", 0) == lost > 0
    assert receipt.told_apart.of == 12
    assert receipt.told_apart.right < 12
    assert "Photos of what tells it from ruby would help most" in receipt.advice


def test_one_photo_is_not_judged_and_more_are_asked_for(colours, shades):
    receipt = colours.add_species("moss", shades("moss", 0))
    assert receipt.recognised is None or receipt.recognised.of == 1
    assert receipt.alike is None
    assert receipt.advice.startswith("More would help: one photo")
    words = colours.add_species("lake")
    assert "it has no photo yet" in words.advice
    assert words.nearest is None


def test_the_first_species_has_no_others():
    receipt = Recognizer("fake").add_species("red")
    assert (receipt.others_before, receipt.nearest, receipt.n_species) == (None, None, 1)
    assert str(receipt).startswith("red: 0 photos added, known by its words; 1 species in all")
