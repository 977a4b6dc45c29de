"""Other names, descriptions and what is put around names: changes like any other."""

from __future__ import annotations

import logging

import pytest
import torch

from fgmm import Recognizer
from fgmm.errors import CandidateError, LibraryError, SpeciesNotFound, TextTooLong


@pytest.fixture
def words() -> Recognizer:
    """Ruby and sky, known by their words."""
    made = Recognizer("fake")
    made.add_all(["ruby", "sky"])
    return made


def logits(recognizer, shades):
    return recognizer.classify(shades("ruby", 7)[0]).logits


def test_a_species_told_later_is_as_one_told_at_first(words, shades):
    words.add_names("ruby", ["red thing", "RUBY"])
    words.describe("Red Thing", "something red")
    expected = Recognizer("fake")
    expected.add_species("ruby", names=["red thing"], description="something red")
    expected.add_species("sky")
    torch.testing.assert_close(logits(words, shades), logits(expected, shades))
    assert [one.what for one in words.history()] == ["add_all", "add_names", "describe"]
    words.undo()
    words.undo()
    assert words.collection.find("ruby").names == ()


def test_a_description_can_be_taken_away(words, shades):
    before = logits(words, shades)
    words.describe("sky", "something blue")
    assert not torch.equal(logits(words, shades), before)
    words.describe("sky", None)
    assert torch.equal(logits(words, shades), before)


def test_mistakes_change_nothing(words):
    before = words.collection
    with pytest.raises(LibraryError, match="'sky' is taken"):
        words.add_names("ruby", ["sky"])
    with pytest.raises(LibraryError, match="at least one"):
        words.add_names("ruby", [])
    with pytest.raises(LibraryError, match=r"pass \['red'\]"):
        words.add_names("ruby", "red")
    with pytest.raises(SpeciesNotFound, match="did you mean 'ruby'"):
        words.describe("rubi", "red")
    with pytest.raises(LibraryError, match="it is a text"):
        words.describe("ruby", 3)
    with pytest.raises(TextTooLong):
        words.describe("ruby", "red " * 50)
    with pytest.raises(TextTooLong):
        words.set_words(concept="very " * 50 + "red thing")
    with pytest.raises(CandidateError, match="a library keeps texts"):
        words.set_words(templates=[str.upper])
    assert words.collection is before


def test_a_library_keeps_concept_and_templates(tmp_path, shades):
    path = tmp_path / "colours.fgmm"
    made = Recognizer.open(path, "fake", concept="colour", templates="the {}")
    made.add_all(["ruby", "sky"])
    expected = logits(made, shades)
    for again in (Recognizer.open(path), Recognizer.load(path)):
        assert torch.equal(logits(again, shades), expected)
    made.save(tmp_path / "copy.fgmm")
    assert torch.equal(logits(Recognizer.load(tmp_path / "copy.fgmm"), shades), expected)


def test_what_is_given_to_open_holds_for_that_recogniser_alone(tmp_path, shades):
    path = tmp_path / "colours.fgmm"
    made = Recognizer.open(path, "fake", concept="colour")
    made.add_all(["ruby", "sky"])
    expected = logits(made, shades)
    other = Recognizer.open(path, templates=["a very {}"])
    assert not torch.equal(logits(other, shades), expected)
    assert torch.equal(logits(Recognizer.open(path), shades), expected)


def test_words_are_changed_for_good_and_taken_back(tmp_path, shades):
    path = tmp_path / "colours.fgmm"
    made = Recognizer.open(path, "fake", templates="a dark {}")
    made.add_all(["ruby", "sky"])
    at_first = logits(made, shades)
    made.set_words(concept="thing", templates=["a bright {}"])
    changed = logits(made, shades)
    fresh = Recognizer("fake", concept="thing", templates=["a bright {}"])
    fresh.add_all(["ruby", "sky"])
    assert torch.equal(changed, logits(fresh, shades))
    assert torch.equal(logits(Recognizer.open(path), shades), changed)
    made.undo()
    assert torch.equal(logits(made, shades), at_first)
    made.set_words()
    plain = Recognizer("fake")
    plain.add_all(["ruby", "sky"])
    assert torch.equal(logits(made, shades), logits(plain, shades))


def test_a_function_is_used_and_not_kept_and_that_is_told(tmp_path, shades, caplog):
    path = tmp_path / "colours.fgmm"
    with caplog.at_level(logging.WARNING, "fgmm"):
        made = Recognizer.open(path, "fake", templates=lambda name: f"dark {name}")
    assert "templates that are functions are not kept" in caplog.text
    made.add_all(["ruby", "sky"])
    assert not torch.equal(logits(made, shades), logits(Recognizer.open(path), shades))


def test_a_photo_is_removed_by_its_files_name_or_its_number(colours, folder):
    made = Recognizer("fake")
    made.add_species("ruby", folder / "ruby")
    made.remove("ruby", photos="3.png")
    made.remove("ruby", photos=[1, 2])
    kept = [str(folder / "ruby" / f"{n}.png") for n in (2, 4)]
    assert list(made.collection.find("ruby").photos.origins) == kept


def test_what_a_copy_begins_with_cannot_be_taken_back(tmp_path, words):
    words.save(tmp_path / "copy.fgmm")
    copy = Recognizer.open(tmp_path / "copy.fgmm")
    with pytest.raises(LibraryError, match="no change to take back"):
        copy.undo()
    assert len(copy) == 2
    copy.remove("sky")
    copy.undo()
    assert copy.collection == words.collection
    for library in (copy.library, words.library):
        with pytest.raises(LibraryError, match="cannot be final"):
            library.apply(lambda now: now, "late", {}, final=True)


def test_words_that_are_refused_leave_those_that_were_given(tmp_path, shades):
    """Given for one recogniser alone, in place of the library's own."""
    path, own = tmp_path / "colours.fgmm", {"concept": "thing", "templates": ["a bright {}"]}
    Recognizer.open(path, "fake").add_all(["ruby", "sky"])
    made = Recognizer.open(path, **own)
    before = logits(made, shades)
    with pytest.raises(TextTooLong):
        made.set_words(concept="colour", templates=["red " * 60 + "{}"])
    made.add_all(["moss"])
    made.remove("moss")
    assert torch.equal(logits(made, shades), before)
    assert made._concept == "thing"
