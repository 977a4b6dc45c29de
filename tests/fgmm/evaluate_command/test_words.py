"""What classes are called, and which heads read it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

import fgmm
from fgmm.command.evaluation_setup import warn_of_same_words
from fgmm.datasets import LabelledImages
from tests.fgmm.evaluate_command.conftest import COLOURS, FAKE, run


def test_words_are_used_where_they_are_known_and_zero_shots_where_heads_read_them(folder):
    result = run("pics", *FAKE, "-s", 0, "-s", 1, "--out", "r.json")
    assert result.exit_code == 0, result.output
    found = fgmm.load_evaluations("r.json")
    assert {"zero-shot", "fused"} <= set(found[0])
    assert torch.equal(found[0]["zero-shot"].accuracies, found[0]["fused"].accuracies)
    assert "prototype" not in found[0]
    assert {"prototype", "zero-shot"} <= set(found[1])
    assert json.loads(Path("r.json").read_text())["words"] == "name"
    assert found[0]["zero-shot"].mean > 0.9  # it knows the names of colours
    assert "words: name" in " ".join(result.stdout.split())


def test_classes_of_the_same_words_are_named(folder):
    for twin in ("001.red", "002.red", "07-blue"):
        (folder / twin).mkdir()
        for at in range(6):
            shutil.copy(folder / "red" / f"{at}.png", folder / twin)
    result = run("pics", *FAKE, "-s", 1, "--head", "zero-shot")
    assert result.exit_code == 0, result.output
    told = " ".join(result.stderr.split())
    assert (
        "warning: 5 classes have the words of another, which heads of words alone cannot tell "
        "apart: '001.red', '002.red', 'red' ('red'); '07-blue', 'blue' ('blue')" in told
    )
    assert "warning" not in run("pics", *FAKE, "-s", 1, "--no-words").stderr


@pytest.fixture
def numbered(folder):
    """The same pictures in folders 001, 002, 003."""
    for at, name in enumerate(COLOURS):
        (folder / name).rename(folder / f"{at + 1:03}")
    return folder


def test_numbers_are_not_taken_for_words(numbered):
    result = run("pics", *FAKE, "-s", 1)
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith(
        "note: class names such as '001' have no letters: they are not used as words (give --names"
    )
    assert "no words" in " ".join(result.stdout.split())
    assert "zero-shot" not in result.stdout
    assert "note" not in run("pics", *FAKE, "-s", 1, "--no-words").stderr
    result = run("pics", *FAKE, "-s", 1, "--words")
    assert result.exit_code == 2
    assert "have no letters" in " ".join(result.stderr.split())


@pytest.mark.parametrize("form", ["lines", "json"])
def test_a_file_says_what_the_classes_are_called(form, numbered):
    names = {f"{at + 1:03}": name for at, name in enumerate(COLOURS)} | {"999": "not here"}
    told = json.dumps(names) if form == "json" else "".join(f"{k}\t{v}\n" for k, v in names.items())
    Path("names").write_text(told)
    options = ["-s", 0, "--head", "zero-shot", "--words-kind", "name", "--out", "r.json"]
    result = run("pics", *FAKE, "--names", "names", *options)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    found = fgmm.load_evaluations("r.json")[0]["zero-shot"]
    assert found.classes == ("001", "002", "003")
    assert found.mean > 0.9  # it knows the names of colours


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("001\tred\n002\tgreen\n", "names has no name for class '003'"),
        ("001\ta\n001\tb\n002\tc\n003\td\n", "names has 2 names for class '001'"),
        ("red\ngreen\nblue\n", "names lists names and not whose they are"),
    ],
)
def test_names_that_do_not_fit_are_refused(content, words, numbered):
    Path("names").write_text(content)
    result = run("pics", *FAKE, "-s", 1, "--names", "names")
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.replace("│", " ").split())


def test_pictures_without_a_folder_are_told(folder):
    Image.new("RGB", (9, 9)).save(folder / "x.png")
    told = run("pics", *FAKE, "-s", 1).stderr
    assert told.startswith("warning: left out: 1 picture beside the folders in pics")


def test_many_classes_of_the_same_words_are_counted(capsys):
    labels = tuple(f"{kind}{at}" for kind in "abcd" for at in range(3))
    texts = {"name": {x: x for x in labels}, "coarse": {x: x[0] for x in labels}}
    data = LabelledImages("letters", labels, labels, texts=texts)
    warn_of_same_words(data, "name")
    assert capsys.readouterr().err == ""
    warn_of_same_words(data, "coarse")
    told = capsys.readouterr().err
    assert "12 classes have the words of another" in told
    assert told.endswith("'c0', 'c1', 'c2' ('c'); and 1 more\n")


def test_without_words_the_layer_is_features():
    result = run("pics", *FAKE, "-s", 1, "--no-words", "--out", "r.json")
    assert result.exit_code == 0, result.output
    assert "layer features, no words" in " ".join(result.stdout.split())
    assert "zero-shot" not in fgmm.load_evaluations("r.json")[1]
