"""``fgmm classify --library``: none of these, prediction sets, several pictures together."""

from __future__ import annotations

import csv
import io
import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from fgmm import Recognizer
from fgmm.command.application import app
from fgmm.errors import LibraryError


@pytest.fixture(autouse=True)
def library(folder, monkeypatch, shades):
    """Ruby, sky and moss with five photos each; one more picture of moss, ``strange.png``."""
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 600)
    recognizer = Recognizer.open("colours.fgmm", "fake")
    for name in ("ruby", "sky", "moss"):
        recognizer.add_species(name, folder / name)
    shades("moss", 7)[0].save("strange.png")
    return recognizer


def ask(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["classify", *arguments, "--library", "colours.fgmm"])
    assert done.exit_code == code, done.output
    return done.output


def test_one_picture_tells_how_likely_it_is_none_of_them(library):
    found = library.classify("strange.png")
    assert f"none of these species: probability {found.unknown:.3f}" in ask("strange.png")


def test_a_table_has_a_column_for_none_of_these_and_marks_what_is_not_sure(library):
    Image.new("RGB", (24, 24), "yellow").save("photos/lemon.png")
    lines = ask("photos", "--coverage", "0.6").splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line for line in lines if ".png" in line]
    found = library.classify("photos", coverage=0.6)
    assert {one.abstains is None for one in found} == {True, False}
    for row, one in zip(rows, found, strict=True):
        assert ("?" in row) == (one.abstains is not None)
        assert f" {one.unknown:.3f} " in row or " <0.001 " in row
    assert any(line.lstrip().startswith("? not sure") for line in lines)


def test_files_have_the_same(library):
    found = library.classify("photos", coverage=0.8)
    rows = list(csv.DictReader(io.StringIO(ask("photos", "--coverage", "0.8", "-f", "csv"))))
    told = [
        json.loads(row)
        for row in ask("photos", "--coverage", "0.8", "-f", "jsonl").split("\n")[:-1]
    ]
    assert len(found) == len(rows) == len(told) == 15
    for one, row, line in zip(found, rows, told, strict=True):
        assert float(row["unknown"]) == pytest.approx(one.unknown, rel=1e-4)
        assert row["plausible"] == "; ".join(one.plausible)
        assert row["abstains"] == (one.abstains or "")
        assert line["unknown"] == pytest.approx(one.unknown, rel=1e-4)
        assert line["plausible"] == list(one.plausible)
        assert line["coverage"] == 0.8
    assert "plausible" not in csv.DictReader(io.StringIO(ask("photos", "-f", "csv"))).fieldnames


def test_prediction_sets_take_the_place_of_the_runner_up():
    said = ask("photos", "--coverage", "0.8")
    assert "80%" in said
    assert "plausible: 80% of the time the right one is among them" in said
    assert "next" not in said


def test_pictures_together_give_one_answer(library):
    pictures = ["photos/sky/0.png", "photos/sky/1.png", "strange.png"]
    said = ask(*pictures, "--together")
    assert "3 pictures together" in said
    expected = library.classify_together(pictures)
    assert f"{expected.label}  " in said
    assert f"{expected.probability:.3f}" in said
    rows = ask(*pictures, "--together", "-f", "csv").splitlines()
    assert len(rows) == 2


MISTAKES = {
    "too much": (["--coverage", "1"], "1 is no share"),
    "no share": (["--coverage", "-0.5"], "-0.5 is no share"),
    "both": (["--coverage", "0.9", "--together"], "leave one of the two out"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_speak_of_the_option(mistake):
    arguments, words = MISTAKES[mistake]
    said = " ".join(ask("strange.png", *arguments, code=2).replace("│", " ").split())
    assert "Invalid value for --coverage" in said
    assert words in said


@pytest.mark.parametrize("option", [["--coverage", "0.9"], ["--together"]])
def test_without_a_library_these_are_refused(option):
    done = CliRunner().invoke(app, ["classify", "strange.png", "--labels", "a, b", *option])
    assert done.exit_code == 2
    assert "only a library" in " ".join(done.output.split())


@pytest.mark.parametrize("coverage", ["0.9", True, float("nan"), None.__class__, 1, 0])
def test_a_coverage_that_is_no_share_is_an_error_of_ours(library, coverage):
    with pytest.raises(LibraryError, match=r"coverage is .*more than 0 and less than 1"):
        library.classify("strange.png", coverage=coverage)
