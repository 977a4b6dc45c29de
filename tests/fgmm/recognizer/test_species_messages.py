"""What ``fgmm species`` says of lists, of mistakes of the hand, and of changes that were made."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fgmm import Recognizer
from fgmm.command.application import app
from fgmm.library import LibraryFile

LIBRARY = ["--library", "colours.fgmm"]


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 600)


@pytest.fixture
def known():
    """Ruby with five photos; moss, known by its name."""
    Recognizer.open("colours.fgmm", "fake").add_all({"ruby": "photos/ruby", "moss": None})


def run(*arguments: str, code: int = 0) -> str:
    """What it says, on one line: errors come in a box of several."""
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == code, done.output
    return " ".join(done.output.replace("│", " ").split())


def species(*arguments: str, code: int = 0) -> str:
    return run("species", *arguments, *LIBRARY, code=code)


def history() -> list[str]:
    done = CliRunner().invoke(app, ["species", "history", *LIBRARY])
    return [line.split("Z  ")[1] for line in done.output.splitlines()]


def test_each_further_tab_of_a_list_is_followed_by_another_name():
    Path("names.txt").write_text("Hundsrose\tRosa canina\tDog rose\n", encoding="utf-8")
    species("add", "--names-file", "names.txt", "--encoder", "fake")
    with LibraryFile.open("colours.fgmm", readonly=True) as file:
        assert file.collection.find("dog rose").names == ("Rosa canina", "Dog rose")


def test_a_list_tells_other_names_of_what_was_known_and_what_stands_twice(known):
    Path("names.txt").write_text("RUBY\tRubin\nsky\tblue\nsky\tazure\nmoss\tMoss\n")
    said = species("add", "--names-file", "names.txt")
    assert said == (
        "1 species and 0 photos added; 3 species in all was known: ruby, now also Rubin "
        "more than once in the list, taken as one: sky (2 times)"
    )
    assert history()[-1] == "added sky; names of ruby (Rubin)"
    assert species("undo") == "taken back: added sky; names of ruby (Rubin)"


def test_a_history_lists_the_first_of_many_names(known):
    Path("names.txt").write_text("".join(f"kind {n}\n" for n in range(5)))
    species("add", "--names-file", "names.txt")
    Path("names.txt").write_text("".join(f"kind {n}\tKind {n}\tart {n}\n" for n in range(5)))
    species("add", "--names-file", "names.txt")
    assert history() == [
        "added ruby, moss (5 photos)",
        "added kind 0, kind 1, kind 2 and 2 more",
        "added names of kind 0 (art 0), kind 1 (art 1), kind 2 (art 2) and 2 more",
    ]


def test_changes_of_photos_and_looks_are_told_as_what_they_were(known):
    species("add", "moss", "photos/moss/0.png", "photos/moss/1.png")
    species("add", "--each-folder", "photos")
    species("remove", "ruby", "--photo", "2", "--photo", "3")
    species("remove", "moss")
    species("also", "ruby", "Rubin", "--description", "a red thing")
    species("also", "ruby", "red stone")
    species("also", "ruby", "--description", "a deep red thing")
    species("also", "ruby", "--description", "")
    assert history()[1:] == [
        "added 2 photos of moss",
        "added sky (8 photos)",
        "removed 2 photos of ruby",
        "removed moss",
        "added names of ruby (Rubin); described: a red thing",
        "added names of ruby (red stone)",
        "described ruby: a deep red thing",
        "described ruby: nothing is said of its looks",
    ]
    species("forget", "--yes")
    assert history()[3:6] == [
        "removed ... (forgotten)",
        "removed ... (forgotten)",
        "added names of ... (forgotten)",
    ]


@pytest.mark.parametrize("first", ["more", "more/", "photos/ruby", "photos/ruby/0.png"])
def test_photos_before_the_name_are_noticed(first):
    shutil.copytree("photos/ruby", "more")
    said = species("add", first, "fire lily", code=2)
    assert "and no name: first comes what the species is called" in said
    assert f'fgmm species add "fire lily" {first}' in said


@pytest.mark.parametrize("photos", ["ruby", "ruby/*.png", "ruby/0.png", "photos/ruby"])
def test_a_name_may_be_that_of_a_folder_where_photos_follow(photos):
    shutil.copytree("photos/ruby", "ruby")
    assert species("add", "ruby", photos, "--encoder", "fake").startswith("ruby: ")


def test_pictures_beside_the_folders_are_told():
    for number in (0, 1):
        shutil.copy(f"photos/ruby/{number}.png", f"photos/loose {number}.png")
    Path("photos/notes.txt").write_text("none")
    said = species("add", "--each-folder", "photos", "--encoder", "fake")
    assert "note: 2 pictures lie in photos itself and in no folder of a species" in said
    assert "3 species and 15 photos added" in said
    Path("photos/loose 0.png").unlink()
    assert "1 picture lies in photos itself" in species("add", "--each-folder", "photos")
    Path("photos/loose 1.png").unlink()
    assert "itself" not in species("add", "--each-folder", "photos")


def test_an_empty_file_can_be_deleted_and_a_library_made_there():
    Path("colours.fgmm").touch()
    said = species("add", "ruby", "photos/ruby", "--encoder", "fake", code=2)
    assert "is an empty file, no library: delete it, and a new one can be made there" in said
    Path("colours.fgmm").unlink()
    species("add", "ruby", "photos/ruby", "--encoder", "fake")


def test_one_file_given_twice_counts_once_and_nothing_is_said():
    given = ["photos/ruby/0.png", "photos/ruby/0.png", "./photos/ruby/0.png", "photos/ruby"]
    said = species("add", "ruby", *given, "--encoder", "fake")
    assert said.startswith("ruby: 5 photos added, 5 photos now")
    assert "not used" not in said
    shutil.copy("photos/moss/0.png", "copy.png")  # another file of the same content
    said = species("add", "moss", "photos/moss/0.png", "copy.png", code=1)
    assert "not used: copy.png: is the same picture as photos/moss/0.png" in said


@pytest.mark.parametrize(
    "command",
    [
        ["list", "LIBRARY"],
        ["history", "LIBRARY"],
        ["undo", "LIBRARY"],
        ["words", "LIBRARY"],
        ["forget", "--yes", "LIBRARY"],
        ["show", "ruby", "LIBRARY"],
        ["show", "LIBRARY"],
        ["remove", "ruby", "LIBRARY"],
        ["rename", "ruby", "garnet", "LIBRARY"],
        ["merge", "ruby", "moss", "LIBRARY"],
        ["also", "ruby", "garnet", "LIBRARY"],
        ["add", "ruby", "photos/ruby", "LIBRARY"],
        ["export", "out", "LIBRARY"],
    ],
    ids=lambda command: " ".join(command),
)
def test_a_library_that_is_given_as_an_argument_is_noticed(known, command):
    Path("colours.fgmm").rename("of colours")  # known by what is in it
    before = Path("of colours").read_bytes()
    arguments = ["of colours" if word == "LIBRARY" else word for word in command]
    said = run("species", *arguments, code=2)
    assert "of colours is a library: did you mean --library 'of colours'?" in said
    assert Path("of colours").read_bytes() == before


def test_what_is_no_library_gets_the_usual_words(known):
    Path("notes.fgmm").write_text("no library")
    assert "Missing option '--library'" in run("species", "show", "notes.fgmm", code=2)
    said = species("list", "colours.fgmm", code=2)  # the option is there already
    assert "unexpected extra argument" in said


def test_a_list_of_a_damaged_library_says_who_knows_more(known):
    content = Path("colours.fgmm").read_bytes()
    Path("colours.fgmm").write_bytes(content[:16384] + bytes(len(content) - 16384))
    said = species("list", code=2)
    assert "or a damaged one" in said
    assert "and see what fgmm verify finds" in said
    assert "damaged: " in run("verify", "colours.fgmm", code=2)


def test_damaged_pages_are_told_in_words_first(known):
    with sqlite3.connect("colours.fgmm") as connection:  # an index says other things than its table
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = "
            "'sqlite_autoindex_thumbnails_1') WHERE name = 'sqlite_autoindex_species_1'"
        )
    connection.close()
    said = run("verify", "colours.fgmm", code=2)
    assert "damaged: file: its pages are not as they were written (SQLite: " in said
    assert "***" not in said
