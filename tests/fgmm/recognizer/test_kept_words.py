"""Words of species are encoded once in the life of a library, not once a process."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
import torch

from fgmm import Recognizer, load_encoder
from fgmm.encoders.fake import FakeEncoder
from fgmm.library import LibraryFile, verify
from fgmm.prompts import forget_texts


@pytest.fixture
def asked(monkeypatch):
    """The texts that the encoder was asked for; clear it, and no text is in memory any more."""
    texts: list[str] = []
    encode = FakeEncoder.encode_texts

    def remember(self, some):
        texts.extend(some)
        return encode(self, some)

    monkeypatch.setattr(FakeEncoder, "encode_texts", remember)
    forget_texts()
    yield texts
    forget_texts()


def begin_anew(asked) -> None:
    """As another process would."""
    asked.clear()
    forget_texts()


@pytest.fixture
def path(tmp_path, shades, asked):
    """A library: ruby with photos, sky with a description, moss with another name alone."""
    path = tmp_path / "colours.fgmm"
    recognizer = Recognizer.open(path, "fake")
    recognizer.add_species("ruby", shades("ruby", 0, 1))
    recognizer.add_species("sky", description="something blue")
    recognizer.add_species("moss", names=["green thing"])
    assert {"ruby", "something blue", "green thing", "a photo of a moss."} <= set(asked)
    begin_anew(asked)
    return path


@pytest.fixture
def picture(shades):
    return shades("ruby", 7)[0]


def test_a_second_opening_encodes_no_text_and_answers_the_same(path, picture, asked):
    logits = Recognizer.open(path, "fake").classify(picture).logits
    assert asked == []
    with LibraryFile.open(path) as library:
        library.forget()
    anew = Recognizer.open(path, "fake").classify(picture).logits
    assert asked
    assert torch.equal(logits, anew)
    assert verify(path) == []


def test_only_new_words_are_encoded(path, picture, asked):
    recognizer = Recognizer.open(path, "fake")
    recognizer.rename("moss", "lichen")
    assert set(asked) == {"lichen", "a photo of a lichen."}
    begin_anew(asked)
    Recognizer.open(path, "fake").classify(picture)
    assert asked == []


def test_other_templates_and_a_concept_are_other_texts(path, picture, asked):
    Recognizer.open(path, "fake", templates="the {}").classify(picture)
    assert {"the ruby", "the sky", "the moss", "the green thing"} == set(asked)
    begin_anew(asked)
    Recognizer.open(path, "fake", concept="colour").classify(picture)
    assert "ruby, a colour" in asked


def test_texts_of_an_encoder_that_computes_them_otherwise_are_not_taken(path, picture, asked):
    Recognizer.open(path, load_encoder("fake", on_long="truncate")).classify(picture)
    assert {"ruby", "something blue"} <= set(asked)


def test_texts_that_are_in_memory_reach_the_file_too(path, tmp_path, picture, asked):
    Recognizer.open(path, "fake", templates="the {}").classify(picture)
    other = Recognizer.open(tmp_path / "other.fgmm", "fake", templates="the {}")
    other.add_species("sky")
    other.add_species("ruby")
    begin_anew(asked)
    Recognizer.open(tmp_path / "other.fgmm", "fake", templates="the {}").classify(picture)
    assert asked == []


def test_a_damaged_vector_is_encoded_anew_and_mended(path, picture, asked):
    expected = Recognizer.open(path, "fake").classify(picture).logits
    forget_texts()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE texts SET vector = CAST(x'7f' || substr(vector, 2) AS BLOB) "
            "WHERE key = (SELECT min(key) FROM texts)"
        )
    assert verify(path)
    assert torch.equal(Recognizer.open(path, "fake").classify(picture).logits, expected)
    assert len(asked) == 1
    assert verify(path) == []


def test_a_library_loaded_reading_only_brings_its_texts(path, picture, asked):
    before = path.read_bytes()
    loaded = Recognizer.load(path, "fake")
    loaded.classify(picture)
    assert asked == []
    loaded.add_species("lemon")
    assert path.read_bytes() == before


def test_a_saved_library_brings_the_texts_of_what_it_holds(path, tmp_path, picture, asked):
    loaded = Recognizer.load(path, "fake")
    loaded.add_species("secret")
    loaded.remove("secret")
    loaded.save(tmp_path / "saved.fgmm")
    begin_anew(asked)
    saved = Recognizer.load(tmp_path / "saved.fgmm", "fake")
    saved.classify(picture)
    assert asked == []
    saved.add_species("secret")
    assert set(asked) >= {"secret", "a photo of a secret."}


def test_a_file_without_texts_is_a_library_as_before(path, picture, asked):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE texts")
    assert verify(path) == []
    Recognizer.load(path, "fake").classify(picture)
    assert asked
    begin_anew(asked)
    Recognizer.open(path, "fake").classify(picture)
    assert asked
    begin_anew(asked)
    Recognizer.open(path, "fake").classify(picture)
    assert asked == []
