"""ANIL: against autograd in a loop, by hand, without steps, and after very many."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fewshot import ANILHead, PrototypeHead, SimpleShotHead, Support


def slowly(head, support, queries):
    """Equation 1: the layer's parameters follow the gradient that autograd finds."""
    x = torch.nn.functional.normalize(support.features, dim=-1)
    z = torch.nn.functional.normalize(queries, dim=-1)
    means = torch.stack([x[support.labels == c].mean(0) for c in range(support.n_classes)])
    weight, bias = 2 * head.scale * means, -head.scale * means.square().sum(-1)
    if head.start == "zero":
        weight, bias = torch.zeros_like(weight), torch.zeros_like(bias)
    for _ in range(head.steps):
        weight, bias = weight.detach().requires_grad_(), bias.detach().requires_grad_()
        loss = torch.nn.functional.cross_entropy(x @ weight.T + bias, support.labels)
        slope, lift = torch.autograd.grad(loss, [weight, bias])
        weight, bias = weight - head.learning_rate * slope, bias - head.learning_rate * lift
    return (z @ weight.T + bias - head.scale * z.square().sum(-1, keepdim=True)).detach()


@pytest.mark.parametrize("start", ["prototypes", "zero"])
@pytest.mark.parametrize("steps", [1, 4])
def test_it_is_the_definition(photo_episode, start, steps):
    support, queries = photo_episode(0, (3, 1, 2))
    head = ANILHead(steps, 1.5, 2.0, start)
    torch.testing.assert_close(head.fit(support).logits(queries), slowly(head, support, queries))


def test_a_case_by_hand():
    # Photos (1, 0) and (0, 1), scale 1, start zero, one step of 1: both are guessed 1/2, so
    # w_0 = (1/4, -1/4), w_1 = -w_0, biases 0. The query (1, 0): 1/4 - 1 and -1/4 - 1.
    support = Support(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, dtype=torch.bool))
    found = ANILHead(1, 1.0, 1.0, "zero").fit(support).logits(torch.tensor([[4.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[-0.75, -1.25]]))


def test_without_steps_it_is_the_nearest_mean(photo_episode):
    support, queries = photo_episode(1, (3, 2, 4))
    found = ANILHead(0, scale=3.0).fit(support).logits(queries)
    torch.testing.assert_close(found, SimpleShotHead(3.0).fit(support).logits(queries))
    unit = support.with_features(torch.nn.functional.normalize(support.features, dim=-1))
    asked = torch.nn.functional.normalize(queries, dim=-1)
    torch.testing.assert_close(found, PrototypeHead(scale=3.0).fit(unit).logits(asked))


def test_small_steps_lower_the_loss_on_the_photos(photo_episode):
    support, _ = photo_episode(2, (4, 4, 4))

    def loss(steps):
        logits = ANILHead(steps, 0.5, 1.0).fit(support).logits(support.features)
        return float(torch.nn.functional.cross_entropy(logits, support.labels))

    losses = [loss(steps) for steps in (0, 1, 5, 50)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("first_order", [True, False])
def test_first_order_holds_the_inner_gradient_constant(photo_episode, first_order):
    """After one step from zero the layer is linear in the rate; after two it is not."""
    support, queries = photo_episode(3, (2, 2))
    head = ANILHead(2, 1.0, 1.0, "zero", first_order)
    rate = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    head.learning_rate = rate
    (slope,) = torch.autograd.grad(head.fit(support).logits(queries)[0, 0], rate)

    def at(value):
        head.learning_rate = value
        return float(head.fit(support).logits(queries)[0, 0])

    whole = (at(1 + 1e-5) - at(1 - 1e-5)) / 2e-5
    assert (abs(float(slope) - whole) < 1e-6) == (not first_order)


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.sampled_from(["prototypes", "zero"]), st.integers(0, 4))
def test_promises(keeps_photo_promises, seed, start, steps):
    keeps_photo_promises(ANILHead(steps, 2.0, 3.0, start), seed)


def test_half_precision(answers_half_precision):
    answers_half_precision(ANILHead(2, 1.0, 2.0))


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        ({"steps": -1}, "steps is -1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"scale": float("nan")}, "scale is nan"),
        ({"start": "random"}, "start is 'random': use 'prototypes' or 'zero'"),
    ],
)
def test_wrong_parameters_are_refused(given_, told):
    with pytest.raises(ValueError, match=told):
        ANILHead(**given_)
