"""Prediction sets of a library of novel species, and whether they hold the truth as promised."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from five_photos_sets import Scene, draw, recognise

from fewshot.intervals import class_interval
from fgmm.recognition.calibration import calibrate

__all__ = ["COVERAGE", "SHOTS", "set_figures", "sets_kept"]

COVERAGE = 0.9
SHOTS = (3, 5, 10)


def set_figures(sets: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Coverage, mean size and share of empty sets; sets (q, k) bool."""
    sizes = sets.sum(1)
    held = sets[np.arange(len(truth)), truth]
    return {
        "coverage": float(held.mean()),
        "size": float(sizes.mean()),
        "empty": float((sizes == 0).mean()),
        "coverage by class": float(np.mean([held[truth == c].mean() for c in np.unique(truth)])),
    }


def sets_kept(given: Scene, draws: int, shots: int, *, words: bool) -> dict[str, Any]:
    """Figures of each draw, their mean, and how much they vary between draws."""
    every, per_class = [], []
    classes = list(given.novel)
    for seed in range(draws):
        drawn = draw(given, shots, seed)
        photos = {c: drawn.photos[c - given.n_base] for c in classes}
        scorer = recognise(given, classes, photos, words=words)
        asked = drawn.asked[given.labels[drawn.asked] >= given.n_base]
        rows = torch.from_numpy(asked)
        joint = given.joint[rows] if words else None
        told = scorer.evidence(given.features[rows], joint, as_judged=True)
        left_out = scorer.left_out()
        sets = calibrate(left_out).sets(told["text"] + told["photos"], COVERAGE).numpy()
        truth = given.labels[asked] - given.n_base
        own = left_out.logits.argmax(1) == left_out.labels
        right = (told["text"] + told["photos"]).argmax(1).numpy() == truth
        figures = set_figures(sets, truth)
        figures |= {"accuracy": float(right.mean()), "left-out accuracy": float(own.float().mean())}
        every.append(figures)
        held = sets[np.arange(len(truth)), truth]
        per_class.append([held[truth == c].mean() for c in range(len(classes))])
    found: dict[str, Any] = {
        name: {
            "mean": float(np.mean([one[name] for one in every])),
            "sd over draws": float(np.std([one[name] for one in every], ddof=1)),
        }
        for name in every[0]
    }
    found["coverage by class"]["class_ci95"] = class_interval(np.mean(per_class, axis=0))
    inside = [0.88 <= one["coverage"] <= 0.92 for one in every]
    return {**found, "draws within 0.88 and 0.92": float(np.mean(inside))}
