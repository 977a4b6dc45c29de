"""Which pictures a step sees, how they are changed; the running mean and the rate."""

from __future__ import annotations

import math
import pickle
from collections import Counter

import pytest
import torch
from PIL import Image

from fgmm import load_encoder
from fgmm.errors import TrainingError
from fgmm.training import Pair, Pairs, TuningPlan, read_plan
from fgmm.training.augmentation import Augmentation
from fgmm.training.averaging import RunningMean
from fgmm.training.batches import Batches, PictureViews, find_side
from fgmm.training.stepping import rate_at


def pairs(*labels: str | None) -> Pairs:
    return Pairs(
        "p",
        tuple(Pair(f"{at}.png", (f"a {at}", f"b {at}"), label) for at, label in enumerate(labels)),
    )


def test_an_epoch_shows_every_picture_once_and_epochs_differ():
    batches = Batches(pairs(*[None] * 11), TuningPlan(batch=3))
    assert batches.steps_an_epoch == 3
    epochs = []
    for epoch in range(4):
        rows = [row for at in range(3) for row in batches.batch(3 * epoch + at).rows]
        assert len(rows) == len(set(rows)) == 9
        epochs.append(rows)
    assert len({tuple(rows) for rows in epochs}) == 4


def test_a_batch_is_of_the_seed_and_the_step_alone():
    one, other = (Batches(pairs(*"aabbcc"), TuningPlan(batch=2, seed=5)) for _ in range(2))
    forwards = [one.batch(step) for step in range(7)]
    backwards = [other.batch(step) for step in reversed(range(7))][::-1]
    for a, b in zip(forwards, backwards, strict=True):
        assert (a.rows, a.texts, a.seeds) == (b.rows, b.texts, b.seeds)
        assert torch.equal(a.groups, b.groups)
    assert forwards[0].seeds != Batches(pairs(*"aabbcc"), TuningPlan(batch=2)).batch(0).seeds


def test_all_texts_of_a_picture_are_drawn():
    batches = Batches(pairs(*[None] * 4), TuningPlan(batch=4))
    drawn = Counter(text for step in range(40) for text in batches.batch(step).texts)
    assert len(drawn) == 8
    assert min(drawn.values()) > 5


def test_groups_are_classes_or_equal_texts():
    batches = Batches(pairs("x", "y", "x", "z"), TuningPlan(batch=4))
    batch = batches.batch(0)
    labels = ["xyxz"[row] for row in batch.rows]
    same = Pairs("p", tuple(Pair(str(i), ("one",) if i % 2 else (f"t{i}",)) for i in range(6)))
    other = Batches(same, TuningPlan(batch=6)).batch(0)
    for found, keys in ((batch, labels), (other, other.texts)):
        for i, one in enumerate(keys):
            for j, two in enumerate(keys):
                assert (found.groups[i] == found.groups[j]) == (one == two)


def test_pictures_of_a_class_come_together():
    batches = Batches(pairs(*"aaaaabbbc"), TuningPlan(batch=4, per_class=2))
    shown = Counter()
    for step in range(batches.steps_an_epoch):
        batch = batches.batch(step)
        labels = ["aaaaabbbc"[row] for row in batch.rows]
        assert labels[0] == labels[1]
        assert labels[2] == labels[3]
        shown.update(batch.rows)
    assert batches.steps_an_epoch == 3  # three groups of a, two of b, one of c
    assert set(shown) == set(range(9))
    with pytest.raises(TrainingError, match="per_class is 2 and the pictures of p have no classes"):
        Batches(pairs(None, None), TuningPlan(batch=2, per_class=2))


def test_a_batch_larger_than_the_set_is_refused():
    with pytest.raises(TrainingError, match="batch is 32 and there are 3 pictures to learn from"):
        Batches(pairs("a", "b", "c"), TuningPlan())


def test_augmentation_is_of_the_seed_and_leaves_torchs_numbers_alone():
    change = Augmentation(TuningPlan(erase=1.0), 24)
    image = Image.effect_mandelbrot((60, 40), (-2, -1.5, 1, 1.5), 30).convert("RGB")
    torch.manual_seed(1)
    before = torch.rand(1)
    torch.manual_seed(1)
    views = [change(image, seed) for seed in range(4)]
    assert torch.equal(torch.rand(1), before)
    assert all(view.size == (24, 24) and view.mode == "RGB" for view in views)
    assert len({view.tobytes() for view in views}) == 4
    assert change(image, 2).tobytes() == views[2].tobytes()


