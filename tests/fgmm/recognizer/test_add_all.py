"""`Recognizer.add_all`: the same as one by one, but one change, and one undo."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fgmm import Recognizer
from fgmm.errors import ImageError, LibraryError, TextTooLong
from fgmm.library import Collection, LibraryFile, Photos
from fgmm.library.additions import Addition, add_all


def one_by_one(species, names=None) -> Recognizer:
    """The slow way."""
    made = Recognizer("fake")
    for name, photos in species.items():
        made.add_species(name, photos or (), names=(names or {}).get(name, ()))
    return made


def test_it_is_what_adding_one_by_one_gives(shades):
    species = {"ruby": shades("ruby", 0, 1, 2), "sky": shades("sky", 0, 1), "moss": None}
    names = {"sky": ["azure"], "moss": ["lichen", "Moss"]}
    made = Recognizer("fake")
    made.add_all(species, names=names)
    expected = one_by_one(species, names)
    for mine, theirs in zip(made.collection, expected.collection, strict=True):
        assert (mine.name, mine.names) == (theirs.name, theirs.names)
        assert mine.photos.digests == theirs.photos.digests
        np.testing.assert_array_equal(mine.photos.vectors, theirs.photos.vectors)
    (picture,) = shades("ruby", 7)
    assert torch.allclose(made.classify(picture).logits, expected.classify(picture).logits)


def test_names_alone_are_known_by_their_words():
    made = Recognizer("fake")
    done = made.add_all(["ruby", "sky"])
    assert [one.name for one in made.species()] == ["ruby", "sky"]
    assert [receipt.n_photos for receipt in done] == [0, 0]
    assert done.new == ("ruby", "sky")
    assert str(done) == "2 species and 0 photos added; 2 species in all"


def test_it_is_one_change_and_one_undo(tmp_path, shades):
    made = Recognizer.open(tmp_path / "colours.fgmm", "fake")
    made.add_species("ruby", shades("ruby", 0))
    before = made.collection
    made.add_all({"sky": shades("sky", 0), "ruby": shades("ruby", 1), "moss": None})
    assert [one.what for one in made.history()] == ["add_species", "add_all"]
    with LibraryFile.open(tmp_path / "colours.fgmm") as file:
        assert len(file.collection) == 3
    assert made.undo().detail == {"species": 2, "photos": 2, "names": ["sky", "moss"]}
    assert made.collection == before


def test_one_that_is_there_gets_what_it_does_not_have(colours, shades):
    done = colours.add_all(
        {"RUBY": shades("ruby", 3, 4), "sky": None}, names={"sky": ["azure", "Sky"]}
    )
    assert len(colours.collection.find("ruby").photos) == 5
    assert colours.collection.find("sky").names == ("azure",)
    assert done.new == ()
    assert (done.n_photos, list(done.refused())) == (1, [])
    n = len(colours.history())
    colours.add_all({"ruby": shades("ruby", 3, 4), "sky": None})
    assert len(colours.history()) == n


def test_each_has_a_receipt_of_the_whole_change(shades):
    made = Recognizer("fake")
    made.add_species("ruby", shades("ruby", *range(4)))
    done = made.add_all({"sky": shades("sky", *range(4)), "moss": shades("moss", *range(3))})
    assert [(one.species, len(one.used)) for one in done] == [("sky", 4), ("moss", 3)]
    assert done[-1].n_species == 3
    assert done[0].others_before.of == done[0].others_after.of == 4  # moss was not there before
    assert len(done[:1]) == 1
    with pytest.raises(IndexError, match="there are 2 receipts, none at 2"):
        done[2]


def test_a_species_whose_photos_cannot_be_read_fails_alone(folder):
    for broken in (folder / "sky").iterdir():
        broken.write_bytes(b"no picture")
    made = Recognizer("fake")
    done = made.add_all({name: folder / name for name in ("ruby", "sky", "moss")})
    ((name, error),) = done.failures
    assert name == "sky"
    assert isinstance(error, ImageError)
    assert [one.name for one in made.species()] == ["ruby", "moss"]


def test_a_photo_of_two_species_is_told_by_both_names(folder):
    copy = folder / "moss" / "copy.png"
    copy.write_bytes((folder / "ruby" / "3.png").read_bytes())
    made = Recognizer("fake")
    done = made.add_all({"ruby": folder / "ruby", "moss": folder / "moss"})
    ((name, reason),) = done.refused()
    assert name == str(copy)
    assert reason.startswith(f"is the same picture as {folder / 'ruby' / '3.png'}, of 'ruby'")
    done = made.add_all({"sky": [copy, *sorted((folder / "sky").iterdir())]})
    ((name, reason),) = done.refused()
    assert name == str(copy)
    assert reason.startswith(f"is a photo of 'ruby' already, {folder / 'ruby' / '3.png'};")


def test_what_is_worth_a_second_look_is_told(folder):
    """One picture of sky among ruby's, and one of ruby's saved again: two files, one photograph."""
    from PIL import Image

    (folder / "ruby" / "odd.png").write_bytes((folder / "sky" / "0.png").read_bytes())
    (folder / "sky" / "0.png").unlink()
    Image.open(folder / "moss" / "1.png").save(folder / "moss" / "1 again.bmp")
    done = Recognizer("fake").add_all({one.name: one for one in sorted(folder.iterdir())})
    said = str(done)
    assert "3 species and 16 photos added; 3 species in all" in said
    assert f"look again at: {folder / 'ruby' / 'odd.png'}, of ruby: " in said
    assert "it would be taken for sky" in said
    assert f"nearly the same: {folder / 'moss' / '1.png'} and " in said


def test_when_interrupted_what_was_finished_is_kept(tmp_path, folder, monkeypatch):
    made = Recognizer.open(tmp_path / "colours.fgmm", "fake")
    gather = Recognizer._gather

    def interrupted(self, photos, *more):
        if "ruby" in str(photos):
            raise KeyboardInterrupt
        return gather(self, photos, *more)

    monkeypatch.setattr(Recognizer, "_gather", interrupted)
    species = {name: folder / name for name in ("moss", "ruby", "sky")}
    with pytest.raises(KeyboardInterrupt, match="stopped at 'ruby', 2 of 3; 1 species before it"):
        made.add_all(species)
    with LibraryFile.open(tmp_path / "colours.fgmm") as file:
        assert [(one.name, len(one.photos)) for one in file.collection] == [("moss", 5)]
    monkeypatch.undo()
    made.add_all(species)
    assert [one.name for one in made.species()] == ["moss", "ruby", "sky"]


def test_interrupted_before_anything_was_finished_nothing_is_kept(folder, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Recognizer, "_gather", interrupted)
    made = Recognizer("fake")
    with pytest.raises(KeyboardInterrupt, match="1 of 1; nothing is kept"):
        made.add_all({"ruby": folder / "ruby"})
    assert len(made) == 0


def test_without_words_photos_are_needed(pictures_only, shades):
    made = Recognizer(pictures_only)
    done = made.add_all({"ruby": shades("ruby", 0, 1), "sky": None})
    assert [name for name, _ in done.failures] == ["sky"]
    assert [one.name for one in made.species()] == ["ruby"]


MISTAKES = {
    "one text": ("ruby", {}, r"pass a list, \['ruby'\]"),
    "twice": (["ruby", "ruby"], {}, "'ruby' is given twice"),
    "twice, but for case": (["moss", "Moss"], {}, r"'Moss' is given twice \(also as 'moss'\)"),
    "known and twice": (["sky", "SKY"], {}, r"'SKY' is given twice \(also as 'sky'\)"),
    "empty": (["moss", " "], {}, "an empty text"),
    "no text": ([3], {}, "names are strings"),
    "taken": (["moss"], {"moss": ["sky"]}, "'sky' is taken"),
    "names of another": (["moss"], {"mos": ["green"]}, "'mos', which is none of the species"),
    "names that are one text": (["moss"], {"moss": "green"}, r"pass \['green'\]"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_before_anything_is_encoded(colours, mistake, monkeypatch):
    species, names, words = MISTAKES[mistake]
    before = colours.collection
    monkeypatch.setattr("fgmm.encoders.fake.FakeEncoder.encode_images", None)
    with pytest.raises(LibraryError, match=words):
        colours.add_all(species, names=names)
    assert colours.collection is before


def test_of_the_library_alone_a_failure_changes_nothing():
    birds = add_all(Collection("fake/1", 2, "fake"), [Addition("wren")])
    photo = Photos([[1.0, 0.0]], ["ab" * 16])
    with pytest.raises(LibraryError, match="a photo shows one species"):
        add_all(birds, [Addition("wren", photo), Addition("dodo", photo)])
    assert [len(one.photos) for one in birds] == [0]
    assert add_all(birds, []) == birds


@pytest.mark.parametrize("at", [2, 3])
def test_interrupted_once_a_species_was_read_it_is_kept(folder, at):
    """Also where the line that says so is the one that is interrupted, and it is the last."""
    import logging

    class Interrupted(logging.Handler):
        n = 0

        def emit(self, record):
            self.n += 1
            if self.n == at:
                raise KeyboardInterrupt

    log, handler = logging.getLogger("fgmm.recognition.adding"), Interrupted(logging.INFO)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    made, names = Recognizer("fake"), ["moss", "ruby", "sky"]
    try:
        told = {2: "stopped at 'sky', 3 of 3; 2 species before it are kept; the same again goes on"}
        told[3] = "stopped when all 3 had been read; 3 species are kept"
        with pytest.raises(KeyboardInterrupt, match=told[at]):
            made.add_all({name: folder / name for name in names})
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    assert [(one.name, len(one.photos)) for one in made.collection] == [
        (name, 5) for name in names[:at]
    ]


@pytest.mark.parametrize("others", [False, True])
def test_a_name_too_long_for_the_encoder_is_told_before_a_photo_is_encoded(
    shades, monkeypatch, others
):
    long = "red " * 60
    photos = shades("ruby", 0)
    made = Recognizer("fake")
    monkeypatch.setattr("fgmm.encoders.fake.FakeEncoder.encode_images", None)
    with pytest.raises(TextTooLong):
        if others:
            made.add_all({"moss": photos, "ruby": None}, names={"ruby": [long]})
        else:
            made.add_all({"moss": photos, long: None})
    assert len(made) == 0


def test_each_text_is_encoded_once(monkeypatch, shades):
    from fgmm.encoders.fake import FakeEncoder

    encode, seen = FakeEncoder.encode_texts, []

    def counted(self, texts, *given, **more):
        seen.extend(texts)
        return encode(self, texts, *given, **more)

    monkeypatch.setattr(FakeEncoder, "encode_texts", counted)
    species = {"moss told once": shades("moss", 0), "ruby told once": None}
    Recognizer("fake").add_all(species, names={"ruby told once": ["red told once"]})
    assert {"moss told once", "ruby told once", "red told once"} <= set(seen)
    assert len(seen) == len(set(seen))


def test_nothing_at_all_adds_nothing():
    made = Recognizer("fake")
    assert len(made.add_all([])) == 0
    assert made.history() == []


def test_three_names_are_noted_and_the_number_of_all():
    made = Recognizer("fake")
    made.add_all(["a", "b", "c", "d"])
    assert made.history()[0].detail == {"species": 4, "photos": 0, "names": ["a", "b", "c"]}


def test_other_names_are_noted_and_join_those_that_are_known():
    birds = add_all(Collection("fake/1", 2, "fake"), [Addition("wren", names=("Troglodytes",))])
    birds = add_all(birds, [Addition("wren", names=("jenny wren",))])
    assert birds.find("wren").names == ("Troglodytes", "jenny wren")
