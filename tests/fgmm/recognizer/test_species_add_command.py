"""``fgmm species add``: one species, folders, a list of names; mistakes before the work."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from fgmm import Recognizer
from fgmm.command.application import app


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 600)


def add(*arguments: str, code: int = 0) -> str:
    """What it says, on one line: errors come in a box of several."""
    more = ["--encoder", "fake", "--library", "colours.fgmm"]
    done = CliRunner().invoke(app, ["species", "add", *arguments, *more])
    assert done.exit_code == code, done.output
    return " ".join(done.output.replace("│", " ").split())


def species():
    return Recognizer.load("colours.fgmm").collection


@pytest.fixture
def no_encoder(monkeypatch):
    """Whoever loads an encoder is told off."""

    def fail(*_, **__):
        raise AssertionError("an encoder was loaded")

    monkeypatch.setattr("fgmm.recognition.keeping.Keeping.open", fail)


def test_attributes_are_kept():
    add("ruby", "photos/ruby", "--attribute", "red=1.0", "--attribute", "hue = 3 = 0.25")
    assert dict(species().find("ruby").attributes) == {"red": 1.0, "hue = 3": 0.25}


def test_a_list_of_names(tmp_path):
    (tmp_path / "names.txt").write_text("# colours\nruby\tred\nsky\tblue\nsky\tazure\n\nmoss\n")
    said = add("--names-file", "names.txt")
    assert said == (
        "3 species and 0 photos added; 3 species in all more than once in the list, taken as one: "
        "sky (2 times)"
    )
    assert [(one.name, one.names) for one in species()] == [
        ("ruby", ("red",)),
        ("sky", ("blue", "azure")),
        ("moss", ()),
    ]
    (tmp_path / "names.json").write_text('["moss", "lemon"]')
    assert add("--names-file", "names.json") == "1 species and 0 photos added; 4 species in all"
    assert [one.what for one in Recognizer.open("colours.fgmm").history()] == ["add_all", "add_all"]


def test_without_a_terminal_there_is_a_line_for_each_folder():
    said = add("--each-folder", "photos")
    for name in ("moss", "ruby", "sky"):
        assert f"read: {name}, 5 new photos" in said


def test_a_folder_of_folders_is_one_change(folder):
    add("--each-folder", "photos")
    (entry,) = Recognizer.open("colours.fgmm").history()
    assert entry.what == "add_all"
    assert entry.detail == {"species": 3, "photos": 15, "names": ["moss", "ruby", "sky"]}


def test_the_same_photo_in_two_folders_is_told_by_both_names(folder):
    (folder / "sky" / "copy.png").write_bytes((folder / "moss" / "3.png").read_bytes())
    said = add("--each-folder", "photos", code=1)
    assert "photos/sky/copy.png: is the same picture as photos/moss/3.png, of 'moss'" in said


def test_interrupted_it_says_what_is_kept(monkeypatch):
    gather = Recognizer._gather

    def interrupted(self, photos, *more):
        if "sky" in str(photos):
            raise KeyboardInterrupt
        return gather(self, photos, *more)

    monkeypatch.setattr(Recognizer, "_gather", interrupted)
    said = add("--each-folder", "photos", code=130)
    assert "interrupted: stopped at 'sky', 3 of 3; 2 species before it are kept" in said
    assert [one.name for one in species()] == ["moss", "ruby"]


WRONG_NAMES = {
    "empty": (["  "], "an empty text"),
    "a file": (["photos/ruby/0.png", "photos/ruby/1.png"], "is a file and no name"),
    "other name empty": (["ruby", "--also", " "], "another name is ' '"),
    "no attribute": (["ruby", "--attribute", "red"], "'red' is no attribute"),
    "no share": (["ruby", "--attribute", "red=2"], "'red=2' is no attribute"),
    "no number": (["ruby", "--attribute", "red=much"], "'red=much' is no attribute"),
    "nothing of it": (["ruby", "--attribute", "=1"], "'=1' is no attribute"),
    "attribute twice": (["ruby", "--attribute", "a=1", "--attribute", "a=0"], "given twice"),
    "no photo there": (["ruby", "none.png"], "there is no such file"),
    "two ways": (["ruby", "--names-file", "names.txt"], "or --names-file FILE"),
    "of one species": (["--names-file", "names.txt", "--also", "x"], "of one species"),
    "no list": (["--names-file", "none.txt"], "there is no such file"),
    "twice in the list": (["--names-file", "names.txt"], "'Ruby' is given twice"),
}


@pytest.mark.parametrize("wrong", WRONG_NAMES)
def test_what_is_wrong_is_told_before_an_encoder_is_loaded(tmp_path, wrong, no_encoder):
    (tmp_path / "names.txt").write_text("ruby\nRuby\n")
    arguments, words = WRONG_NAMES[wrong]
    assert words in add(*arguments, code=2)
    assert not list(tmp_path.glob("*.fgmm"))


def test_names_that_are_taken_are_told_before_an_encoder_is_loaded(tmp_path, monkeypatch):
    add("ruby", "photos/ruby", "--also", "red")
    monkeypatch.setattr("fgmm.recognition.keeping.Keeping.open", None)
    (tmp_path / "names.txt").write_text("moss\tred\n")
    assert "'red' is taken: it is a name of 'ruby'" in add("--names-file", "names.txt", code=2)
    assert "'RED' is taken" in add("moss", "photos/moss", "--also", "RED", code=2)
    assert "only photos can be added" in add("red", "--description", "warm", code=2)
    assert "give photos" in add("ruby", code=2)


def test_one_warning_is_told_once(monkeypatch):
    import logging

    opened = Recognizer.open.__func__

    def warn(cls, *given, **more):
        logging.getLogger("fgmm").warning("beware")
        return opened(cls, *given, **more)

    monkeypatch.setattr(Recognizer, "open", classmethod(warn))
    assert add("ruby").count("beware") == 1


def test_what_another_wrote_to_a_new_library_stays_when_the_command_that_made_it_fails(
    tmp_path, monkeypatch
):
    """Another process adds to the new library while the command reads a photo that is none."""
    (tmp_path / "none.png").write_bytes(b"no picture")
    add_species = Recognizer.add_species

    def overtaken(self, name, *given, **more):
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)
        Recognizer.open("colours.fgmm").add_species("wren")
        return add_species(self, name, *given, **more)

    monkeypatch.setattr(Recognizer, "add_species", overtaken)
    assert "the photo cannot be read" in add("ruby", "none.png", code=2)
    assert [one.name for one in species()] == ["wren"]


def test_other_words_than_the_librarys_are_refused():
    add("ruby", "--template", "the {}")
    assert "says its names otherwise" in add("sky", "--template", "a {}", code=2)
    assert "says its names otherwise" in add("sky", "--concept", "colour", code=2)
    add("sky", "--template", "the {}")
    assert [one.name for one in species()] == ["ruby", "sky"]


def test_hidden_folders_are_no_species(folder):
    (folder / ".thumbs").mkdir()
    (folder / ".thumbs" / "0.png").write_bytes((folder / "ruby" / "0.png").read_bytes())
    add("--each-folder", "photos")
    assert [one.name for one in species()] == ["moss", "ruby", "sky"]


def test_logging_is_afterwards_as_it_was():
    import logging

    log = logging.getLogger("fgmm.recognition.adding")
    before = log.level, log.propagate, list(log.handlers)
    add("--each-folder", "photos")
    assert (log.level, log.propagate, log.handlers) == before
    assert log.propagate
