"""The recogniser: learning, forgetting, and that neither order nor detours matter."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fgmm import Predictions, Recognizer
from fgmm.errors import (
    ImageError,
    LibraryError,
    SpaceMismatch,
    SpeciesNotFound,
    StoreError,
    TextTooLong,
)
from fgmm.fieldguide import FieldGuide

GUIDE = FieldGuide()


def logits(recognizer, pictures) -> torch.Tensor:
    """Logits of pictures (q, k), species in the order of their names."""
    rows = []
    for prediction in recognizer.classify(pictures, progress=False):
        order = sorted(range(len(prediction)), key=prediction.labels.__getitem__)
        rows.append(prediction.logits[order])
    return torch.stack(rows)


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """The same to 1e-6 of the largest."""
    return bool((one - other).abs().max() <= 1e-6 * one.abs().max())


def test_a_new_species_is_recognised_and_the_others_still_are(colours, shades):
    colours.add_species("moss", shades("moss", 0, 1, 2, 3, 4))
    for name in ("ruby", "sky", "moss"):
        found = colours.classify(shades(name, 10, 11, 12))
        assert [one.label for one in found] == [name] * 3
    assert len(colours) == 3
    assert "Moss" in colours
    assert "lake" not in colours
    assert repr(colours) == "<Recognizer fake: 3 species, 13 photos>"
    assert "moss" in str(colours.species())


@settings(max_examples=15)
@given(
    order=st.permutations([("ruby", n) for n in range(4)] + [("moss", n) for n in range(5)]),
    cuts=st.sets(st.integers(1, 8)),
)
def test_photos_in_one_call_or_many_in_any_order_give_the_same_logits(shades, order, cuts):
    queries = [*shades("ruby", 20, 21), *shades("moss", 20), *shades("sky", 20)]
    one = Recognizer("fake")
    for name, n in (("ruby", 4), ("moss", 5)):
        one.add_species(name, shades(name, *range(n)))
    one.add_species("sky", description="a blue thing")
    many = Recognizer("fake")
    many.add_species("sky", description="a blue thing")
    bounds = [0, *sorted(cuts), len(order)]
    for start, stop in itertools.pairwise(bounds):
        for name in ("ruby", "moss"):
            numbers = [n for other, n in order[start:stop] if other == name]
            if numbers:
                add = many.add_photos if name in many else many.add_species
                add(name, shades(name, *numbers))
    assert same(logits(one, queries), logits(many, queries))


@pytest.mark.parametrize("forget", ["remove", "undo"])
def test_what_was_added_and_forgotten_leaves_nothing(colours, shades, forget):
    queries = shades("ruby", 10) + shades("sky", 10)
    before, known = logits(colours, queries), colours.collection
    colours.add_species("moss", shades("moss", 0, 1, 2))
    assert logits(colours, queries).shape == (2, 3)
    colours.remove("moss") if forget == "remove" else colours.undo()
    assert colours.collection == known
    assert same(before, logits(colours, queries))


def test_photos_can_be_forgotten_one_by_one_by_their_path(folder):
    made = Recognizer("fake")
    made.add_species("ruby", folder / "ruby")
    made.add_species("sky", folder / "sky")
    before = logits(made, [folder / "moss" / "0.png"])
    made.add_photos("ruby", [folder / "moss" / "1.png"])
    made.remove("ruby", photos=str(folder / "moss" / "1.png"))
    assert same(before, logits(made, [folder / "moss" / "0.png"]))
    with pytest.raises(LibraryError, match=r"'ruby' has no photo .*1\.png"):
        made.remove("ruby", photos=[folder / "moss" / "1.png"])


def test_renaming_and_merging_change_names_and_keep_photos(colours, shades):
    before = logits(colours, shades("ruby", 10))
    colours.rename("ruby", "garnet")
    assert colours.classify(shades("ruby", 10)[0]).label == "garnet"
    colours.undo()
    assert same(before, logits(colours, shades("ruby", 10)))
    colours.add_species("scarlet", shades("ruby", 4, 5))
    colours.merge("ruby", "scarlet")
    whole = Recognizer("fake")
    whole.add_species("ruby", shades("ruby", 0, 1, 2, 3, 4, 5), names=["scarlet"])
    whole.add_species("sky", shades("sky", 0, 1, 2, 3))
    assert same(logits(whole, shades("sky", 10)), logits(colours, shades("sky", 10)))
    assert colours.classify(shades("ruby", 10)[0], ["scarlet"]).label == "ruby"


def test_undo_says_what_it_took_back_and_history_keeps_all(colours):
    colours.rename("ruby", "garnet")
    taken = colours.undo()
    assert (taken.what, dict(taken.detail)) == ("rename", {"name": "ruby", "new": "garnet"})
    assert [(one.what, one.undone) for one in colours.history()] == [
        ("add_species", False),
        ("add_species", False),
        ("rename", True),
        ("undo", False),
    ]
    assert [dict(colours.undo().detail)["name"] for _ in range(2)] == ["sky", "ruby"]
    with pytest.raises(LibraryError, match="no change to take back"):
        colours.undo()
    with pytest.raises(LibraryError, match="no species is known yet"):
        colours.classify(Image.new("RGB", (9, 9)))


FAILURES = {
    "a name that is taken": (
        lambda r, s: r.add_species("RUBY", s),
        LibraryError,
        "'RUBY' is there already",
    ),
    "no picture at all": (
        lambda r, _: r.add_species("moss", [b"x"]),
        ImageError,
        "the photo cannot be read",
    ),
    "others' photos": (
        lambda r, s: r.add_species("moss", s[:1]),
        LibraryError,
        "is a photo of 'ruby' already",
    ),
    "an unknown species": (lambda r, s: r.add_photos("rubi", s), SpeciesNotFound, "mean 'ruby'"),
    "a text too long": (
        lambda r, s: r.add_species("moss", s[4:], description="very " * 40),
        TextTooLong,
        "40",
    ),
    "a strength beyond 1": (
        lambda r, s: r.add_species("moss", s[4:], attributes={"green": 2.0}),
        ValueError,
        "strength",
    ),
    "one text for candidates": (
        lambda r, s: r.classify(s[0], "ruby"),
        LibraryError,
        "one text, 'ruby'",
    ),
    "an unknown candidate": (lambda r, s: r.classify(s[0], ["rubi"]), SpeciesNotFound, "'ruby'"),
    "no candidate": (lambda r, s: r.classify(s[0], []), LibraryError, "there are no candidates"),
    "nothing to classify": (lambda r, _: r.classify_together([]), ImageError, "no pictures"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_what_fails_says_why_and_changes_nothing(colours, shades, failure):
    attempt, error, words = FAILURES[failure]
    pictures = shades("ruby", 0) + shades("sky", 0) + shades("ruby", 1, 2) + shades("moss", 0, 1)
    before, past = colours.collection, len(colours.history())
    told = logits(colours, shades("ruby", 9))
    with pytest.raises(error, match=words):
        attempt(colours, pictures)
    assert colours.collection is before
    assert len(colours.history()) == past
    assert torch.equal(told, logits(colours, shades("ruby", 9)))


def test_words_alone_are_what_classify_says(shades):
    from fgmm import classify

    made = Recognizer("fake")
    names = {"red": ["red", "crimson"], "green": ["green"], "blue": ["blue"]}
    for name, others in names.items():
        made.add_species(name, names=others)
    picture = shades("ruby", 0)[0]
    expected = classify(picture, names, encoder="fake")
    found = made.classify(picture)
    assert found.labels == expected.labels
    assert torch.allclose(found.logits, expected.logits, rtol=0, atol=1e-5)
    assert found.nearest_photo() is None
    assert set(found.evidence) == {"text", "photos"}


def test_a_description_has_a_say(shades):
    made = Recognizer("fake")
    made.add_species("quxquux", description="a red thing")
    made.add_species("bazbar", description="a blue thing")
    assert made.classify(shades("ruby", 0)[0]).label == "quxquux"
    assert made.classify(shades("sky", 0)[0]).label == "bazbar"


def test_an_encoder_of_pictures_alone_wants_photos(pictures_only, shades):
    made = Recognizer(pictures_only)
    with pytest.raises(LibraryError, match="no photos, and the encoder 'pictures only' reads no"):
        made.add_species("ruby")
    assert len(made) == 0
    made.add_species("ruby", shades("ruby", 0, 1, 2))
    made.add_species("sky", shades("sky", 0, 1, 2), parent="colour")
    found = made.classify(shades("sky", 9)[0])
    assert found.label == "sky"
    assert set(found.evidence) == {"photos"}
    assert torch.equal(found.logits, found.evidence["photos"])
    assert found.cosines.argmax() == found.labels.index("sky")
    with pytest.raises(LibraryError, match="left without a photo"):
        made.remove("sky", photos=made.collection.find("sky").photos.digests)


def test_a_library_on_disk_is_what_was_left(tmp_path, shades, folder):
    path = tmp_path / "colours.fgmm"
    made = Recognizer.open(path, "fake")
    made.add_species("ruby", folder / "ruby")
    made.add_species("sky", folder / "sky")
    again = Recognizer.open(path)
    assert torch.equal(logits(made, shades("ruby", 9)), logits(again, shades("ruby", 9)))
    assert [one.what for one in again.history()] == ["add_species", "add_species"]
    copy = Recognizer.load(path)
    copy.remove("sky")
    assert len(Recognizer.open(path)) == 2
    copy.save(tmp_path / "less.fgmm")
    assert Recognizer.load(tmp_path / "less.fgmm").collection == copy.collection
    with pytest.raises(StoreError, match="something at"):
        copy.save(path)
    assert sorted(one.name for one in tmp_path.glob("*.fgmm")) == ["colours.fgmm", "less.fgmm"]
    assert not list(tmp_path.glob(".*"))


def test_what_another_wrote_is_not_lost(tmp_path, shades):
    path = tmp_path / "colours.fgmm"
    one, other = Recognizer.open(path, "fake"), Recognizer.open(path, "fake")
    one.add_species("ruby", shades("ruby", 0, 1))
    other.add_species("sky", shades("sky", 0, 1))
    assert [species.name for species in other.species()] == ["ruby", "sky"]
    assert other.classify(shades("ruby", 9)[0]).label == "ruby"


def test_another_encoders_library_is_refused_with_both_names(tmp_path, shades, pictures_only):
    path = tmp_path / "colours.fgmm"
    Recognizer.open(path, "fake").add_species("ruby", shades("ruby", 0))
    for opened in (Recognizer.open, Recognizer.load):
        with pytest.raises(SpaceMismatch, match=r"'fake' .*'pictures only'"):
            opened(path, pictures_only)
    with pytest.raises(StoreError, match="there is no library"):
        Recognizer.load(tmp_path / "birds.fgmm")


def test_a_folder_of_pictures_some_of_them_broken(colours, folder):
    (folder / "moss" / "9.png").write_bytes(b"no picture")
    receipt = colours.add_species("moss", folder / "moss")
    assert (len(receipt.used), [one.why for one in receipt.refused]) == (5, ["unreadable"])
    found = colours.classify(folder)
    assert isinstance(found, Predictions)
    assert len(found) == 15
    assert [str(given) for given, _ in found.failures] == [str(folder / "moss" / "9.png")]
    right = sum(one.label == one.name.split("/")[-2] for one in found)
    assert right >= 13


def test_arrays_and_files_are_pictures_too(colours, shades, folder):
    array = np.asarray(shades("moss", 0)[0])
    with (folder / "moss" / "1.png").open("rb") as file:
        receipt = colours.add_species("moss", [array, file, (folder / "moss/2.png").read_bytes()])
    assert len(receipt.used) == 3
    assert colours.classify(np.asarray(shades("moss", 7)[0])).label == "moss"


def birds_by_name() -> Recognizer:
    made = Recognizer("tiny", concept="bird")
    for species in GUIDE.base[:12]:
        made.add_species(species.name)
    return made


def test_a_bird_never_seen_is_learned_from_five_photos():
    new = GUIDE.novel[0]
    photos = [GUIDE.draw(new, 2 * i + 1).image for i in range(5)]
    queries = [GUIDE.draw(new, 2 * i + 101).image for i in range(10)]
    birds, one_by_one = birds_by_name(), birds_by_name()
    receipt = birds.add_species(new.name, photos)
    assert len(receipt.used) == 5
    assert sum(one.label == new.name for one in birds.classify(queries)) >= 8
    for photo in reversed(photos):
        add = one_by_one.add_photos if new.name in one_by_one else one_by_one.add_species
        add(new.name, [photo])
    assert same(logits(birds, queries), logits(one_by_one, queries))
