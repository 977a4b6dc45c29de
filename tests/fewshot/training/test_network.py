"""A network below the head learns by the same loop as heads do."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from fewshot import FEATHead, PrototypeHead, RidgeHead, TrainingPlan, Words, meta_train
from fewshot.errors import TrainingError
from fewshot.training.base_classes import BaseClasses
from fewshot.training.checkpoint import Checkpoint
from fewshot.training.network import embed_episodes, embed_pool
from fewshot.training.processes import Processes

PLAN = TrainingPlan(
    steps=30,
    batch=2,
    n_way=3,
    n_shot=1,
    n_query=4,
    learning_rate=0.01,
    number_rate=0.0,
    validate_every=10,
    validation_episodes=40,
    choose="loss",
)


class Small(nn.Module):
    """Pictures of 3 x 4 pixels in, four numbers out, with batch norm on the way."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.first, self.second = nn.Linear(12, 8), nn.Linear(8, 4)
        self.norm = nn.BatchNorm1d(8)

    def forward(self, pictures):
        return self.second(self.norm(self.first(pictures.flatten(1))).relu())


def pictures(n_classes=14, each=10):
    """Classes that differ in the upper row of pixels; the other rows are louder noise."""
    draw = torch.Generator().manual_seed(3)
    x = 1.5 * torch.randn(n_classes * each, 1, 3, 4, generator=draw)
    centres = 1.5 * torch.randn(n_classes, 4, generator=draw)
    y = torch.arange(n_classes).repeat_interleave(each)
    x[:, 0, 0] = centres[y] + 0.2 * x[:, 0, 0]
    return x, y.tolist()


def train(head=None, network=None, plan=PLAN, **more):
    network = Small() if network is None else network
    head = PrototypeHead() if head is None else head
    return meta_train(head, *pictures(), plan=plan, network=network, validation=0.5, **more)


def equal(one, other):
    assert one.state_dict().keys() == other.state_dict().keys()
    return all(torch.equal(v, other.state_dict()[k]) for k, v in one.state_dict().items())


def test_it_learns_and_the_network_given_is_not_changed():
    network = Small()
    found = train(network=network, plan=replace(PLAN, steps=120, validate_every=40))
    assert found.best.validation_loss < 0.8 * found.records[0].validation_loss
    assert equal(network, Small())
    assert not equal(found.network, network)
    assert not found.network.training
    assert not any(p.requires_grad for p in found.network.parameters())
    seen = found.network.first.weight.view(8, 3, 4).abs().mean((0, 2))
    assert seen[0] > seen[1:].max()  # it looks at the upper row


def test_a_fixed_network_is_a_fixed_change_of_the_features():
    # A linear network that may not learn, under a head that does: the oracle is the loop itself
    # on features that went through it before.
    x, y = pictures()
    linear = nn.Sequential(nn.Flatten(), nn.Linear(12, 5)).requires_grad_(False)
    plan = replace(PLAN, number_rate=0.05)
    below = meta_train(RidgeHead(), x, y, plan=plan, network=linear, validation=0.5)
    before = meta_train(RidgeHead(), linear(x), y, plan=plan, validation=0.5)
    assert below.head.penalty == pytest.approx(before.head.penalty, rel=1e-4)
    assert below.head.scale == pytest.approx(before.head.scale, rel=1e-4)
    assert equal(below.network, linear)
    for a, b in zip(below.records[1:], before.records[1:], strict=True):
        assert (a.loss, a.validation_loss) == pytest.approx((b.loss, b.validation_loss), rel=1e-4)
    assert before.network is None


class Times(nn.Module):
    """One number: vectors are a times the pictures."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(0.7))

    def forward(self, values):
        return self.a * values


def slow_loss(a, x, episodes):
    """Mean cross-entropy of a step's queries, one photo a class, by loops."""
    losses = []
    for e in range(len(episodes.support)):
        shown = {
            int(c): a * float(x[r])
            for r, c in zip(episodes.support[e], episodes.support_labels[e], strict=True)
        }
        for r, c in zip(episodes.query[e], episodes.query_labels[e], strict=True):
            logits = {k: -((a * float(x[r]) - p) ** 2) for k, p in shown.items()}
            total = sum(math.exp(logit) for logit in logits.values())
            losses.append(math.log(total) - logits[int(c)])
    return sum(losses) / len(losses)


