"""Made-up collections of both layers, and their scorers."""

from __future__ import annotations

import hashlib
import math

import torch
from torch.nn.functional import normalize

from fewshot import Background
from fgmm.library import Collection, Photos, Species
from fgmm.recognition.scorer import Scorer
from fgmm.scoring import Reading

D, K = 6, 5
READING = Reading(12.0, 0.5, "softmax")


def draws(*shape: int, seed: int = 0) -> torch.Tensor:
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def background(seed: int = 3, d: int = D) -> Background:
    rows = draws(400, d, seed=seed)
    spread = torch.cov(rows.T)
    return Background(rows.mean(0), 0.6 * spread, spread, 400, "there", "made up")


def collection(shots: list[int], seed: int = 1, start: int = 0) -> Collection:
    """Species with so many photos each, both layers end to end."""
    found = {}
    for i, n in enumerate(shots):
        rows = torch.cat([draws(n, D, seed=seed + 9 * i), draws(n, D, seed=77 + seed + i)], 1)
        digests = [hashlib.sha256(f"{start} {i} {j}".encode()).hexdigest() for j in range(n)]
        photos = Photos(rows.numpy() / math.sqrt(2), digests) if n else Photos.none(2 * D)
        found[f"s{i}"] = Species(f"s{i}", f"species {i}", photos=photos)
    return Collection("joint and features", 2 * D, "made up", found)


def scorer(shots: list[int], *, texts: bool = True, general: bool = True, **more) -> Scorer:
    return Scorer.of(
        collection(shots),
        draws(len(shots), D, seed=50) if texts else None,
        READING if texts else None,
        background() if general else None,
        joint_background=background(4) if general else None,
        joint_dim=D,
        **more,
    )


def logits(of: Scorer, n: int = 20) -> torch.Tensor:
    told = of.evidence(draws(n, D, seed=8), draws(n, D, seed=9))
    return told["text"] + told["photos"]
