"""What commands of species say when something is wrong, in words of a terminal; exit codes."""

from __future__ import annotations

import logging
import re
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fgmm import Recognizer
from fgmm.command.application import app
from fgmm.command.translation import translate

PYTHON = re.compile(r"Recognizer|recognizer\.|`fgmm\.|\b[a-z]+_[a-z]+\b|\b[a-z]+=['\[(]|\bNone\b")
ERRORS = {
    "nothing known": ["classify", "photos/ruby/0.png", "--library", "empty.fgmm"],
    "no library": ["species", "undo", "--library", "none.fgmm"],
    "to classify by none": ["classify", "photos/ruby/0.png", "--library", "none.fgmm"],
    "no library at all": ["verify", "none.fgmm"],
    "not a library": ["species", "list", "--library", "photos/ruby/0.png"],
    "a folder": ["species", "list", "--library", "photos"],
    "damaged": ["species", "list", "--library", "damaged.fgmm"],
    "damage found": ["verify", "damaged.fgmm"],
    "no such species": ["species", "show", "rubi", "--library", "colours.fgmm"],
    "taken": ["species", "rename", "ruby", "sky", "--library", "colours.fgmm"],
    "no name": ["species", "rename", "ruby", " ", "--library", "colours.fgmm"],
    "one species": ["species", "merge", "ruby", "RUBY", "--library", "colours.fgmm"],
    "no such photo": ["species", "remove", "ruby", "--photo", "x", "--library", "colours.fgmm"],
    "too long": ["species", "rename", "ruby", "red " * 60, "--library", "colours.fgmm"],
    "already there": ["species", "import", "out", "--library", "colours.fgmm"],
    "no export": ["species", "import", "photos", "--library", "new.fgmm"],
    "folder in the way": ["species", "export", "photos", "--library", "colours.fgmm"],
    "no share": ["classify", "photos", "--library", "colours.fgmm", "--coverage", "90"],
    "no candidate": ["classify", "photos", "--library", "colours.fgmm", "--labels", "rubi"],
    "another encoder": ["species", "add", "moss", "-e", "tiny", "--library", "colours.fgmm"],
    "no encoder": ["species", "add", "moss", "-e", "nope", "--library", "new.fgmm"],
    "other words": ["species", "add", "moss", "-c", "fish", "--library", "colours.fgmm"],
    "not sure": ["species", "forget", "--library", "colours.fgmm"],
    "no library named": ["species", "list"],
}


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    """A library of ruby and sky, one without species, one that is damaged, and an export."""
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 600)
    for name in ("colours", "damaged"):
        made = Recognizer.open(f"{name}.fgmm", "fake", concept="colour")
        made.add_all({"ruby": "photos/ruby", "sky": None})
    Recognizer.open("empty.fgmm", "fake")
    connection = sqlite3.connect("damaged.fgmm")
    connection.execute("UPDATE photos SET checksum = checksum + 1")
    connection.commit()
    connection.close()
    assert run("species", "export", "out", "--library", "colours.fgmm").exit_code == 0


def run(*arguments: str):
    return CliRunner().invoke(app, [*arguments])


@pytest.mark.parametrize("error", ERRORS)
def test_errors_are_of_code_2_and_speak_no_python(error):
    done = run(*ERRORS[error])
    assert done.exit_code == 2, done.output
    said = done.output.replace("│", " ")
    assert len(said.split()) > 5
    assert not PYTHON.search(said), said


def test_codes_of_adding(folder):
    library = ["--library", "new.fgmm", "--encoder", "fake"]
    assert run("species", "add", "moss", "photos/moss", *library).exit_code == 0
    assert run("species", "add", "moss", "photos/moss", *library).exit_code == 0
    (folder / "sky" / "broken.png").write_bytes(b"no picture")
    assert run("species", "add", "sky", "photos/sky", *library).exit_code == 1
    assert run("species", "add", "sea", "photos/sky/broken.png", *library).exit_code == 2
    assert run("species", "add", "--each-folder", "photos", *library).exit_code == 1
    assert run("verify", "new.fgmm").exit_code == 0


def test_words_of_a_library_are_kept_by_the_command():
    library = ["--library", "new.fgmm", "--encoder", "fake"]
    words = ["--concept", "colour", "--template", "the {}"]
    assert run("species", "add", "moss", *words, *library).exit_code == 0
    own = Recognizer.load("new.fgmm").collection.phrasing
    assert (own.concept, own.templates) == ("colour", ("the {}",))
    assert run("species", "add", "sky", *words, *library).exit_code == 0
    assert run("species", "add", "sea", *library).exit_code == 0
    done = run("species", "add", "ruby", "--template", "a {}", *library)
    assert done.exit_code == 2
    assert "with fgmm species words" in " ".join(done.output.replace("│", " ").split())


def test_classify_says_names_as_the_library_does_or_as_it_is_told():
    done = [
        run("classify", "photos/ruby/0.png", "--library", "colours.fgmm", "-f", "csv", *more).stdout
        for more in ([], ["--concept", "colour"], ["--concept", "green thing"])
    ]
    assert done[0] == done[1]
    assert done[0] != done[2]


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("pass encoder='tiny' to have it so", "give --encoder tiny to have it so"),
        ("see what `fgmm.library.verify` finds", "see what fgmm verify finds"),
        ("nothing of Python", "nothing of Python"),
    ],
)
def test_what_speaks_of_python_is_translated(python, words):
    assert translate(python) == words


def test_the_first_change_of_a_loaded_library_warns_that_it_is_kept_nowhere(caplog, tmp_path):
    loaded = Recognizer.load("colours.fgmm")
    with caplog.at_level(logging.WARNING, "fgmm"):
        loaded.classify("photos/ruby/0.png")
        assert not caplog.records
        loaded.add_species("moss")
        loaded.add_species("sea")
    assert caplog.text.count("colours.fgmm was loaded, not opened") == 1
    assert len(Recognizer.load("colours.fgmm")) == 2
    caplog.clear()
    Recognizer.open("colours.fgmm").add_species("moss")
    assert not caplog.records
    assert Path("colours.fgmm").exists()
