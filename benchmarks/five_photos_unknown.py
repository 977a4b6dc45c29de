"""Pictures of species nobody added: how well a library of words and photos tells them.

In each draw half of the novel classes, at random, are added by five photos; the others are
unknown. Known are base test pictures and other pictures of the added species; or, in a library of
added species only, the latter. Every rule scores how known a picture looks. Maximum probability
and energy are taken of the library's own scores, and of what others would have: the encoder's scale
times the cosine with the mean photo, or the text where there is none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from five_photos_judging import Wins, auroc_summary, wins_by_class
from five_photos_sets import Draw, Scene, draw, recognise
from torch import Tensor
from torch.nn.functional import normalize

__all__ = ["LIBRARIES", "OURS", "rules", "unknown_species"]

OURS = "none of these"
LIBRARIES = ("base by words and added", "added only")


def rules(given: Scene, classes: list[int], photos: dict[int, np.ndarray], asked: np.ndarray):
    """Score how known each picture looks, by each rule: name -> (q,)."""
    scorer, rows = recognise(given, classes, photos), torch.from_numpy(asked)
    joint, features = given.joint[rows], given.features[rows]
    told = scorer.evidence(features, joint)
    logits = told["text"] + told["photos"]
    shown = [row for row, c in enumerate(classes) if c in photos]
    worded = [c for c in classes if c not in photos]
    every = [given.features[torch.from_numpy(photos[classes[row]])] for row in shown]
    means = normalize(torch.stack([own.mean(0) for own in every]), dim=1)
    texts: Tensor = joint @ given.texts[worded].mT
    near = {"mean photo": features @ means.mT, "nearest photo": features @ torch.cat(every).mT}
    plain = given.scale * torch.cat([near["mean photo"], texts], 1)
    found = {
        OURS: logits.logsumexp(1) - scorer.none_of_these(joint, len(joint)),
        "maximum probability": logits.softmax(1).amax(1),
        "energy": logits.logsumexp(1),
        "maximum probability, of plain cosines": plain.softmax(1).amax(1),
        "energy, of plain cosines": plain.logsumexp(1),
        **{
            f"maximum cosine, {name}": torch.cat([cosines, texts], 1).amax(1)
            for name, cosines in near.items()
        },
    }
    return {name: score.numpy() for name, score in found.items()}


def added(given: Scene, seed: int) -> list[int]:
    """Novel classes that are added in this draw."""
    order = np.random.default_rng((seed, 1)).permutation(list(given.novel))
    return sorted(order[: len(order) // 2].tolist())


def question(given: Scene, drawn: Draw, library: str) -> np.ndarray:
    """Pictures that are asked about: of known and of unknown species."""
    labels = given.labels[drawn.asked]
    if library == LIBRARIES[0]:
        return drawn.asked
    return drawn.asked[labels >= given.n_base]


def unknown_species(given: Scene, draws: int, shots: int = 5) -> dict[str, Any]:
    """AUROC of every rule and how far ours is ahead, for both libraries."""
    found: dict[str, Any] = {}
    for library in LIBRARIES:
        wins: dict[str, list[Wins]] = {}
        for seed in range(draws):
            drawn, chosen = draw(given, shots, seed), added(given, seed)
            photos = {c: drawn.photos[c - given.n_base] for c in chosen}
            base = list(range(given.n_base)) if library == LIBRARIES[0] else []
            asked = question(given, drawn, library)
            unknown = np.ones(len(given.names), bool)
            unknown[base + chosen] = False
            if library != LIBRARIES[0]:  # base classes are neither known nor asked about
                unknown[: given.n_base] = False
            for name, score in rules(given, base + chosen, photos, asked).items():
                table = wins_by_class(score, given.labels[asked], unknown, len(given.names))
                wins.setdefault(name, []).append(table)
        n_base = given.n_base
        found[library] = {
            name: {
                "auroc": auroc_summary(own, n_base=n_base),
                "ours less it": auroc_summary(wins[OURS], own, n_base=n_base),
            }
            for name, own in wins.items()
        }
    return found
