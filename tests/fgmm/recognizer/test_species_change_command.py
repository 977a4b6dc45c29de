"""``fgmm species`` remove, rename, also, merge, words, undo, forget: without an encoder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fgmm import Recognizer
from fgmm.command.application import app
from fgmm.library import LibraryFile, acts, verify


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    """A library of ruby and sky with five photos each, and of moss, known by its name."""
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 600)
    made = Recognizer.open("colours.fgmm", "fake")
    made.add_all({"ruby": "photos/ruby", "sky": "photos/sky", "moss": None})


@pytest.fixture
def no_encoder(monkeypatch):
    """Whoever loads an encoder is told off."""

    def fail(*_, **__):
        raise AssertionError("an encoder was loaded")

    monkeypatch.setattr("fgmm.encoders.registry.load_encoder", fail)
    monkeypatch.setattr("fgmm.recognition.keeping.Keeping.open", fail)


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["species", *arguments, "--library", "colours.fgmm"])
    assert done.exit_code == code, done.output
    return " ".join(done.output.replace("│", " ").split())


def species(name: str = "ruby"):
    with LibraryFile.open("colours.fgmm", readonly=True) as file:
        return file.collection.find(name)


def numbers() -> list[str]:
    return [Path(origin).stem for origin in species().photos.origins]


@pytest.mark.parametrize(
    ("which", "left"),
    [
        (["photos/ruby/2.png"], "0134"),
        (["2.png"], "0134"),
        (["ruby/2.png"], "0134"),
        (["2"], "0234"),  # the second
        (["1.png", "5"], "023"),
    ],
)
def test_a_photo_is_removed_by_what_people_call_it(which, left, no_encoder):
    options = [word for one in which for word in ("--photo", one)]
    said = run("remove", "ruby", *options)
    assert said.endswith(f"of ruby; {len(left)} are left")
    assert numbers() == list(left)
    run("undo")
    assert numbers() == list("01234")


def test_a_photo_by_its_digest(no_encoder):
    run("remove", "ruby", "--photo", species().photos.digests[3][:12])
    assert numbers() == list("0124")


def test_a_photo_that_may_be_several_is_told_with_all(no_encoder):
    run("merge", "ruby", "sky")
    said = run("remove", "ruby", "--photo", "2.png", code=2)
    assert "may be any of 2 photos of 'ruby': 3, photos/ruby/2.png; 8, photos/sky/2.png" in said
    assert "its photos are 1 to 10" in run("remove", "ruby", "--photo", "nine.png", code=2)


def test_all_photos_may_go_where_words_are_read(no_encoder):
    options = [word for n in range(1, 6) for word in ("--photo", str(n))]
    assert run("remove", "ruby", *options).endswith("it is known by its words now")
    assert len(species().photos) == 0


def test_the_last_photo_stays_where_no_words_are_read(pictures_only, shades, monkeypatch):
    Path("colours.fgmm").unlink()
    made = Recognizer.open("colours.fgmm", pictures_only)
    made.add_species("ruby", shades("ruby", 0, 1))
    monkeypatch.setattr("fgmm.recognizer.load_encoder", lambda _: pictures_only)
    said = run("remove", "ruby", "--photo", "1", "--photo", "2", code=2)
    assert "would be left without a photo" in said
    assert len(species().photos) == 2
    assert "1 is left" in run("remove", "ruby", "--photo", "1")


def test_what_became_of_a_name_is_told(no_encoder):
    run("rename", "ruby", "red stone")
    run("rename", "red stone", "garnet")
    for command in (["show", "ruby"], ["rename", "ruby", "x"], ["remove", "Ruby"]):
        said = run(*command, code=2)
        assert "no species is called" in said
        assert "it was renamed 'garnet' on" in said
    run("remove", "sky")
    assert "it was removed on" in run("show", "sky", code=2)
    run("undo")
    run("undo")
    assert "did you mean 'red stone'" in run("show", "red stane", code=2)
    assert "it was renamed 'red stone'" in run("merge", "sky", "ruby", code=2)


def test_other_names_and_a_description_come_in_one_change(no_encoder):
    said = run("also", "ruby", "red stone", "Rubin", "--description", "a red thing")
    assert said == "ruby is also called red stone, Rubin and looks so: a red thing"
    one = species()
    assert (one.names, one.description) == (("red stone", "Rubin"), "a red thing")
    run("undo")
    assert (species().names, species().description) == ((), None)
    assert run("also", "ruby", "--description", "red").endswith("looks so: red")
    assert "nothing is said" in run("also", "ruby", "--description", "")
    assert "'sky' is taken" in run("also", "ruby", "sky", code=2)
    assert "give another name, or --description" in run("also", "ruby", code=2)


def test_words_too_long_for_the_encoder_are_refused(here):
    before = Path("colours.fgmm").read_bytes()
    assert "32" in run("also", "ruby", "--description", "red " * 60, code=2)
    assert "32" in run("rename", "ruby", "red " * 60, code=2)
    assert Path("colours.fgmm").read_bytes() == before
    run(
        "also",
        "ruby",
        "--description",
        "something red, and rather more of it than of anything else",
    )


def test_words_around_names_are_shown_and_changed():
    assert run("words") == "concept: none sentence: {} (usual) sentence: a photo of a {}. (usual)"
    said = run("words", "--concept", "colour", "--template", "the {}")
    assert said == "concept: colour sentence: the {}"
    assert Recognizer.load("colours.fgmm").collection.phrasing.concept == "colour"
    assert "taken back: set the words around names (colour)" in run("undo")
    assert run("words").startswith("concept: none")
    run("words", "--concept", "colour")
    assert run("words", "--plain").startswith("concept: none")
    run("words", "--concept", "colour")
    for nothing in ("", " "):
        run("words", "--concept", "colour")
        assert run("words", "--concept", nothing).startswith("concept: none")
    assert species().name == "ruby"
    assert "leave it out" in run("words", "--plain", "--concept", "x", code=2)
    assert "leave it out" in run("words", "--plain", "--template", "the {}", code=2)
    assert "has no {}" in run("words", "--template", "the", code=2)


def test_forgetting_is_asked_about_and_says_what_it_freed(no_encoder):
    run("remove", "ruby")
    said = run("forget", code=2)
    assert "2 changes could not be taken back any more" in said
    assert "add --yes" in said
    before = Path("colours.fgmm").stat().st_size
    said = run("forget", "--yes")
    after = Path("colours.fgmm").stat().st_size
    assert f"{(before - after) / 1000:.1f} kB less" in said
    assert "no change to take back" in run("undo", code=2)
    assert "removed ... (forgotten)" in run("history")
    assert verify("colours.fgmm") == []


def test_a_list_says_what_is_known_and_as_json_all_of_it(no_encoder):
    run("also", "moss", "lichen", "--description", "a soft green thing")
    said = run("list")
    assert 'moss 0 lichen; "a soft green thing"' in said
    assert f"ruby 5 {species().photos.added[0][:10]}" in said
    told = json.loads(run("list", "--json"))
    assert told["encoder"] == "fake"
    ruby, _, moss = told["species"]
    assert (ruby["photos"], ruby["first_photo"]) == (5, species().photos.added[0])
    assert (moss["names"], moss["description"]) == (["lichen"], "a soft green thing")
    assert moss["first_photo"] is None


def test_torch_is_not_even_imported(tmp_path):
    commands = [
        ["also", "ruby", "red stone"],
        ["rename", "ruby", "garnet"],
        ["show", "garnet"],
        ["remove", "sky", "--photo", "1"],
        ["merge", "garnet", "moss"],
        ["list", "--json"],
        ["history"],
        ["words"],
        ["undo"],
        ["export", "out"],
        ["forget", "--yes"],
    ]
    program = (
        "import json, sys\n"
        "from typer.testing import CliRunner\n"
        "from fgmm.command.application import app\n"
        "for one in json.loads(sys.argv[1]):\n"
        "    done = CliRunner().invoke(app, ['species', *one, '--library', 'colours.fgmm'])\n"
        "    assert done.exit_code == 0, done.output\n"
        "    assert 'torch' not in sys.modules, one\n"
    )
    root = str(Path(__file__).parents[3])
    subprocess.run(
        [sys.executable, "-c", program, json.dumps(commands)],
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": root, "PATH": ""},
        timeout=120,
    )


def test_merging_tells_the_names_that_were_gained_not_those_that_were_typed(no_encoder):
    run("also", "ruby", "red")
    run("also", "sky", "azure", "heaven")
    said = run("merge", "RED", "azure")
    assert said == "ruby has 10 photos, and is also called sky, azure, heaven"


def test_what_a_copy_began_with_is_no_change_that_could_be_taken_back():
    Recognizer.load("colours.fgmm").save("copy.fgmm")
    Path("copy.fgmm").replace("colours.fgmm")
    with LibraryFile.open("colours.fgmm") as file:
        assert [(one.final, one.can_be_undone) for one in file.history()] == [(True, False)]
    assert "0 changes could not be taken back" in run("forget", code=2)
    run("rename", "ruby", "garnet")
    run("rename", "garnet", "red stone")
    run("undo")
    assert "1 change could not be taken back" in run("forget", code=2)
    assert "forgotten: 1 change cannot" in run("forget", "--yes")
    assert "0 changes could not" in run("forget", code=2)


def test_only_words_that_some_encoder_may_not_read_have_it_loaded(no_encoder):
    run("also", "ruby", "--description", "x" * 60)
    done = CliRunner().invoke(
        app, ["species", "also", "ruby", "--description", "x" * 61, "--library", "colours.fgmm"]
    )
    assert "an encoder was loaded" in f"{done.output} {done.exception}"
    assert species().description == "x" * 60


def test_what_is_wrong_with_a_name_comes_before_how_long_it_is(no_encoder):
    long = "sky " * 30
    with LibraryFile.open("colours.fgmm") as file:
        file.apply(*acts.naming(file.collection, "sky", [long]))
    assert "is taken" in run("rename", "ruby", long, code=2)


def test_what_was_told_in_one_change_is_in_its_history(no_encoder):
    run("also", "ruby", "red stone", "--description", "a red thing")
    with LibraryFile.open("colours.fgmm") as file:
        entry = file.history()[-1]
    assert entry.what == "add_names"
    assert {"name": "ruby", "names": ["red stone"]}.items() <= dict(entry.detail).items()
