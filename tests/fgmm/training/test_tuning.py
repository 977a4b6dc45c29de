"""The loop: it learns, judges, follows a teacher."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from fgmm import load_encoder
from fgmm.embedding import embed_images
from fgmm.errors import TrainingError
from fgmm.training import (
    TuningPlan,
    tune_encoder,
)
from fgmm.training.stepping import Stepper
from fgmm.training.trainee import Trainee

PLAN = TuningPlan(steps=12, batch=8, every=5, rate=5e-3, rank=2, ema=0.9, maximum_entropy=0.05)


def rank_accuracy(encoder, pairs) -> float:
    """Share of pictures whose nearest of all names is their own."""
    names = sorted({pair.texts[0] for pair in pairs.items})
    seen = embed_images([pair.picture for pair in pairs.items], encoder=encoder).vectors
    best = (seen @ encoder.encode_texts(names).vectors.T).argmax(1).tolist()
    right = [names[at] == pair.texts[0] for at, pair in zip(best, pairs.items, strict=True)]
    return sum(right) / len(right)


@pytest.mark.parametrize("loss", ["clip", "siglip"])
def test_learning_happens(loss, name, pairs, tmp_path, run):
    plan = replace(PLAN, loss=loss, steps=100, every=50, rank=4, rate=1e-2, maximum_entropy=0.0)
    plan = replace(plan, crop=0.9, colour=0.0, flip=0.0, erase=0.0)
    found = run(name, pairs, tmp_path / "run", plan)
    assert found.records[-1].loss < 0.8 * found.records[1].loss
    assert rank_accuracy(found.encoder(), pairs) > 0.55  # chance is 0.25, its deviation 0.09


def test_what_is_left_in_the_folder(name, pairs, tmp_path, run):
    told = []
    found = run(name, pairs, tmp_path, replace(PLAN, validation=0.25), watch=told.append)
    assert tuple(told) == found.records
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [0, 5, 10, 12]
    assert [int(row["pictures"]) for row in rows] == [0, 40, 80, 96]
    assert all(0 <= float(row["validation_accuracy"]) <= 1 for row in rows)
    assert min(float(row["validation_loss"]) for row in rows) == found.best.validation_loss
    with Image.open(tmp_path / "curves.png") as drawing:
        assert drawing.size[0] > 500
    assert not (tmp_path / "skipped.csv").exists()
    assert not list(tmp_path.glob("*.part"))


def test_patience_stops_and_the_best_is_kept(name, pairs, tmp_path, monkeypatch, run):
    losses = iter([3.0, 2.0, 2.5, 2.4, 1.0])
    monkeypatch.setattr("fgmm.training.run.judge_pairs", lambda *_: (next(losses), 0.5))
    plan = replace(PLAN, steps=40, every=2, validation=0.25, patience=2, ema=0.0)
    found = run(name, pairs, tmp_path / "run", plan)
    assert [record.step for record in found.records] == [0, 2, 4, 6]
    assert found.best_step == 2
    losses = iter([3.0, 2.0])
    short = replace(plan, steps=40, patience=0, warm_up=plan.warm_up)
    step = Stepper.step

    def stopped(self, number, *rest):
        if number == 2:
            raise KeyboardInterrupt
        return step(self, number, *rest)

    monkeypatch.setattr(Stepper, "step", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(name, pairs, tmp_path / "two", short)
    kept = load_file(tmp_path / "two" / "checkpoint.safetensors")
    for key, value in found.trainee.trained().items():
        assert torch.equal(value, kept[f"best/{key}"])


def test_a_teacher_is_followed_and_asked_once(name, encoder_name, pairs, tmp_path, run):
    plan = replace(PLAN, steps=40, every=20, rate=1e-2, distillation=300.0, maximum_entropy=0.0)
    teacher = load_encoder(encoder_name("hf_dinov2"), device="cpu")
    wanted = embed_images([p.picture for p in pairs.items], encoder=teacher).vectors

    def apart(encoder) -> float:
        seen = embed_images([p.picture for p in pairs.items], encoder=encoder).vectors
        return float((seen @ seen.T - wanted @ wanted.T).square().mean())

    cache = tmp_path / "cache.sqlite"
    found = run(name, pairs, tmp_path / "run", plan, teacher=teacher, cache=cache)
    assert apart(found.encoder()) < 0.3 * apart(load_encoder(name))
    with pytest.raises(TrainingError, match="encoder, pictures, texts or teacher are others"):
        run(name, pairs, tmp_path / "run", plan, resume=True)
    from fgmm import EmbeddingCache

    with EmbeddingCache(cache) as kept:
        assert kept.stats().vectors == 24


def test_a_teachers_probabilities_are_followed(name, encoder_name, pairs, tmp_path, run):
    kind = {"distil": "kl", "distillation": 50.0, "rate": 1e-2, "steps": 30}
    plan = replace(PLAN, maximum_entropy=0.0, **kind)
    with pytest.raises(TrainingError, match=r"the teacher .* reads no texts: use distil='cosine'"):
        run(name, pairs, tmp_path / "run", plan, teacher=encoder_name("hf_dinov2"))
    short = replace(pairs, items=tuple(replace(p, texts=p.texts[:1]) for p in pairs.items))
    teacher = load_encoder(encoder_name("hf_clip"), device="cpu")
    found = run(name, short, tmp_path / "run", plan, teacher=teacher)
    first, last = found.records[1], found.records[-1]
    assert (last.total - last.loss) < 0.5 * (first.total - first.loss)


def test_a_class_that_is_held_out_whole_is_judged_too(name, pairs, tmp_path, run):
    one = next(row for row, pair in enumerate(pairs.items) if pair.label == pairs.classes[0])
    few = pairs.without(
        {r for r, p in enumerate(pairs.items) if p.label == pairs.classes[0]} - {one}
    )
    for seed in range(20):  # until that picture is held out
        plan = replace(PLAN, steps=1, validation=0.2, seed=seed, loss="prototypes", per_class=2)
        if pairs.classes[0] not in few.split(0.2, seed)[0].classes:
            break
    found = run(name, few, tmp_path / "run", plan)
    held_out = few.split(0.2, seed)[1].items
    counts = Counter(pair.label for pair in held_out)
    judged = sum(counts[pair.label] > 1 for pair in held_out)
    assert 0 < judged < len(held_out)
    share = found.records[-1].validation_accuracy * judged
    assert share == pytest.approx(round(share))


def test_the_scale_stays_at_or_below_a_hundred_and_may_stay_as_it_is(name):
    trainee = Trainee(load_encoder(name), replace(PLAN, learn_scale=False))
    assert not trainee.network.logit_scale.requires_grad
    assert trainee.scale.item() == pytest.approx(load_encoder(name).logit_scale)
    trainee.network.logit_scale.data.fill_(9.0)
    assert trainee.scale.item() == pytest.approx(100)
    assert trainee.settled().logit_scale == pytest.approx(100)


def test_a_log_for_tensorboard_is_kept(name, pairs, tmp_path, run):
    pytest.importorskip("tensorboard")
    run(name, pairs, tmp_path, replace(PLAN, steps=2), tensorboard=True)
    assert list((tmp_path / "tensorboard").glob("events.*"))


def test_half_precision_learns_much_the_same(name, pairs, tmp_path, run, same):
    plan = replace(PLAN, steps=4)
    full = run(name, pairs, tmp_path / "full", plan)
    half = run(name, pairs, tmp_path / "half", replace(plan, precision="bfloat16"))
    assert not same(tmp_path / "full", tmp_path / "half")
    assert half.records[-1].loss == pytest.approx(full.records[-1].loss, rel=0.05)
    assert all(value.dtype == torch.float32 for value in half.trainee.trained().values())


@pytest.mark.cuda
def test_a_gpu_learns_too(name, pairs, tmp_path):
    plan = replace(PLAN, steps=100, every=50, rank=4, rate=1e-2, crop=0.9, erase=0.0)
    found = tune_encoder(name, pairs, tmp_path / "run", plan=plan, device="cuda", workers=2)
    assert found.records[-1].loss < found.records[1].loss
    assert rank_accuracy(found.encoder(), pairs) > 0.55
