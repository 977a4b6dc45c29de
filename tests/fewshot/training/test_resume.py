"""Interrupted training goes on to the same parameters, bit for bit."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open

from fewshot import FEATHead, ProjectedHead, RidgeHead, meta_train
from fewshot.errors import TrainingError


class PullThePlug(Exception):
    pass


def stop_at(step):
    def watch(record):
        if record.step == step:
            raise PullThePlug

    return watch


def same(one, other):
    assert repr(one.head) == repr(other.head)
    for (name, a), (_, b) in zip(
        one.head.state_dict().items(), other.head.state_dict().items(), strict=True
    ):
        assert torch.equal(a, b), name
    assert one.best_step == other.best_step
    for a, b in zip(one.records, other.records, strict=True):
        assert repr(replace(a, seconds=0)) == repr(replace(b, seconds=0))


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
@pytest.mark.parametrize("schedule", ["cosine", "step"])
@pytest.mark.parametrize(
    "head",
    [RidgeHead(), FEATHead(hidden=4), ProjectedHead(RidgeHead())],
    ids=lambda h: repr(h)[:12],
)
def test_it_ends_where_it_would_have_ended(base, short, tmp_path, head, optimiser, schedule):
    plan = replace(short, optimiser=optimiser, schedule=schedule)
    whole = meta_train(head, *base, plan=plan, validation=0.5)
    told = {"plan": plan, "validation": 0.5, "folder": tmp_path}
    for step in (0, 4, 8):  # interrupted three times
        with pytest.raises(PullThePlug):
            meta_train(head, *base, watch=stop_at(step), **told)
    same(meta_train(head, *base, **told), whole)


def test_steps_since_the_checkpoint_are_taken_again(base, short, tmp_path, monkeypatch):
    from fewshot.training.run import Run

    whole = meta_train(FEATHead(hidden=4), *base, plan=short, validation=0.5)
    learn = Run._learn

    def interrupted(self):
        if self.step == 6:  # between the checkpoints at 4 and 8
            raise KeyboardInterrupt
        learn(self)

    monkeypatch.setattr(Run, "_learn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        meta_train(FEATHead(hidden=4), *base, plan=short, validation=0.5, folder=tmp_path)
    monkeypatch.setattr(Run, "_learn", learn)
    torch.rand(7)  # whatever happened to the global random numbers meanwhile
    again = meta_train(FEATHead(hidden=4), *base, plan=short, validation=0.5, folder=tmp_path)
    same(again, whole)


class Forgetful(FEATHead):
    """It draws from torch's own random numbers while it learns."""

    def adapt(self, means, class_mask):
        if self.training:
            means = torch.nn.functional.dropout(means, 0.3)
        return super().adapt(means, class_mask)


def test_a_head_that_draws_random_numbers_goes_on_too(base, short, tmp_path):
    state = torch.random.get_rng_state()
    whole = meta_train(Forgetful(hidden=4), *base, plan=short, validation=0.5)
    assert torch.equal(torch.random.get_rng_state(), state)
    told = {"plan": short, "validation": 0.5, "folder": tmp_path}
    with pytest.raises(PullThePlug):
        meta_train(Forgetful(hidden=4), *base, watch=stop_at(4), **told)
    torch.rand(3)
    same(meta_train(Forgetful(hidden=4), *base, **told), whole)


def test_what_is_over_is_read_and_not_done_again(base, short, tmp_path, monkeypatch):
    told = {"plan": short, "validation": 0.5, "folder": tmp_path}
    whole = meta_train(RidgeHead(), *base, **told)
    monkeypatch.setattr("fewshot.training.run.Run._learn", None)
    again = meta_train(RidgeHead(), *base, **told)
    same(again, whole)
    assert again.seconds == whole.seconds


def test_the_table_has_each_record_once(base, short, tmp_path):
    told = {"plan": short, "validation": 0.5, "folder": tmp_path}
    with pytest.raises(PullThePlug):
        meta_train(RidgeHead(), *base, watch=stop_at(8), **told)
    found = meta_train(RidgeHead(), *base, **told)
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [0, 4, 8, 12]
    assert [int(row["episodes"]) for row in rows] == [0, 16, 32, 48]
    for row, record in zip(rows, found.records, strict=True):
        assert float(row["validation_loss"]) == record.validation_loss


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"plan": {"steps": 16}}, "steps was 12, is 16"),
        ({"plan": {"n_shot": (1, 2)}}, r"n_shot was 2, is \[1, 2\]"),
        ({"head": RidgeHead(2.0)}, "or head are others"),
        ({"head": ProjectedHead(RidgeHead())}, "or head are others"),
        ({"shift": 1.0}, "features, labels, words"),
        ({"validation": 0.4}, "held-out classes or head are others"),
    ],
    ids=str,
)
def test_another_training_s_folder_is_refused(base, short, tmp_path, change, told):
    x, y = base
    meta_train(RidgeHead(), x, y, plan=short, validation=0.5, folder=tmp_path)
    plan = replace(short, **change.get("plan", {}))
    with pytest.raises(TrainingError, match=f"belongs to another training .*{told}"):
        meta_train(
            change.get("head", RidgeHead()),
            x + change.get("shift", 0.0),
            y,
            plan=plan,
            validation=change.get("validation", 0.5),
            folder=tmp_path,
        )


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"\x00" * 64])
def test_a_broken_checkpoint_is_named(base, short, tmp_path, content):
    (tmp_path / "checkpoint.safetensors").write_bytes(content)
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors cannot be read"):
        meta_train(RidgeHead(), *base, plan=short, folder=tmp_path)


def test_the_checkpoint_is_safetensors_and_json_alone(base, short, tmp_path):
    meta_train(FEATHead(hidden=4), *base, plan=short, validation=0.5, folder=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.safetensors", "log.csv"}
    with safe_open(tmp_path / "checkpoint.safetensors", "pt") as stored:
        state = json.loads(stored.metadata()["state"], parse_constant=pytest.fail)
        parts = {key.partition("/")[0] for key in stored.keys()}  # noqa: SIM118
    assert state["step"] == 12
    assert parts == {"learner", "best", "optimiser"}
