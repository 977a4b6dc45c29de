"""Pictures, classes and queries that are left out, and told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import fgmm
from fgmm.datasets import LabelledImages
from tests.fgmm.evaluate_command.conftest import COLOURS, FAKE, run


def test_pictures_that_cannot_be_read_are_left_out_and_told(folder):
    (folder / "red" / "bad.png").write_text("no picture")
    result = run("pics", *FAKE, "-s", 1, "--out", "r.json")
    assert result.exit_code == 1
    assert "bad.png" in result.stderr
    assert json.loads(Path("r.json").read_text())["pictures"] == 18


@pytest.mark.parametrize("broken", [1, 6])
def test_a_class_too_small_for_what_cannot_be_read_is_left_out_where_that_is_asked(broken, folder):
    (folder / "grey").mkdir()
    for at in range(6):
        shutil.copy(folder / "red" / f"{at}.png", folder / "grey")
    for at in range(broken):
        (folder / "grey" / f"{at}.png").write_text("no picture")
    result = run("pics", *FAKE, "-s", 4, "--skip-small", "--out", "r.json")
    assert result.exit_code == 1, result.output
    assert "0.png" in result.stderr
    assert "1 of 4 classes left out: too small" in result.stderr
    found = fgmm.load_evaluations("r.json")[4]
    assert {one.classes for one in found.values()} == {("blue", "green", "red")}
    assert "zero-shot" in found  # words are of the classes that are left
    assert json.loads(Path("r.json").read_text())["pictures"] == 18
    result = run("pics", *FAKE, "-s", 4)
    assert result.exit_code == 2
    assert "0.png" in result.stderr
    assert f"class 'grey' has {6 - broken} picture" in result.stderr
    assert "--skip-small" in result.stderr


def test_queries_that_are_in_the_support_are_left_out_and_told(folder, monkeypatch):
    paths = {name: sorted((folder / name).glob("*.png")) for name in COLOURS}
    shown = [path for own in paths.values() for path in own[:3]]
    # red has a query that it shows, too
    asked = [path for own in paths.values() for path in own[3:]] + [paths["red"][0]]
    dataset = LabelledImages(
        "two pools",
        shown,
        tuple(path.parent.name for path in shown),
        asked,
        tuple(path.parent.name for path in asked),
    )
    monkeypatch.setattr("fgmm.datasets.open_dataset", lambda *_, **__: dataset)
    result = run("pics", *FAKE, "-s", 1, "--out", "r.json")
    assert result.exit_code == 0, result.output
    assert result.stderr == "warning: left out: 1 query that is a picture of the support too\n"
    assert json.loads(Path("r.json").read_text())["pictures"] == 18
    assert run("pics", *FAKE, "-s", 1, "--queries", 4).exit_code == 2  # red has but 3
