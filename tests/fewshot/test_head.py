"""What a head tells of itself, and the example that authors of heads start from."""

from __future__ import annotations

import doctest
import inspect
import sys
import types

import pytest
import torch

from fewshot import Head, TunedHead, check_head, head_names, load_head
from fewshot.registry import head_parameters


@pytest.fixture
def example(monkeypatch):
    """The example of Head's docstring as a module, so that its classes can be pickled."""
    module = types.ModuleType("head_example")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    parts = doctest.DocTestParser().get_examples(Head.__doc__)
    exec("".join(part.source for part in parts), vars(module))  # noqa: S102 - our own docstring
    return module


def test_the_example_for_authors_keeps_every_promise(example):
    made = [c for c in vars(example).values() if inspect.isclass(c)]
    own = [c for c in made if issubclass(c, Head) and c.__module__ == example.__name__]
    (kind,) = own
    assert kind.batched
    check_head(kind())


@pytest.mark.parametrize("name", head_names())
def test_a_head_shows_all_its_parameters(name):
    text = repr(load_head(name))
    for parameter in head_parameters(name):
        assert f"{parameter}=" in text


def test_a_head_shows_the_values_it_has():
    assert repr(load_head("tip-adapter", alpha=3)) == (
        "TipAdapterHead(alpha=3, beta=5.5, values='mean')"
    )
    assert repr(load_head("zero-shot")) == "ZeroShotHead()"
    prior = load_head("tim", class_prior=torch.tensor([0.25, 0.75]))
    assert "class_prior=Tensor of shape (2,)" in repr(prior)
    several = repr(TunedHead([load_head("ridge", penalty=p) for p in (0.5, 2.0)]))
    assert "penalty=0.5" in several
    assert "penalty=2.0" in several


def test_a_head_that_keeps_no_parameter_shows_none():
    class Bare(Head):
        def __init__(self, strength=1.0, *rest, **more):
            super().__init__()

        def fit(self, support):
            raise NotImplementedError

    assert repr(Bare()) == "Bare()"
