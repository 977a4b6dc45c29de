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


def test_what_is_usual_is_the_median_of_the_other_species(colours, shades):
    colours.add_species("moss", shades("moss", 0, 1, 2))
    told = {name: colours.add_photos(name, shades(name, 6)) for name in ("ruby", "sky", "moss")}
    again = {name: colours.add_photos(name, shades(name, 6)) for name in told}  # all are known
    alike = {name: receipt.alike for name, receipt in again.items()}
    for name, receipt in again.items():
        assert receipt.usual == pytest.approx(min(alike[x] for x in alike if x != name), abs=1e-6)


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


def test_the_others_are_the_photos_of_the_other_species(colours, shades):
    colours.add_species("moss", shades("moss", 0, 1, 2))
    receipt = colours.add_photos("ruby", shades("ruby", 5, 6))
    assert (receipt.others_before.of, receipt.others_after.of) == (7, 7)  # of sky and moss
    assert receipt.recognised.of == 6


def test_what_is_lost_was_recognised_before_and_is_taken_for_the_new_one(shades):
    """A loop over photos; of ruby's, some were never recognised, and one is taken for another."""
    made = Recognizer("fake")
    made.add_species("ruby", [*shades("ruby", 0, 1, 2, 3), *shades("moss", 4, 5)])
    made.add_species("sky", [*shades("sky", 0, 1, 2, 3), *shades("moss", 6)])
    before = made._moment()
    receipt = made.add_species("moss", shades("moss", 0, 1, 2, 3))
    after = made._moment()

    def answers(moment) -> dict[str, tuple[str, str]]:
        found = moment.left_out
        return {
            digest: (moment.labels[label], moment.labels[max(range(len(row)), key=row.__getitem__)])
            for digest, label, row in zip(
                found.digests, found.labels.tolist(), found.logits.tolist(), strict=True
            )
        }

    then, now = answers(before), answers(after)
    right = {digest for digest, (own, said) in then.items() if own == said}
    lost: dict[str, int] = {}
    for digest in right:
        own, said = now[digest]
        if said == "moss":
            lost[own] = lost.get(own, 0) + 1
    assert dict(receipt.lost) == lost
    assert receipt.others_before == Share(len(right), 11)
    kept = sum(now[digest][0] == now[digest][1] for digest in then)
    assert receipt.others_after == Share(kept, 11)
    # without this the test would tell nothing
    assert any(now[digest][1] == "moss" for digest in set(then) - right)
    assert lost


def test_each_pair_of_copies_is_told_once_new_or_old(tmp_path, shades):
    for number, picture in enumerate(shades("ruby", 0, 1, 5)):
        picture.save(tmp_path / f"{number}.png")
        picture.save(tmp_path / f"{number}.jpg", quality=95)
    made = Recognizer("fake")
    made.add_species("ruby", [tmp_path / "0.png", tmp_path / "2.png", tmp_path / "2.jpg"])
    new = [str(tmp_path / name) for name in ("0.jpg", "1.png", "1.jpg")]
    found = made.add_photos("ruby", new).near_duplicates
    photos = made.collection.find("ruby").photos
    rows = zip(photos.origins, photos.vectors[:, 48:] * 2**0.5, strict=True)
    expected = [
        sorted([one, other])
        for (one, a), (other, b) in itertools.combinations(rows, 2)
        if a @ b >= 0.98 and (one in new or other in new)
    ]
    assert [str(tmp_path / "0.jpg"), str(tmp_path / "0.png")] in expected
    assert [str(tmp_path / "1.jpg"), str(tmp_path / "1.png")] in expected
    assert sorted(sorted([pair.one, pair.other]) for pair in found) == sorted(expected)


def test_copies_are_never_less_alike_than_photos_of_two_species(tmp_path, shades):
    """Where two species have photos so alike, that is how pictures are, and no copy."""
    picture = shades("ruby", 0)[0]
    for name, quality in (("a", 95), ("b", 90), ("c", 97)):
        picture.save(tmp_path / f"{name}.jpg", quality=quality)
    made = Recognizer("fake")
    made.add_species("garnet", [tmp_path / "a.jpg"])
    receipt = made.add_species("ruby", [tmp_path / "b.jpg", tmp_path / "c.jpg"])
    vectors = {one.name: one.photos.vectors[:, 48:] * 2**0.5 for one in made.species()}
    apart = float((vectors["ruby"] @ vectors["garnet"].T).max())
    assert apart > 0.98
    assert [pair.cosine > apart for pair in receipt.near_duplicates] in ([], [True])
    own = float(vectors["ruby"][0] @ vectors["ruby"][1])
    assert bool(receipt.near_duplicates) == (own > apart)


def test_what_stands_out_is_told_with_its_cosine_to_the_mean(colours, shades):
    receipt = colours.add_species("moss", [*shades("moss", *range(5)), shades("ruby", 9)[0]])
    rows = colours.collection.find("moss").photos.vectors[:, 48:].astype(float)
    mean = rows.mean(0)
    expected = rows[5] @ mean / np.linalg.norm(rows[5]) / np.linalg.norm(mean)
    assert receipt.outliers[0].cosine == pytest.approx(expected, abs=1e-5)


def test_a_species_that_is_mostly_taken_for_another_has_no_outliers(colours, shades):
    """Where most of its photos are not recognised it is the species that is not told apart."""
    receipt = colours.add_species(
        "odd", [*shades("moss", 10, 11), *shades("ruby", 10, 11), *shades("sky", 10)]
    )
    assert 0 < 2 * receipt.recognised.right <= receipt.recognised.of
    assert receipt.outliers == ()