def test_nothing_is_changed_where_nothing_is_asked_for():
    plan = TuningPlan(crop=1.0, flip=0.0, colour=0.0, erase=0.0)
    image = Image.linear_gradient("L").convert("RGB")
    assert Augmentation(plan, 24)(image, 3) is image
    mirrored = Augmentation(TuningPlan(crop=1.0, flip=1.0, colour=0.0, erase=0.0), 24)
    assert mirrored(image, 3) == image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


@pytest.mark.parametrize(
    ("model", "side"), [("openclip_timm", 64), ("hf_clip", 32), ("hf_siglip2", 256)]
)
def test_views_are_as_wide_as_the_network_sees(model, side, encoder_name):
    assert find_side(load_encoder(encoder_name(model))) == side


@pytest.mark.parametrize("workers", [0, 2])
def test_views_are_what_the_encoder_prepares(workers, encoder_name, birds):
    encoder = load_encoder(encoder_name("openclip_clip"))
    files = sorted(birds.rglob("*.png"))[:3]
    views = PictureViews(Pairs("p", tuple(Pair(file) for file in files)), encoder)
    (batch,) = views.stream(iter([[(2, 0), (0, 0)]]), workers)
    for found, row in zip(batch, (2, 0), strict=True):
        expected = encoder.prepare(Image.open(files[row]))["image"]
        assert torch.equal(found["image"], expected)


@pytest.mark.parametrize("model", ["openclip_clip", "openclip_siglip", "hf_clip"])
def test_workers_that_are_started_afresh_can_be_told_what_to_read(model, encoder_name, birds):
    encoder = load_encoder(encoder_name(model))
    views = PictureViews(Pairs("p", (Pair(next(birds.rglob("*.png"))),)), encoder, TuningPlan())
    told = pickle.dumps(views)
    assert len(told) < 50_000  # without the network
    again = pickle.loads(told)  # noqa: S301
    for one, other in zip(views[(0, 3)].values(), again[(0, 3)].values(), strict=True):
        assert torch.equal(one, other)


def test_the_running_mean_by_hand():
    mean = RunningMean({"w": torch.tensor([1.0]), "n": torch.tensor(3)}, decay=0.25)
    mean.take({"w": torch.tensor([2.0]), "n": torch.tensor(4)})  # decay 2 / 11
    mean.take({"w": torch.tensor([0.0]), "n": torch.tensor(5)})  # decay 3 / 12
    expected = (1 * 2 / 11 + 2 * 9 / 11) * 0.25
    assert float(mean.tensors["w"]) == pytest.approx(expected)
    assert int(mean.tensors["n"]) == 5


def test_the_rate_rises_in_a_line_and_falls_along_a_cosine():
    plan = TuningPlan(steps=100, warm_up=0.1)
    rates = [rate_at(step, plan) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    for step in range(10, 100):
        assert rates[step] == pytest.approx((1 + math.cos(math.pi * (step - 10) / 90)) / 2)
    assert rate_at(0, TuningPlan(warm_up=0.0)) == 1


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"loss": "clipp"}, "loss is 'clipp': use one of 'auto', 'clip'"),
        ({"steps": 0}, "steps is 0: it must be a whole number of at least 1"),
        ({"steps": True}, "steps is True"),
        ({"rate": float("nan")}, "rate is nan: it must be a number, at least 0 and finite"),
        ({"alpha": 0}, "alpha is 0: it must be a number, positive and finite"),
        ({"ema": 1.0}, "ema is 1.0: it must be a number, at least 0 and below 1"),
        ({"crop": 0}, "crop is 0: it must be a number, above 0 and at most 1"),
        ({"flip": "yes"}, "flip is 'yes'"),
        ({"batch": 6, "per_class": 4}, "batch is 6 and per_class 4: give a multiple"),
        ({"patience": 2}, "patience is 2 and nothing is held out"),
        ({"batch_statistics": True}, "changes what LoRA cannot keep"),
    ],
)
def test_plans_that_cannot_be_are_refused(told, words):
    with pytest.raises(TrainingError, match=words):
        TuningPlan(**told)


def test_a_plan_is_read_back(tmp_path):
    import json

    plan = TuningPlan(steps=7, loss="siglip", ema=0.5)
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan.as_dict()), encoding="utf-8")
    assert read_plan(file) == plan
    assert read_plan(file, steps=9).steps == 9
    file.write_text('{"stepps": 3}', encoding="utf-8")
    with pytest.raises(TrainingError, match=r"has no 'stepps': did you mean 'steps'"):
        read_plan(file)
    file.write_text("[]", encoding="utf-8")
    with pytest.raises(TrainingError, match="is no plan: write an object"):
        read_plan(file)
