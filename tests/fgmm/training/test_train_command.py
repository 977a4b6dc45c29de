"""``fgmm train``: what it says before, what it leaves, how it goes on."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from fgmm import load_encoder
from fgmm.command.application import app
from fgmm.command.train_sources import open_pairs
from fgmm.training.stepping import Stepper

SHORT = ["--steps", "4", "--batch", "8", "--device", "cpu", "--rate", "0.005"]


@pytest.fixture
def train(birds, name, tmp_path, monkeypatch):
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setattr("fgmm.command.terminal._PATIENCE", 600)
    shutil.copytree(birds, tmp_path / "birds")

    def call(*arguments, source="birds"):
        return CliRunner().invoke(app, ["train", source, "--out", "run", "-e", name, *arguments])

    return call


def test_a_dry_run_says_what_would_learn_and_does_nothing(train, tmp_path):
    found = train(*SHORT, "--dry-run", "--validation", "0.25", "--tower", "image")
    assert found.exit_code == 0, found.output
    said = " ".join(found.output.split())
    assert "18 pictures, 6 held out to judge by, 4 classes, 8 texts" in said
    assert "CLIP's: each picture finds its text" in said
    assert "4 steps of 8 pictures: each picture is shown 2 times" in said
    assert (
        "LoRA on 7 layers, from visual.conv1 to visual.transformer.resblocks.1.mlp.c_proj" in said
    )
    assert not (tmp_path / "run").exists()


def test_it_trains_and_writes_a_model_that_every_command_takes(train, tmp_path):
    found = train(*SHORT, "--merged", "mine", "--concept", "bird", "-t", "a {}")
    assert found.exit_code == 0, found.output
    assert "--encoder openclip:mine" in found.output
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"adapter", "checkpoint.safetensors", "curves.png", "log.csv", "plan.json"}
    assert load_encoder("openclip:mine", device="cpu").context_length == 16
    again = train(*SHORT)
    assert again.exit_code == 2
    assert "run holds a training already: resume it, or give another folder" in again.stderr
    merged = train("--merged", "mine", "--resume")
    assert merged.exit_code == 2
    assert "mine is there already" in merged.stderr


def test_it_goes_on_with_the_plan_of_the_training(train, tmp_path, monkeypatch, same):
    step = Stepper.step

    def stopped(self, number, *rest):
        if number == 2:
            raise KeyboardInterrupt
        return step(self, number, *rest)

    monkeypatch.setattr(Stepper, "step", stopped)
    found = train(*SHORT)
    assert found.exit_code == 130
    assert "the same command with --resume goes on" in found.stderr
    monkeypatch.setattr(Stepper, "step", step)
    assert train("--resume", "--device", "cpu").exit_code == 0
    assert train(*SHORT, "--out", "whole").exit_code == 0
    assert same(tmp_path / "run", tmp_path / "whole")


def test_a_plan_is_read_and_options_go_before_it(train, tmp_path):
    (tmp_path / "how.json").write_text('{"steps": 50, "rank": 3, "batch": 4}', encoding="utf-8")
    found = train("--plan", "how.json", "--steps", "2", "--device", "cpu")
    assert found.exit_code == 0, found.output
    told = json.loads((tmp_path / "run" / "plan.json").read_text(encoding="utf-8"))
    assert (told["steps"], told["rank"], told["batch"]) == (2, 3, 4)
    (tmp_path / "how.json").write_text('{"rnak": 3}', encoding="utf-8")
    wrong = train("--plan", "how.json", "--out", "other")
    assert wrong.exit_code == 2
    assert "a plan has no 'rnak': did you mean 'rank'?" in wrong.stderr


def test_pictures_that_cannot_be_read_are_an_exit_code_of_their_own(train, tmp_path):
    folder = next(path for path in (tmp_path / "birds").iterdir())
    (folder / "bad.jpg").write_bytes(b"no picture")
    found = train(*SHORT)
    assert found.exit_code == 1, found.output
    assert "1 picture that cannot be read; see skipped.csv" in found.output
    assert "bad.jpg" in (tmp_path / "run" / "skipped.csv").read_text(encoding="utf-8")


def test_a_table_has_columns_and_its_own_texts(train, tmp_path):
    rows = [f"{path.relative_to(tmp_path)},{path.parent.name}" for path in
            sorted((tmp_path / "birds").rglob("*.png"))]  # fmt: skip
    (tmp_path / "t.csv").write_text("\n".join(["file,said", *rows]), encoding="utf-8")
    found = train(*SHORT, "--columns", "file", "said", source="t.csv")
    assert found.exit_code == 0, found.output
    assert "24 pictures, 4 texts" in " ".join(found.output.split())
    wrong = train(*SHORT, "--knowledge", "fieldguide", source="t.csv")
    assert wrong.exit_code == 2
    assert "t.csv has its own texts" in wrong.stderr


def test_a_graph_adds_its_sentences(birds):
    plain, told = (open_pairs(str(birds), knowledge=graph) for graph in (None, "fieldguide"))
    assert len(told.texts) > len(plain.texts) == 8
    assert set(plain.texts) < set(told.texts)
