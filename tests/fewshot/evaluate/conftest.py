"""Pools of classes of unequal size, and the logits that an evaluation sees."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from fewshot import (
    Background,
    Episodes,
    Words,
    running,
)
from fewshot.tally import Tally

FIELDS = [field.name for field in dataclasses.fields(Episodes)]


SIZES = {"wren": 9, "tit": 14, "owl": 30, "kite": 11, "crow": 8}  # not in sorted order


def made(seed: int, sizes=SIZES, d: int = 10):
    """Features hard enough that answers are often wrong, of classes of unequal size, shuffled."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(1).normal(size=(len(sizes), d))
    labels = [name for name, n in sizes.items() for _ in range(n)]
    rows = np.concatenate(
        [c + 1.4 * rng.normal(size=(n, d)) for c, n in zip(centres, sizes.values(), strict=True)]
    )
    order = rng.permutation(len(labels))
    return torch.tensor(rows[order]), [labels[i] for i in order]


def texts(n: int = 5, d: int = 10) -> Words:
    rng = np.random.default_rng(1)
    centres = dict(zip(SIZES, rng.normal(size=(n, d)), strict=True))
    rows = torch.tensor(np.stack([centres[name] for name in sorted(centres)]))
    rows = rows + 0.8 * torch.tensor(np.random.default_rng(7).normal(size=(n, d)))
    return Words(torch.nn.functional.normalize(rows, dim=-1), 15.0, -3.0)


def background(d: int = 10) -> Background:
    within = 2 * torch.eye(d, dtype=torch.float64)
    mean = torch.linspace(-0.5, 0.5, d, dtype=torch.float64)
    return Background(mean, within, within + torch.eye(d), 500, "made up", "test")


@pytest.fixture
def logits_seen(monkeypatch):
    """Logits and queries' labels of every tile that is counted."""
    seen = []

    class Spy(Tally):
        def add(self, logits, episodes):
            seen.append((logits.clone(), episodes))
            super().add(logits, episodes)

    monkeypatch.setattr(running, "Tally", Spy)
    return seen


def logits_of(seen) -> torch.Tensor:
    """All of them, with zeros where a query or a class is padding."""
    rows = []
    for logits, episodes in seen:
        real = (episodes.query_labels >= 0).unsqueeze(-1) & episodes.class_mask.unsqueeze(-2)
        rows.append(logits.masked_fill(~real, 0))
    seen.clear()
    return torch.cat(rows)