def test_one_step_by_hand(tmp_path):
    x, y = pictures()
    x = x[:, 0, 0, :1]
    plan = replace(PLAN, steps=1, validate_every=1, optimiser="sgd", clip=1e6)
    meta_train(PrototypeHead(), x, y, plan=plan, network=Times(), validation=0.5, folder=tmp_path)
    kept = Checkpoint.read(tmp_path / "checkpoint.safetensors")
    base = BaseClasses(x, y, plan, 0.5)
    told = base.features.double()[:, 0], base.episodes(0)
    slope = (slow_loss(0.7 + 1e-5, *told) - slow_loss(0.7 - 1e-5, *told)) / 2e-5
    assert abs(slope) > 1e-3
    assert kept.told["records"][1]["loss"] == pytest.approx(slow_loss(0.7, *told), rel=1e-5)
    learned = float(kept.tensors["learner"]["network.a"])
    assert learned - 0.7 == pytest.approx(-plan.learning_rate * slope, rel=1e-3)


def test_interrupted_it_ends_where_it_would_have_ended(tmp_path):
    class PullThePlug(Exception):
        pass

    def watch(record):
        if record.step == 10:
            raise PullThePlug

    told = {"head": FEATHead(hidden=4), "plan": replace(PLAN, number_rate=0.01)}
    whole = train(**told)
    with pytest.raises(PullThePlug):
        train(watch=watch, folder=tmp_path, **told)
    again = train(folder=tmp_path, **told)
    assert equal(again.network, whole.network)  # batch norm's running means among them
    assert equal(again.head, whole.head)
    with pytest.raises(TrainingError, match="or head are others"):
        train(network=Small(1), folder=tmp_path, **told)


def test_batch_norm_sees_the_step_when_learning_and_nobody_when_judged():
    network = Small()
    x = torch.randn(2, 6, 1, 3, 4)
    moved = x.clone()
    moved[1] += 5.0
    network.train()
    assert not torch.allclose(
        embed_episodes(network, x)[0], embed_episodes(network, moved)[0], atol=1e-3
    )
    pool = embed_pool(network, x.flatten(0, 1))
    assert network.training
    for row, picture in zip(pool, x.flatten(0, 1), strict=True):
        torch.testing.assert_close(row, embed_pool(network, picture[None])[0])


def test_what_is_frozen_stays():
    network = Small()
    network.first.requires_grad_(False)
    moved = train(network=network).network
    assert torch.equal(moved.first.weight, network.first.weight)
    assert not torch.equal(moved.norm.running_mean, network.norm.running_mean)
    network.norm.requires_grad_(False)  # its running means too, then
    found = train(network=network)
    assert torch.equal(found.network.norm.running_mean, network.norm.running_mean)
    assert torch.equal(found.network.norm.weight, network.norm.weight)
    assert not torch.equal(found.network.second.weight, network.second.weight)


def test_numbers_stay_where_their_rate_is_zero():
    assert train(head=PrototypeHead(scale=1.0)).head.scale == 1.0
    assert train(plan=replace(PLAN, number_rate=0.05)).head.scale != 1.0
    x, y = pictures()
    with pytest.raises(TrainingError, match=r"number_rate is 0\.0 and RidgeHead learns numbers"):
        meta_train(RidgeHead(), x.flatten(1), y, plan=PLAN, validation=0.5)


def test_half_precision_of_the_network_learns_nearly_the_same():
    whole = train()
    half = train(plan=replace(PLAN, precision="bfloat16"))
    assert half.records[1].loss != whole.records[1].loss
    assert half.records[1].loss == pytest.approx(whole.records[1].loss, rel=0.05)
    assert half.network.second.weight.dtype == torch.float32


class Flat(nn.Module):
    def forward(self, pictures):
        return pictures.flatten(0)


def test_refusals(monkeypatch):
    with pytest.raises(TrainingError, match=r"noise is 0\.1"):
        train(plan=replace(PLAN, noise=0.1))
    with pytest.raises(TrainingError, match=r"of shape \(24,\) of 2 pictures"):
        train(network=Flat())
    with pytest.raises(TrainingError, match="words and background"):
        train(words=Words(torch.eye(14), 10.0))
    alone = Processes(torch.device("cpu"))
    alone.size = 2
    monkeypatch.setattr("fewshot.training.loop.Processes", lambda device: alone)
    with pytest.raises(TrainingError, match="would differ between 2 processes"):
        train()
