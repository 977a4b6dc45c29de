"""``fgmm species`` and ``fgmm verify``: what they print, and their exit codes."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from fgmm import Recognizer
from fgmm.command.application import app
from fgmm.errors import StoreError

FAKE = ["--encoder", "fake"]


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 600)


def run(*arguments: str, code: int = 0, library: bool = True) -> str:
    more = ["--library", "colours.fgmm"] if library else []
    done = CliRunner().invoke(app, [*arguments, *more])
    assert done.exit_code == code, done.output
    return done.output


def test_a_library_from_the_first_species_to_the_last_undo():
    said = run("species", "add", "ruby", "photos/ruby", *FAKE)
    assert said.startswith("ruby: 5 photos added, 5 photos now; 1 species in all")
    run("species", "add", "sky", "photos/sky/*.png", "--also", "azure", "--parent", "colour")
    run("species", "add", "lake", "--description", "a dark blue thing")
    listed = run("species", "list").splitlines()
    assert [line.split()[:2] for line in listed[1:]] == [["ruby", "5"], ["sky", "5"], ["lake", "0"]]
    shown = run("species", "show", "AZURE")
    assert "also: azure" in shown
    assert "a kind of: colour" in shown
    assert "photos/sky/0.png" in shown
    run("species", "rename", "sky", "heaven")
    run("species", "merge", "heaven", "lake")
    run("species", "remove", "ruby", "--photo", "photos/ruby/2.png")
    assert (
        Recognizer.load("colours.fgmm").collection.find("ruby").photos.origins[2].endswith("3.png")
    )
    run("species", "remove", "ruby")
    assert len(Recognizer.load("colours.fgmm")) == 1
    assert run("species", "undo") == "taken back: removed ruby\n"
    assert run("species", "undo") == "taken back: removed 1 photo of ruby\n"
    assert run("species", "undo") == "taken back: merged heaven with lake\n"
    assert run("species", "undo") == "taken back: renamed sky as heaven\n"
    told = run("species", "history").splitlines()
    assert len(told) == 11
    assert told[3].endswith("renamed sky as heaven (taken back)")
    assert run("verify", "colours.fgmm", library=False) == (
        "colours.fgmm is whole: 3 species, 10 photos\n"
    )


def test_a_folder_of_folders_and_again(folder):
    (folder / "moss" / "9.png").write_bytes(b"no picture")
    said = run("species", "add", "--each-folder", "photos", *FAKE, code=1)
    assert "3 species and 15 photos added; 3 species in all" in said
    assert "not used: photos/moss/9.png: cannot read" in said
    (folder / "moss" / "9.png").unlink()
    said = run("species", "add", "--each-folder", "photos")
    assert said.endswith("\n0 species and 0 photos added; 3 species in all\n")


def test_export_and_import_give_the_same_library(tmp_path):
    run("species", "add", "--each-folder", "photos", *FAKE)
    run("species", "export", "out")
    run("species", "import", "out", "--library", "again.fgmm", library=False)
    one, other = (Recognizer.load(f"{name}.fgmm").collection for name in ("colours", "again"))
    assert one == other
    assert "something at" in run("species", "import", "out", code=2)


def test_a_damaged_library_is_told(tmp_path):
    import sqlite3

    run("species", "add", "ruby", "photos/ruby", *FAKE)
    connection = sqlite3.connect(tmp_path / "colours.fgmm")
    connection.execute("UPDATE photos SET checksum = checksum + 1")
    connection.commit()
    connection.close()
    assert "damaged: " in run("verify", "colours.fgmm", code=2, library=False)


MISTAKES = {
    "no name": (["add"], "give a name and photos"),
    "both": (["add", "ruby", "--each-folder", "photos"], "give a name and photos"),
    "no such folder": (["add", "--each-folder", "nowhere"], "there is no folder nowhere"),
    "no folder in it": (["add", "--each-folder", "photos/ruby"], "there is no folder in"),
    "no picture": (["add", "ruby", "photos/none.png", *FAKE], "there is no such file"),
    "no library": (["list"], "there is no library"),
    "nothing to change": (["remove", "ruby"], "there is no library"),
    "no library to undo": (["undo"], "there is no library"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_and_leave_nothing_behind(tmp_path, mistake):
    arguments, words = MISTAKES[mistake]
    said = run("species", *arguments, code=2)
    assert words in " ".join(said.replace("│", " ").split())
    assert not list(tmp_path.glob("*.fgmm"))


def test_a_species_that_is_there_takes_photos_and_no_words():
    run("species", "add", "ruby", "photos/ruby/0.png", *FAKE)
    assert "2 photos now" in run("species", "add", "ruby", "photos/ruby/1.png")
    said = run("species", "add", "ruby", "photos/ruby/2.png", "--also", "red", code=2)
    assert "only photos" in said
    assert "give photos" in run("species", "add", "ruby", code=2)
    assert "did you mean 'ruby'" in run("species", "show", "rubi", code=2)


def test_pictures_are_classified_by_a_library(folder):
    run("species", "add", "--each-folder", "photos", *FAKE)
    said = run("classify", "photos/sky/1.png")
    assert "looks most like photo 2 of sky" in said
    assert "encoder fake" in said
    said = run("classify", "photos/sky/1.png", "--labels", "ruby, moss")
    assert "of all species: sky" in said
    rows = run("classify", "photos", "--format", "csv").splitlines()
    assert len(rows) == 16
    assert run("classify", "photos", "--format", "jsonl").count('"nearest_photo"') == 15
    assert "did you mean 'ruby'" in run("classify", "photos", "--labels", "rubi", code=2)
    assert run("classify", "photos", "--encoder", "tiny", code=2) == (
        "error: colours.fgmm was made with the encoder 'fake' and not with 'tiny': leave --encoder "
        "out\n"
    )
    said = run("species", "add", "ruby", "photos/sky/0.png", "--encoder", "tiny", code=2)
    assert "leave --encoder out, and its own is used" in said
    assert "fake/" not in said
    more = ["--knowledge", "flowers", "--level", "family"]
    assert "knows none of these species" in run("classify", "photos", *more, code=2)
    assert "leave it out" in run("classify", "photos", "--joint", "photos", code=2)


def test_photos_that_are_known_are_no_failure():
    run("species", "add", "ruby", "photos/ruby", *FAKE)
    assert "0 photos added, 5 photos now" in run("species", "add", "ruby", "photos/ruby")


def test_folders_of_which_none_can_be_used_are_a_failure(folder, tmp_path):
    for picture in folder.glob("*/*.png"):
        picture.write_bytes(b"no picture")
    said = run("species", "add", "--each-folder", "photos", *FAKE, code=2)
    assert said.count("failed: ") == 3
    assert len(Recognizer.load(tmp_path / "colours.fgmm")) == 0


def test_a_library_that_was_there_stays_though_nothing_is_in_it(tmp_path):
    run("species", "add", "ruby", "photos/ruby", *FAKE)
    run("species", "undo")
    run("species", "add", "ruby", "photos/none.png", code=2)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    run("species", "add", "ruby", "broken.png", code=2)
    assert len(run("species", "history").splitlines()) == 2


def test_a_forgotten_name_is_noticed():
    """The first photo, or a folder, then stands where the name should."""
    for given in ("photos/ruby/0.png", "photos/ruby"):
        said = " ".join(run("species", "add", given, "photos/ruby/1.png", *FAKE, code=2).split())
        assert "and no name: first comes what the species is called" in said
    with pytest.raises(StoreError, match="there is no"):
        Recognizer.load("colours.fgmm")
