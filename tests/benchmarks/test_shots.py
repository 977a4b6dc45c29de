"""The comparison of heads: who is run on what, on the same episodes, and what the table says."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import fewshot
from fewshot import Background, EpisodeSampler, Support, Words
from fewshot.registry import HEADS


def unit(*shape, seed=0):
    rows = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows, dim=-1)


# ---------------------------------------------------------------- heads


@pytest.mark.parametrize("name", HEADS)
def test_what_a_head_is_said_not_to_look_at_changes_nothing(benchmark_module, name):
    module = benchmark_module("shots_heads")
    head, x, q = fewshot.load_head(name), unit(12, 8), unit(9, 8, seed=1)
    labels, exist = torch.arange(12) % 3, torch.ones(3, dtype=torch.bool)

    def logits(words_seed, background_seed):
        a = torch.randn(8, 8, generator=torch.Generator().manual_seed(background_seed))
        spread = a @ a.T / 8
        known = Background(unit(8, seed=background_seed) / 2, spread, 2 * spread, 50, "x", "y")
        words = Words(unit(3, 8, seed=words_seed), 10.0)
        return head.fit(Support(x, labels, exist, words, known)).logits(q)

    same_words = torch.equal(logits(2, 4), logits(3, 4))
    same_background = torch.equal(logits(2, 4), logits(2, 5))
    assert same_words == (name in module.PHOTOS_ONLY)
    assert same_background == (name not in module.READS_BACKGROUND)


@pytest.mark.parametrize("shots", [0, 1, 2, 16])
def test_heads_that_apply_and_tuned_ones_that_begin_with_their_default(benchmark_module, shots):
    module = benchmark_module("shots_heads")
    found = {e.name: e for e in module.entries(shots)}
    fixed = {name for name in fewshot.head_names() if name in found}
    needs_photos = {n for n in HEADS if "photos" in fewshot.load_head(n).needs}
    run = set(HEADS) - module.UNTRAINED
    assert fixed & set(HEADS) == (run if shots else run - needs_photos)
    tuned = {e.plain for e in found.values() if e.tuned}
    has_strength = set(module.STRENGTHS)
    assert tuned == {0: set(), 1: has_strength - needs_photos}.get(shots, has_strength)
    for name in tuned:
        first, default = found[f"{name} (tuned)"].head.candidates[0], fewshot.load_head(name)
        for axis in module.STRENGTHS[name]:
            assert getattr(first, axis) == getattr(default, axis)


def test_only_dear_heads_at_many_ways_are_left_out(benchmark_module):
    module = benchmark_module("shots_heads")
    every = module.entries(8)
    assert all(module.few(e, 8, 2000) for e in every)
    left = {e.name for e in every if not module.few(e, 8, 2000, 20)}
    assert left == {f"{name} (tuned)" for name in module.TRAINED | module.DEAR}


# ---------------------------------------------------------------- data


def made_up(data_module, wording="name", seed=7, query=True):
    """Five classes of 12 pictures around their own axis, and words that are the axes."""
    labels = np.repeat([f"class {i}" for i in range(5)], 12)
    x = torch.nn.functional.normalize(
        torch.eye(5, 16).repeat_interleave(12, 0) + 0.6 * unit(60, 16, seed=seed), dim=1
    )
    words = Words(torch.eye(5, 16) if wording == "name" else unit(5, 16, seed=9), 10.0)
    moved = torch.nn.functional.normalize(x.flip(0) + 0.05, dim=1)
    asked = (moved, labels[::-1]) if query else (None, None)
    return data_module.Scene("made up", wording, x, labels, *asked, words)


def test_atypical_photos_by_hand(benchmark_module):
    """Of four photos, three point along the first axis: the fourth is the atypical quarter."""
    module = benchmark_module("shots_data")
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    scene = module.Scene("d", "w", x, np.array(["a"] * 4), None, None, Words(x[:1], 1.0))
    found = module.atypical(scene, 1)
    assert found.features.tolist() == [[0.0, 1.0]]
    assert found.query.tolist() == [[1.0, 0.0]] * 3
    assert (found.labels.tolist(), found.query_labels.tolist()) == (["a"], ["a"] * 3)
    assert len(module.atypical(scene, 2).labels) == 2  # enough for two shots


def test_atypical_photos_leave_another_pool_of_queries_alone(benchmark_module):
    module = benchmark_module("shots_data")
    scene = made_up(module)
    found = module.atypical(scene, 1)
    assert found.query is scene.query
    assert len(found.labels) == 5 * 3


def test_embeddings_are_kept_for_one_space_and_one_list_of_pictures(
    benchmark_module, tmp_path, monkeypatch
):
    module = benchmark_module("shots_data")
    calls, cache = [], tmp_path / "deep" / "cache.safetensors"
    listed = {"support": [("a.jpg", "x"), ("b.jpg", "y")]}
    monkeypatch.setattr(module, "listings", lambda data: listed)
    monkeypatch.setattr(module, "_encode", lambda e, pairs: calls.append(1) or unit(len(pairs), 4))
    encoder = SimpleNamespace(space="one")
    for _ in range(2):
        x, keys = module.joint(encoder, "flowers", cache)["support"]
    assert (x.shape, keys.tolist(), len(calls)) == ((2, 4), ["x", "y"], 1)
    listed["support"].append(("c.jpg", "x"))
    assert len(module.joint(encoder, "flowers", cache)["support"][0]) == 3
    module.joint(encoder, "grocery", cache)
    encoder.space = "another"
    module.joint(encoder, "flowers", cache)
    assert len(calls) == 4
    module.joint(encoder, "flowers", None)
    assert len(calls) == 5


# ---------------------------------------------------------------- cells


@pytest.fixture
def small(benchmark_module, monkeypatch):
    """`run_cell` with four heads, one of which is run on a few episodes only."""
    module, heads = benchmark_module("shots"), benchmark_module("shots_heads")
    names = ("prototype", "zero-shot", "tip-adapter", "fused")
    made = [heads.Entry(n, fewshot.load_head(n), tuned=False) for n in names]
    monkeypatch.setattr(module, "entries", lambda shots: made)
    monkeypatch.setattr(module, "few", lambda e, shots, n, w: 12 if e.name == "tip-adapter" else n)
    monkeypatch.setattr(module, "N_QUERY", 6)
    monkeypatch.setattr(module, "WAYS", {"made up": 5})
    return module


def test_a_head_on_fewer_episodes_is_paired_with_the_first_ones(small, benchmark_module):
    scene = made_up(benchmark_module("shots_data"))
    cell = small.run_cell(scene, "2", small.Runs("s"), 40, None)
    options = {
        "n_shot": 2, "n_query": 6, "words": scene.words, "progress": False,
        "query_features": scene.query, "query_labels": scene.query_labels,
    }  # fmt: skip
    one = {
        name: fewshot.evaluate(
            fewshot.load_head(name), scene.features, scene.labels, n_episodes=40, **options
        ).accuracies
        for name in ("fused", "tip-adapter", "prototype")
    }
    heads = cell["heads"]
    assert (heads["tip-adapter"]["n"], heads["fused"]["n"]) == (12, 40)
    assert heads["tip-adapter"]["mean"] == pytest.approx(float(one["tip-adapter"][:12].mean()))
    for name, n in (("tip-adapter", 12), ("prototype", 40)):
        gap = float((one["fused"] - one[name])[:n].mean())
        assert heads[name]["fused_minus"]["mean"] == pytest.approx(gap)
    assert heads["fused"]["fused_minus"]["mean"] == 0


def test_photos_alone_are_run_once_for_all_wordings(small, benchmark_module, monkeypatch):
    data, runs, asked = benchmark_module("shots_data"), small.Runs("s"), []
    evaluate = fewshot.evaluate

    def seen(heads, *args, **options):
        asked.extend(heads)
        return evaluate(heads, *args, **options)

    monkeypatch.setattr(small.fewshot, "evaluate", seen)
    cells = [
        small.run_cell(made_up(data, wording), "1", runs, 20, None) for wording in ("name", "other")
    ]
    assert sorted(asked) == sorted(["prototype", *2 * ["zero-shot", "tip-adapter"], *4 * ["fused"]])
    first, second = (c["heads"] for c in cells)
    assert first["prototype"]["mean"] == second["prototype"]["mean"]
    assert first["zero-shot"]["mean"] > second["zero-shot"]["mean"] + 0.2


def test_evaluations_are_kept_in_a_folder_for_one_encoder(
    small, benchmark_module, monkeypatch, tmp_path
):
    scene, asked = made_up(benchmark_module("shots_data")), []
    evaluate = fewshot.evaluate

    def seen(heads, *args, **options):
        asked.extend(heads)
        return evaluate(heads, *args, **options)

    monkeypatch.setattr(small.fewshot, "evaluate", seen)

    def run(space="s"):
        asked.clear()
        return small.run_cell(scene, "1", small.Runs(space, tmp_path), 20, None)

    first = run()
    assert len(asked) == 5  # FusedHead twice: beside the head on fewer episodes too
    assert run() == first
    assert asked == []
    for path in tmp_path.glob("*/tip-adapter*"):
        path.unlink()
    assert run() == first
    assert asked == ["tip-adapter"]
    run("another")
    assert len(asked) == 5


def test_support_and_queries_of_one_pool_are_different_pictures(benchmark_module):
    """As `evaluate` draws them: the scene gives no second pool where there is one."""
    scene = made_up(benchmark_module("shots_data"), query=False)
    episodes = EpisodeSampler(scene.labels, 5, 2, 6).sample(0, 30)
    for s, q in zip(episodes.support.tolist(), episodes.query.tolist(), strict=True):
        assert not set(s) & set(q)


# ---------------------------------------------------------------- table


def head(mean, minus, n=100, *, transductive=False, high=None):
    gap = {"mean": minus, "ci95": (minus - 0.01, minus + 0.01 if high is None else high)}
    return {
        "mean": mean, "ci95": (mean - 0.02, mean + 0.02), "class_ci95": (0, 1), "n": n,
        "transductive": transductive, "reads_background": False,
        "fused_minus": {**gap, "class_ci95": (minus - 0.03, minus + 0.03)},
    }  # fmt: skip


@pytest.fixture
def cell():
    return {
        "set": "s", "wording": "w", "shots": "1", "background": "with",
        "heads": {
            "fused": head(0.800, 0.0),
            "zero-shot": head(0.700, 0.100),
            "ridge": head(0.803, -0.003),
            "tim": head(0.9, -0.1, transductive=True),
            "lp++ (tuned)": head(0.82, -0.02, n=10, high=0.02),
            "clap (tuned)": head(0.82, -0.02, n=10, high=-0.006),
        },
    }  # fmt: skip


def test_the_best_other_head_saw_every_episode_and_one_query_at_a_time(benchmark_module, cell):
    table = benchmark_module("shots_table")
    assert table.best_other(cell) == "ridge"
    assert table.best_other(cell, transductive=True) == "tim"
    assert table.surely_ahead(cell) == ["clap (tuned)"]


@pytest.mark.parametrize(
    ("ridge", "zero", "wanted"),
    [
        (-0.003, 0.1, (True, True)),
        (-0.005, -0.005, (True, True)),
        (-0.006, 0.1, (False, True)),
        (-0.003, -0.006, (True, False)),
    ],
)
def test_the_goal_is_half_a_point(benchmark_module, cell, ridge, zero, wanted):
    cell["heads"]["ridge"] = head(0.803, ridge)
    cell["heads"]["zero-shot"] = head(0.7, zero)
    assert benchmark_module("shots_table").met(cell) == wanted


def test_the_tables(benchmark_module, cell):
    told = {
        "encoder": "e", "space": "sp", "date": "today", "n_query": 10, "episodes": 100,
        "ways": {"a": 5, "b": 20}, "cells": {"a": cell},
    }  # fmt: skip
    found = benchmark_module("shots_table").markdown(told)
    assert "novel classes, 5 ways on a, 20 ways on b, 10 queries" in found
    assert "Within half a point of the best in 1 of 1 cells, of zero-shot in 1." in found
    assert (
        "| s | w | 1 | 70.0 | ridge 80.3; surely ahead: clap (tuned)\\* | 80.0 "
        "| -0.3 [-1.3, +0.7] [-3.3, +2.7] | +10.0 [+9.0, +11.0] [+7.0, +13.0] | tim 90.0 |"
    ) in found
    assert "| lp++ (tuned) | 82.0 ± 2.0\\* |" in found
    assert "missed" not in found
    cell["heads"]["ridge"] = head(0.803, -0.02)
    assert "| **missed** -2.0 [" in benchmark_module("shots_table").markdown(told)
