"""Episodes of base classes: who is held out, what noise and dropout do, and the measures."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from fewshot import Background, PrototypeHead, Words, evaluate
from fewshot.errors import EvaluationError, TrainingError
from fewshot.training.base_classes import BaseClasses, measure


def test_classes_are_held_out_by_the_seed_alone(base, short):
    x, y = base
    found = BaseClasses(x, y, short, 0.25)
    assert len(found.held_out) == 4
    assert set(found.sampler.classes) == set(y) - set(found.held_out)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(1))
    shuffled = BaseClasses(x[order], [y[i] for i in order.tolist()], short, 0.25)
    assert shuffled.held_out == found.held_out
    assert BaseClasses(x, y, replace(short, seed=1), 0.25).held_out != found.held_out


def test_no_held_out_picture_is_trained_on(base, short):
    x, y = base
    found = BaseClasses(x, y, short, ["class 00", "class 01", "class 05"])
    own = {tuple(row) for row in x[[y.index("class 02") - 1 + i for i in range(15)]].tolist()}
    seen = {tuple(row) for row in found.features.tolist()}
    away = {tuple(row) for row, label in zip(x.tolist(), y, strict=True) if label in found.held_out}
    assert not seen & away
    assert own & seen


@pytest.mark.parametrize("way", [2, (2, 4)])
def test_an_episode_is_what_its_number_says(base, short, way):
    plan = replace(short, n_way=way, noise=0.0, dropout=0.0)
    found = BaseClasses(*base, plan, 0.5)
    support, queries, labels = found.batch(70, slice(0, 4))  # beyond the first block
    episodes = found.sampler.sample(280, 284)
    assert torch.equal(support.features, found.features[episodes.support])
    assert torch.equal(support.labels, episodes.support_labels)
    assert torch.equal(support.class_mask, episodes.class_mask)
    assert torch.equal(queries, found.features[episodes.query])
    assert torch.equal(labels, episodes.query_labels)


def test_noise_and_dropout_do_not_depend_on_who_computes(base, short):
    found = BaseClasses(*base, short, 0.5)
    whole, asked, _ = found.batch(3, slice(0, 4))
    for part in (slice(0, 2), slice(2, 4)):
        support, queries, _ = found.batch(3, part)
        assert torch.equal(support.features, whole.features[part])
        assert torch.equal(queries, asked[part])
    other, _, _ = found.batch(4, slice(0, 4))
    assert not torch.equal(other.features, whole.features)


def test_dropout_takes_the_same_places_from_a_whole_episode(base, short):
    found = BaseClasses(*base, replace(short, noise=0.0, dropout=0.5, batch=64), 0.5)
    support, queries, _ = found.batch(0, slice(0, 64))
    mean = found.features.mean(0)
    lost = (support.features == mean).all(1)  # (episodes, d)
    assert torch.equal(lost, (queries == mean).all(1))
    plain = found.features[found.episodes(0).support]
    kept = ~lost.unsqueeze(1).expand_as(plain)
    assert torch.equal(support.features[kept], plain[kept])
    assert 0.4 < float(lost.float().mean()) < 0.6  # 512 places: 4 standard deviations are 0.09
    assert lost.unique(dim=0).shape[0] > 30  # others in other episodes


def test_noise_is_as_long_as_it_says(base, short):
    found = BaseClasses(*base, replace(short, noise=0.5, dropout=0.0, batch=64), 0.5)
    support, _, _ = found.batch(0, slice(0, 64))
    noise = support.features - found.features[found.episodes(0).support]
    far = (found.features - found.features.mean(0)).norm(dim=-1).mean()
    length = noise.square().sum(-1).mean().sqrt()  # of 384 rows of 8 numbers
    assert float(length) == pytest.approx(0.5 * float(far), rel=0.08)


def test_it_judges_as_evaluate_does(base, short):
    x, y = base
    found = BaseClasses(x, y, short, 0.5)
    loss, accuracy = found.judge(PrototypeHead(scale=0.1))
    away = [i for i, label in enumerate(y) if label in found.held_out]
    told = evaluate(
        PrototypeHead(),
        x[away],
        [y[i] for i in away],
        n_way=3,
        n_shot=2,
        n_query=4,
        n_episodes=40,
        seed=short.seed + (1 << 40),
    )
    assert accuracy == pytest.approx(told.mean, abs=1e-6)
    assert 0 < loss < math.log(3)


def test_measures_by_hand():
    # Probabilities of the own class 1/2 and 3/4; the third query is padding; a class is absent.
    logits = torch.tensor([[[0.0, 0.0], [0.0, math.log(3.0)], [9.0, 0.0]]])
    logits = torch.cat([logits, torch.full((1, 3, 1), -math.inf)], -1)
    loss, right = measure(logits, torch.tensor([[0, 1, -1]]))
    assert float(loss) == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    assert float(right) == 1.0  # of equal logits the first counts
    logits.requires_grad_()
    measure(logits, torch.tensor([[0, 1, -1]]))[0].sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_the_mark_tells_what_it_was_made_of(base, short):
    x, y = base
    words = Words(torch.nn.functional.normalize(torch.ones(16, 8), dim=-1), 5.0)
    eye = torch.eye(8)
    known = Background(torch.zeros(8), eye, 2 * eye, 9, "here", "made up")
    marks = {
        BaseClasses(*given).mark
        for given in (
            (x, y, short, 0.5),
            (x + 1, y, short, 0.5),
            (x, y, replace(short, seed=3), 0.5),
            (x, y, short, 0.25),
            (x, y, short, 0.5, words),
            (x, y, short, 0.5, None, known),
        )
    }
    assert len(marks) == 6
    assert BaseClasses(x, y, short, 0.5).mark in marks


@pytest.mark.parametrize(
    ("validation", "told"),
    [
        (0.1, "2 of 16 classes are held out, and episodes have 3 ways"),
        (0.9, "14 of 16 classes are held out"),
        (1.0, "validation is 1.0: give the share"),
        (["class 99"], "class 'class 99' is to be held out and has no picture"),
    ],
)
def test_too_few_classes_on_a_side_are_refused(base, short, validation, told):
    with pytest.raises(TrainingError, match=told):
        BaseClasses(*base, short, validation)


def test_words_of_too_few_classes_are_refused(base, short):
    words = Words(torch.nn.functional.normalize(torch.ones(15, 8), dim=-1), 5.0)
    with pytest.raises(EvaluationError, match=r"words have shape \(15, 8\)"):
        BaseClasses(*base, short, 0.5, words)
