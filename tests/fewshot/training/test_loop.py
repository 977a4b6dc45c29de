"""Training over episodes: it learns, keeps the best, stops in time, and says where it broke."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from fewshot import (
    ANILHead,
    FEATHead,
    LearnedFusedHead,
    LogisticHead,
    MetaBaselineHead,
    ProjectedHead,
    PrototypeHead,
    RelationHead,
    RidgeHead,
    SimpleShotHead,
    SVMHead,
    Words,
    evaluate,
    meta_train,
)
from fewshot.errors import EvaluationError, TrainingDiverged, TrainingError

LEARNERS = [
    PrototypeHead(),
    MetaBaselineHead(2.0),
    RidgeHead(),
    SVMHead(),
    ANILHead(2, 1.0, 1.0),
    FEATHead(hidden=4),
    RelationHead(hidden=8, scale=2.0),
    ProjectedHead(MetaBaselineHead(5.0)),
    ProjectedHead(RidgeHead()),
    ProjectedHead(SVMHead(1.0, 3.0)),
]


@pytest.mark.parametrize("head", LEARNERS, ids=lambda head: repr(head)[:40])
def test_training_lowers_the_loss_on_classes_it_never_saw(base, short, head):
    before = repr(head), {k: v.clone() for k, v in head.state_dict().items()}
    plan = replace(short, steps=60, validate_every=20, choose="loss", noise=0.0, dropout=0.0)
    found = meta_train(head, *base, plan=plan, validation=0.5)
    first, best = found.records[0], found.best
    assert best.step > 0
    assert best.validation_loss < 0.99 * first.validation_loss
    assert found.records[-1].loss < found.records[1].loss * 1.02
    assert found.records[0].loss != found.records[0].loss  # NaN: nothing was trained yet
    assert repr(head) == before[0]
    assert head.state_dict().keys() == before[1].keys()
    assert type(found.head) is type(head)
    assert not found.head.training
    assert not any(p.requires_grad for p in found.head.parameters())


def test_evidence_weights_learn_that_words_are_worthless(base, short):
    x, y = base
    draw = torch.Generator().manual_seed(5)
    told = torch.nn.functional.normalize(torch.randn(16, 8, generator=draw), dim=-1)
    words = Words(told, 30.0, classes=sorted(set(y)))
    plan = replace(short, steps=60, validate_every=20, choose="loss", number_rate=0.1)
    found = meta_train(LearnedFusedHead(), x, y, plan=plan, validation=0.5, words=words)
    assert found.best.validation_loss < found.records[0].validation_loss
    assert found.head.words < 0  # their weight goes down
    without = Words(told, 30.0)  # rows in the order of the sorted labels
    again = meta_train(LearnedFusedHead(), x, y, plan=plan, validation=0.5, words=without)
    assert again.head.words == found.head.words


def test_a_map_learns_to_look_away_from_noise(base, short):
    x, y = base
    plan = replace(short, steps=150, validate_every=50, choose="accuracy")
    found = meta_train(ProjectedHead(), x, y, plan=plan, validation=0.5)
    whole = torch.eye(8) + found.head.matrix
    heard, ignored = whole[:, :4].norm(), whole[:, 4:].norm()
    assert heard > 1.5 * ignored
    away = [i for i, label in enumerate(y) if label in found.held_out]
    told = {"n_way": 3, "n_shot": 2, "n_query": 4, "n_episodes": 300}
    judged = evaluate(
        {"learned": found.head, "plain": ProjectedHead()}, x[away], [y[i] for i in away], **told
    )
    assert judged.difference("learned", "plain").ci95[0] > 0
    assert (judged["learned"].protocol, judged["plain"].protocol) == ("base-trained", "no-val")


def test_the_best_is_kept_and_patience_ends_it(base, short):
    plan = replace(short, steps=200, learning_rate=3.0, clip=50.0, patience=3, schedule="constant")
    found = meta_train(FEATHead(hidden=4), *base, plan=plan, validation=0.5)
    scores = [(r.validation_accuracy, -r.validation_loss) for r in found.records]
    best = max(range(len(scores)), key=lambda i: (scores[i], -i))
    assert found.best_step == found.records[best].step
    assert len(found.records) == best + 1 + 3  # three validations without a better one
    assert found.records[-1].step < 200


def test_where_nothing_helps_the_head_comes_back_as_it_was(base, short):
    plan = replace(short, learning_rate=30.0, clip=100.0, number_rate=1e-9, choose="loss")
    head = ProjectedHead(PrototypeHead(scale=10.0))
    found = meta_train(head, *base, plan=plan, validation=0.5)
    assert found.records[-1].validation_loss > 10 * found.records[0].validation_loss
    assert found.best_step == 0
    assert (found.head.matrix == 0).all()


def test_the_seed_says_everything(base, short):
    runs = [
        meta_train(FEATHead(hidden=4), *base, plan=replace(short, seed=seed), validation=0.5)
        for seed in (1, 1, 2)
    ]
    one, again, other = (run.records for run in runs)
    assert [replace(r, seconds=0) for r in one[1:]] == [replace(r, seconds=0) for r in again[1:]]
    assert torch.equal(runs[0].head.out, runs[1].head.out)
    assert one[1].loss != other[1].loss
    assert runs[0].held_out != runs[2].held_out


@pytest.mark.parametrize("optimiser", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("schedule", ["cosine", "constant", "step"])
def test_optimisers_and_schedules(base, short, optimiser, schedule):
    plan = replace(short, optimiser=optimiser, schedule=schedule, choose="loss")
    found = meta_train(RidgeHead(), *base, plan=plan, validation=0.5)
    assert found.best.validation_loss < found.records[0].validation_loss
    rates = [record.rate for record in found.records]
    expected = {
        "cosine": [1.0, 0.75, 0.25, 0.0],  # (1 + cos(pi i / 3)) / 2
        "constant": [1.0] * 4,
        "step": [1.0, 0.25, 0.0625, 2**-6],  # halved at each second of twelve steps
    }[schedule]
    assert rates == pytest.approx(expected, abs=1e-9)


def test_half_precision_learns_nearly_the_same(base, short):
    plan = replace(short, choose="loss", noise=0.0, dropout=0.0)
    whole = meta_train(RidgeHead(), *base, plan=plan, validation=0.5)
    half = meta_train(RidgeHead(), *base, plan=replace(plan, precision="bfloat16"), validation=0.5)
    assert half.head.scale == pytest.approx(whole.head.scale, rel=0.05)
    assert half.records[1].loss != whole.records[1].loss
    assert half.records[1].loss == pytest.approx(whole.records[1].loss, rel=0.05)


def test_classes_to_judge_by_may_be_named(base, short):
    x, y = base
    away = ["class 03", "class 07", "class 11"]
    found = meta_train(RidgeHead(), x, y, plan=short, validation=away)
    assert found.held_out == tuple(away)
    moved = x.clone()
    moved[[i for i, label in enumerate(y) if label in away]] += 100.0
    other = meta_train(RidgeHead(), moved, y, plan=short, validation=away)
    assert [r.loss for r in other.records[1:]] == [r.loss for r in found.records[1:]]
    assert other.records[0].validation_loss != found.records[0].validation_loss


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no cuda device")
def test_a_card_learns_what_the_processor_learns(base, short):
    plan = replace(short, choose="loss")
    here = meta_train(RidgeHead(), *base, plan=plan, validation=0.5).head
    there = meta_train(RidgeHead(), base[0].cuda(), base[1], plan=plan, validation=0.5).head
    assert there.scale == pytest.approx(here.scale, rel=1e-3)


class Breaking(PrototypeHead):
    """NaN in the third episode of the fifth batch of four: number 18."""

    fitted = 0
    wrong = "loss"

    def fit(self, support):
        fitted = super().fit(support)
        if not self.training:
            return fitted
        type(self).fitted += 1
        now = type(self).fitted == 5
        return _Broken(fitted, now, self.wrong)


class _Broken:
    def __init__(self, fitted, now, wrong):
        self.fitted, self.now, self.wrong = fitted, now, wrong

    def logits(self, queries, *, query_mask=None):
        logits = self.fitted.logits(queries, query_mask=query_mask)
        if self.now and self.wrong == "loss":
            logits[2] = logits[2] * float("nan")
        if self.now and self.wrong == "gradient":
            logits = logits + (logits - logits.detach()).abs().sqrt()  # 0, and no slope there
        return logits


def test_a_loss_that_is_no_number_names_the_episodes(base, short, tmp_path):
    Breaking.fitted, Breaking.wrong = 0, "loss"
    with pytest.raises(TrainingDiverged) as caught:
        meta_train(Breaking(), *base, plan=short, validation=0.5, folder=tmp_path)
    said = str(caught.value)
    assert "the loss is nan at step 4, in episodes 18 (this batch is 16 to 19)" in said
    assert isinstance(caught.value, ArithmeticError)
    Breaking.fitted = 10  # mended: it goes on from the checkpoint at step 4
    found = meta_train(Breaking(), *base, plan=short, validation=0.5, folder=tmp_path)
    assert found.records[-1].step == 12


def test_a_gradient_that_is_no_number_names_the_batch(base, short):
    Breaking.fitted, Breaking.wrong = 0, "gradient"
    with pytest.raises(TrainingDiverged, match="the gradient is nan at step 4, in episodes 16, 17"):
        meta_train(Breaking(), *base, plan=short, validation=0.5)


def test_heads_without_anything_to_learn_are_refused(base, short):
    with pytest.raises(TrainingError, match="LogisticHead has nothing to learn"):
        meta_train(LogisticHead(), *base, plan=short)
    assert SimpleShotHead.learnable == {"scale": "positive"}


def test_features_that_are_not_finite_are_refused(base, short):
    x = base[0].clone()
    x[3, 1] = float("nan")
    with pytest.raises(EvaluationError, match="the first is row 3"):
        meta_train(RidgeHead(), x, base[1], plan=short)
