"""What is wrong with pictures, texts or plans is said, and nothing is lost."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
import torch

from fgmm import load_encoder
from fgmm.errors import TextTooLong, TrainingDiverged, TrainingError
from fgmm.training import (
    Pair,
    Pairs,
    TuningPlan,
    outline_training,
)

PLAN = TuningPlan(steps=12, batch=8, every=5, rate=5e-3, rank=2, ema=0.9, maximum_entropy=0.05)
MORE = replace(PLAN, centre=0.01)


def test_a_loss_that_is_no_number_names_its_pictures_and_keeps_the_checkpoint(
    name, pairs, tmp_path, monkeypatch, run, same
):
    from fgmm.training.objective import Objective

    forward, calls = Objective.forward, []

    def broken(self, seen):
        total, loss = forward(self, seen)
        calls.append(1)
        return (total * float("nan") if len(calls) == 7 else total), loss

    monkeypatch.setattr(Objective, "forward", broken)
    with pytest.raises(
        TrainingDiverged, match="the loss is nan at step 6, in a batch of"
    ) as caught:
        run(name, pairs, tmp_path / "run", PLAN)
    monkeypatch.setattr(Objective, "forward", forward)
    from fgmm.training.batches import Batches

    shown = Batches(pairs, PLAN).batch(6).rows
    assert len(shown) == 8
    assert all(pairs.items[row].title in str(caught.value) for row in shown)
    run(name, pairs, tmp_path / "run", PLAN, resume=True)
    run(name, pairs, tmp_path / "whole", PLAN)
    assert same(tmp_path / "run", tmp_path / "whole")


def test_a_picture_whose_vector_is_no_number_is_named_alone(
    name, pairs, tmp_path, monkeypatch, run
):
    from fgmm.training.trainee import Trainee

    pictures = Trainee.pictures

    def broken(self, prepared):
        vectors = pictures(self, prepared)
        return vectors.index_fill(0, torch.tensor([2]), float("nan")) if self.training else vectors

    monkeypatch.setattr(Trainee, "pictures", broken)
    with pytest.raises(TrainingDiverged) as caught:
        run(name, pairs, tmp_path / "run", PLAN)
    from fgmm.training.batches import Batches

    title = pairs.items[Batches(pairs, PLAN).batch(0).rows[2]].title
    assert str(caught.value).startswith(f"vectors are not finite at step 0, of {title}: lower rate")


def test_pictures_that_cannot_be_read_are_listed_and_left_out(
    name, pairs, tmp_path, caplog, run, same
):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    broken = Pairs(
        "birds", (Pair(tmp_path / "bad.png", ("a",), pairs.items[0].label), *pairs.items)
    )
    with caplog.at_level("WARNING", logger="fgmm"):
        found = run(name, broken, tmp_path / "run", replace(PLAN, steps=2))
    assert "left out: cannot read" in caplog.text
    with (tmp_path / "run" / "skipped.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["picture", "reason"]
    assert [row[0] for row in rows[1:]] == [str(tmp_path / "bad.png")]
    assert [title for title, _ in found.skipped] == [str(tmp_path / "bad.png")]
    again = run(name, broken, tmp_path / "run", replace(PLAN, steps=2), resume=True)
    assert again.skipped == found.skipped
    run(name, pairs, tmp_path / "without", replace(PLAN, steps=2))
    assert same(tmp_path / "run", tmp_path / "without")
    with pytest.raises(TrainingError, match="no picture of only can be read; the first: cannot"):
        run(name, Pairs("only", broken.items[:1]), tmp_path / "none", PLAN)


def test_texts_too_long_are_refused_before_anything_is_done(name, pairs, tmp_path, run):
    long = replace(pairs, items=(*pairs.items[:-1], replace(pairs.items[-1], texts=("a " * 15,))))
    with pytest.raises(TextTooLong, match="a text of 17 tokens is longer than the 16"):
        run(name, long, tmp_path / "run", PLAN)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("model", "plan", "words"),
    [
        ("hf_siglip", {"loss": "clip"}, "scores by sigmoid: .* use loss='siglip'"),
        ("hf_dinov2", {"loss": "clip"}, "reads no texts: use loss='prototypes'"),
        ("hf_dinov2", {"tower": "text"}, "tower is 'text', and .* reads no texts"),
        ("openclip_clip", {"loss": "prototypes", "per_class": 1}, "per_class is 1: the loss"),
        ("openclip_clip", {"batch": 64}, "batch is 64 and there are 24 pictures"),
    ],
)
def test_what_does_not_fit_is_refused(model, plan, words, encoder_name, pairs):
    with pytest.raises(TrainingError, match=words):
        outline_training(encoder_name(model), pairs, replace(PLAN, **plan))


def test_losses_of_classes_need_classes(name, pairs, tmp_path, run):
    bare = replace(pairs, items=tuple(replace(pair, label=None) for pair in pairs.items))
    with pytest.raises(TrainingError, match="centre needs two classes or more, and there are 0"):
        run(name, bare, tmp_path / "run", MORE)
    wordless = replace(bare, items=tuple(replace(pair, texts=()) for pair in bare.items))
    with pytest.raises(TrainingError, match=r"has no text \(24 pictures without\): loss 'clip'"):
        outline_training(name, wordless, PLAN)


def test_the_outline_is_what_comes(name, pairs, tmp_path, run):
    plan = replace(PLAN, validation=0.25)
    told = outline_training(name, pairs, plan)
    found = run(name, pairs, tmp_path, plan)
    assert (told.pictures, told.held_out, told.classes, told.texts) == (18, 6, 4, 8)
    assert told.epochs == 12 / 2
    assert told.loss == found.trainee.loss == "clip"
    assert told.learning == sum(value.numel() for value in found.trainee.trained().values())
    weights = load_encoder(name)._model.parameters()
    assert told.all_parameters == sum(value.numel() for value in weights)
