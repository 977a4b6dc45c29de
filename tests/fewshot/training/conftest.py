"""Made-up base classes that can be learned from."""

from __future__ import annotations

import pytest
import torch

from fewshot import TrainingPlan


def base_classes(n_classes=16, each=14, d=8, seed=0):
    """Classes that differ in half of the numbers only; the other half is louder noise.

    Plain class means are misled by the noise, so that there is something to learn.
    """
    draw = torch.Generator().manual_seed(seed)
    centres = torch.randn(n_classes, d, generator=draw)
    centres[:, d // 2 :] = 0
    y = torch.arange(n_classes).repeat_interleave(each)
    noise = torch.randn(len(y), d, generator=draw)
    noise[:, : d // 2] *= 0.4
    noise[:, d // 2 :] *= 1.2
    return centres[y] + noise, [f"class {i:02d}" for i in y.tolist()]


SHORT = TrainingPlan(
    steps=12,
    batch=4,
    n_way=3,
    n_shot=2,
    n_query=4,
    learning_rate=0.01,
    number_rate=0.05,
    validate_every=4,
    validation_episodes=40,
    noise=0.2,
    dropout=0.2,
)


@pytest.fixture(scope="session")
def base():
    return base_classes()


@pytest.fixture(scope="session")
def short():
    return SHORT
