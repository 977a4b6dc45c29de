"""Omniglot's minimal setting: classes turned right, nothing tested is learned, runs that go on."""

from __future__ import annotations

import io
import json
import time
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from fgmm.datasets import OneShotRun


@pytest.fixture
def module(benchmark_module):
    return benchmark_module("omniglot_minimal")


def drawing(seed, jitter=0):
    """A character: blocks of ink, the same for a seed but for a few pixels."""
    ink = np.random.default_rng(seed).random((7, 7)) < 0.4
    ink = np.kron(ink, np.ones((4, 4), bool))
    ink ^= np.random.default_rng(1000 * seed + jitter).random(ink.shape) < 0.02
    file = io.BytesIO()
    Image.fromarray(np.where(ink, 0, 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_a_quarter_turn_moves_the_corner_and_names_another_class(module):
    picture = torch.zeros(1, 1, 3, 3)
    picture[0, 0, 0, 2] = 1.0  # upper right: a turn against the clock goes to the upper left
    pictures, labels = module.turned(picture, ["Greek/a"])
    assert labels == ["Greek/a@0", "Greek/a@90", "Greek/a@180", "Greek/a@270"]
    assert [tuple(p[0].nonzero()[0].tolist()) for p in pictures] == [(0, 2), (0, 0), (2, 0), (2, 2)]


def test_a_character_is_held_out_with_all_its_turns(module):
    labels = [f"c{i:02d}@{turn}" for i in range(30) for turn in (0, 90, 180, 270)]
    away = module.held_out(labels, 1)
    assert len(away) == 4 * module.HELD_OUT
    assert {label.partition("@")[2] for label in away} == {"0", "90", "180", "270"}
    assert len({label.partition("@")[0] for label in away}) == module.HELD_OUT
    assert away == module.held_out(labels, 1) != module.held_out(labels, 2)


def test_errors_are_the_share_of_wrong_names_of_each_run(module):
    shown = tuple(drawing(i) for i in range(4))
    asked = tuple(drawing(i, 1) for i in (2, 0, 3, 1))
    right = OneShotRun("run01", shown, asked, (2, 0, 3, 1))
    half = OneShotRun("run02", shown, asked, (2, 0, 1, 3))  # two answers are said to be others
    assert module.judge(torch.nn.Flatten(), (right, half)) == [0.0, 0.5]


@pytest.fixture
def archives(tmp_path, module, monkeypatch):
    home = tmp_path / "omniglot"
    home.mkdir()
    for which in (1, 2):
        with zipfile.ZipFile(home / f"images_background_small{which}.zip", "w") as zipped:
            for c in range(8):
                for i in range(4):
                    zipped.writestr(
                        f"small{which}/A/character{c:02d}/{c:02d}_{i}.png",
                        drawing(100 * which + c, i),
                    )
    with zipfile.ZipFile(home / "all_runs.zip", "w") as zipped:
        for c in range(3):
            zipped.writestr(f"run01/training/class0{c}.png", drawing(900 + c))
            zipped.writestr(f"run01/test/item0{c}.png", drawing(900 + c, 1))
        pairs = [f"run01/test/item0{c}.png run01/training/class0{c}.png" for c in range(3)]
        zipped.writestr("run01/class_labels.txt", "\n".join(pairs))
    plan = replace(
        module.PLAN, n_way=4, n_query=2, steps=2, validate_every=1, validation_episodes=4
    )
    for name, value in {"DATA": tmp_path, "PLAN": plan, "HELD_OUT": 2, "SEEDS": (0, 1)}.items():
        monkeypatch.setattr(module, name, value)
    return module


def test_out_of_time_it_goes_on_to_the_same_errors_and_nothing_is_done_twice(archives, tmp_path):
    forever = time.time() + 1e6
    with pytest.raises(archives.OutOfTime):
        archives.train(1, 0, 2, tmp_path / "stopped", 0.0)
    assert not (tmp_path / "stopped" / "set1-seed0" / "result.json").exists()
    found = []
    for out in (tmp_path / "stopped", tmp_path / "whole"):
        archives.train(1, 0, 2, out, forever)
        told = json.loads((out / "set1-seed0" / "result.json").read_text())
        found.append((told["errors"], told["validation_accuracy"], told["held_out"]))
    assert found[0] == found[1]
    kept = tmp_path / "whole" / "set1-seed0" / "checkpoint.safetensors"
    before = kept.stat().st_mtime_ns
    archives.train(1, 0, 2, tmp_path / "whole", forever)
    assert kept.stat().st_mtime_ns == before


def test_the_table_counts_the_seeds_that_are_there(module, tmp_path):
    for which, seed, errors in ((1, 0, [0.1, 0.3]), (1, 1, [0.3, 0.3]), (2, 0, [0.4, 0.4])):
        folder = tmp_path / f"set{which}-seed{seed}"
        folder.mkdir()
        told = {"set": which, "seed": seed, "errors": errors, "plan": {"steps": 7}}
        (folder / "result.json").write_text(json.dumps(told))
    lines = module.table(tmp_path, 7).splitlines()
    # means of seeds 20 and 30: mean 25, spread sqrt((25 + 25) / 1) = 7.1
    assert lines[2].startswith("| small 1 | 2 | 25.0 % | 7.1 | 0: 20.0 [10.0, 30.0]; 1: 30.0")
    assert lines[3].startswith("| small 2 | 1 | 40.0 % | - | 0: 40.0 [40.0, 40.0]")
    assert lines[4].startswith("| both | 3 | 30.0 % | 10.0 |")
    assert lines[-1].startswith("Missing: small 1, seed 2; ")
    assert "small 1, seed 1;" not in lines[-1]
    assert module.table(tmp_path, 8).count("small 1 | ") == 0
