"""Numbers as parameters while a head learns."""

from __future__ import annotations

import pytest
import torch

from fewshot import FEATHead, ProjectedHead, PrototypeHead, RidgeHead
from fewshot.errors import TrainingError
from fewshot.training.learner import Learner
from fewshot.training.plan import TrainingPlan


def test_numbers_stand_in_their_places_only_while_it_is_used(photo_episode):
    support, queries = photo_episode(0)
    learner = Learner(ProjectedHead(RidgeHead(0.5, 2.0)), 6, queries)
    assert sorted(learner.numbers) == ["head-penalty", "head-scale"]
    below = learner.head.head
    with learner.in_place():
        assert isinstance(below.penalty, torch.Tensor)
        assert float(below.penalty.detach()) == pytest.approx(0.5)
    assert below.penalty == 0.5
    with pytest.raises(ZeroDivisionError), learner.in_place():
        raise ZeroDivisionError
    assert below.penalty == 0.5
    expected = ProjectedHead(RidgeHead(0.5, 2.0)).fit(support).logits(queries)
    torch.testing.assert_close(learner(support, queries), expected)


def test_slopes_of_numbers_are_those_of_differences(photo_episode):
    support, queries = photo_episode(1)
    learner = Learner(RidgeHead(0.5, 2.0), 6, queries)
    learner(support, queries).square().sum().backward()

    def at(penalty):
        return float(RidgeHead(penalty, 2.0).fit(support).logits(queries).square().sum())

    slope = (at(0.5 + 1e-6) - at(0.5 - 1e-6)) / 2e-6
    # learned as a logarithm: d/d(log p) = p d/dp
    assert float(learner.numbers["penalty"].grad) == pytest.approx(0.5 * slope, rel=1e-4)


def test_what_was_learned_settles_into_a_plain_head(photo_episode):
    support, queries = photo_episode(2)
    learner = Learner(RidgeHead(0.5, 2.0), 6, queries)
    with torch.no_grad():
        learner.numbers["scale"].add_(1.0)
    head = learner.settled()
    assert type(head.scale) is float
    assert head.scale == pytest.approx(2.0 * 2.718281828)
    torch.testing.assert_close(head.fit(support).logits(queries), learner(support, queries))
    assert learner.head.scale == 2.0


def test_tensors_decay_and_numbers_do_not():
    learner = Learner(FEATHead(hidden=2), 4, torch.ones(1))
    tensors, numbers = learner.groups(0.1, 0.2, 0.3)
    assert (tensors["lr"], tensors["weight_decay"], len(tensors["params"])) == (0.1, 0.3, 4)
    assert (numbers["lr"], numbers["weight_decay"], len(numbers["params"])) == (0.2, 0.0, 1)
    (only,) = Learner(PrototypeHead(), 4, torch.ones(1)).groups(0.1, 0.2, 0.3)
    assert only["lr"] == 0.2


def test_the_head_given_is_left_alone():
    head = FEATHead(hidden=2)
    learner = Learner(head, 4, torch.ones(1))
    assert head.width is None
    assert learner.head.width == 4
    assert all(p.requires_grad for p in learner.parameters())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"steps": 0}, "steps is 0: give a whole number of at least 1"),
        ({"batch": 1.5}, "batch is 1.5"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0: it must be positive"),
        ({"clip": float("nan")}, "clip is nan"),
        ({"dropout": 1.0}, "dropout is 1.0: it must be at least 0 and below 1"),
        ({"noise": -0.1}, "noise is -0.1"),
        ({"optimiser": "lion"}, "optimiser is 'lion': use one of 'adamw', 'adam', 'sgd'"),
        ({"precision": "float16"}, "precision is 'float16'"),
    ],
)
def test_plans_that_cannot_be_are_refused(given, told):
    with pytest.raises(TrainingError, match=told):
        TrainingPlan(**given)


def test_a_plan_in_json_is_plain():
    assert TrainingPlan(n_shot=(1, 5)).as_dict()["n_shot"] == [1, 5]
