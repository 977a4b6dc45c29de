"""The benchmark of meta-training: choices by base classes alone, nothing done twice, true rows."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

import fewshot
from fewshot import Background, Words


@pytest.fixture
def module(benchmark_module, monkeypatch):
    found = benchmark_module("metatrain")
    plan = replace(
        found.PLAN, steps=6, batch=2, validate_every=3, validation_episodes=20, n_way=3, n_query=3
    )
    monkeypatch.setattr(found, "PLAN", plan)
    monkeypatch.setattr(found, "UNTRAINED", ("prototype", "ridge"))
    return found


@pytest.fixture
def given(module):
    draw = torch.Generator().manual_seed(0)
    x = torch.eye(12).repeat(40, 1) + 0.5 * torch.randn(480, 12, generator=draw)
    y = [f"c{i % 12}" for i in range(480)]
    novel = torch.eye(12)[:6].repeat(40, 1) + 0.5 * torch.randn(240, 12, generator=draw)
    named = [f"n{i % 6}" for i in range(240)]
    eye = torch.eye(12)
    known = Background(x.mean(0), 0.25 * eye, 0.4 * eye, 480, "made up", "made up")
    words = Words(torch.eye(12), 10.0, classes=sorted(set(y)))
    shown, asked = (novel[:120], named[:120]), (novel[120:], named[120:])
    return module.Scene("flowers", "features", "made up", x, y, *shown, *asked, words, known)


LEARNERS = {"ridge": (fewshot.RidgeHead(), {"as planned": {}, "slow": {"number_rate": 1e-9}})}


def test_a_cell_is_what_evaluate_says_and_is_made_once(module, given, tmp_path, monkeypatch):
    cell = module.cell(given, 1, 50, tmp_path, LEARNERS)
    row = cell["rows"]["ridge"]
    head = fewshot.load_head(tmp_path / "flowers-1-ridge.safetensors")
    both = fewshot.evaluate(
        {"trained": head, "untrained": fewshot.RidgeHead()},
        given.shown,
        given.shown_labels,
        n_way=5,
        n_shot=1,
        n_query=15,
        n_episodes=50,
        background=given.background,
        query_features=given.asked,
        query_labels=given.asked_labels,
        small_classes="skip",
        space="made up",
    )
    gap = both.difference("trained", "untrained")
    assert (row["trained"], row["gain"]["mean"]) == (both["trained"].mean, gap.mean)
    assert row["gain"]["class_ci95"] == gap.class_ci95
    assert row["tried"].keys() == {"as planned", "slow"}
    assert row["base"][1] == max(row["tried"].values())
    monkeypatch.setattr(fewshot, "meta_train", None)
    monkeypatch.setattr(fewshot, "evaluate", None)
    again = module.cell(given, 1, 50, tmp_path, LEARNERS)
    assert json.dumps(again) == json.dumps(cell)


def test_no_novel_picture_is_learned_from(module, given, tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    other = replace(given, shown=given.shown + 5, asked=given.asked - 5)
    one = module.learn(given, "ridge", *LEARNERS["ridge"], 1, tmp_path / "a")
    two = module.learn(other, "ridge", *LEARNERS["ridge"], 1, tmp_path / "b")
    assert one["learned"] == two["learned"]


def test_the_table_says_what_was_measured(benchmark_module):
    gap = {"mean": 0.012, "ci95": [0.01, 0.014], "class_ci95": [-0.002, 0.03]}
    row = {
        "trained": 0.91,
        "untrained": 0.898,
        "ece": [0.05, 0.01],
        "gain": gap,
        "ahead": gap,
        "plan": "1e-4",
        "episodes": 3200,
        "seconds": 8.4,
        "base": [95.0, 96.1],
    }
    cell = {
        "set": "grocery",
        "layer": "features",
        "shots": 5,
        "episodes": 10_000,
        "classes": 18,
        "best": "fused",
        "untrained": {"ridge": 0.89, "fused": 0.9},
        "rows": {"ridge": row},
    }
    text = benchmark_module("metatrain_table").markdown([cell])
    assert "| ridge | **91.0** (+1.2 [-0.2, +3.0]) |" not in text  # its interval holds 0
    assert "| ridge | 91.0 (+1.2 [-0.2, +3.0]) |" in text
    assert "| best untrained | fused 90.0 |" in text
    sure = {**row, "ahead": {**gap, "class_ci95": [0.001, 0.03]}}
    surely = benchmark_module("metatrain_table").markdown([{**cell, "rows": {"ridge": sure}}])
    assert "| ridge | **91.0** (+1.2 [-0.2, +3.0]) |" in surely
    assert "Untrained: fused 90.0, ridge 89.0." in text
    assert (
        "| ridge | 89.8 | 91.0 | +1.2 [+1.0, +1.4] [-0.2, +3.0] | +1.2 [+1.0, +1.4] [-0.2, +3.0] "
        "| 5.0 → 1.0 | 95.0 → 96.1 | 1e-4; 3,200 episodes | 8 |" in text
    )
