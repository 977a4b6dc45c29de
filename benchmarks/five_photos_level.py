"""How species by photos are set against species by words: chosen on base classes as stand-ins.

    python benchmarks/five_photos_level.py --keep runs/knowledge --json runs/five/level.json

A third of the base classes stand for new ones: their names are scrambled, and they are given five
of the pictures nothing was trained on; the others are known by words. The new ones are added one at
a time and all at once. Everything is as in `five_photos`, but no novel class is looked at. U, S, H
and the fall of S, in per cent, for a lean of so many nats and for shares of the weight of photos.
Four minutes.
"""

from __future__ import annotations

import os

# One core, whatever the machine has. Before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import random
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from five_photos_judging import by_class
from five_photos_sets import Scene, draw, recognise
from knowledge_sets import SETS, pools, world
from tiny_words import scramble

import fgmm
from fgmm.prompts import class_matrix
from fgmm.recognition import scorer as module

__all__ = ["curves", "stand_ins"]

WAYS = ("one at a time", "all at once")
SHARE, SPLITS, FIVE, EACH = 1 / 3, 3, 5, 3  # one at a time every third stand-in is added
LEANS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
GROUPS = (0.4, 0.6, 0.8, 1.0)


def stand_ins(encoder, data: str, split: int, cache: Path | None) -> Scene:
    """A scene of base classes alone; of drawn birds there are enough in two roles only."""
    told, kept = world(encoder, data, cache).told, pools(encoder, data, cache)
    test = kept["test"]
    keys = sorted(set(test.keys.tolist()))
    order = np.random.default_rng(100 + split).permutation(len(keys))
    n = round(len(keys) * SHARE)
    new, base = ([keys[i] for i in sorted(some)] for some in (order[:n], order[n:]))
    letters = random.Random(split)
    names = [told.names[k] for k in base] + [scramble(told.names[k], letters) for k in new]
    place = {key: row for row, key in enumerate(base + new)}
    used = [test, kept["train"]] if data == "field guide" else [test]
    labels = np.array([place[key] for pool in used for key in pool.keys])
    first = np.arange(len(labels)) < len(test.keys)
    gives = (labels >= len(base)) & (~first if len(used) > 1 else first)
    return Scene(
        data,
        tuple(names),
        len(base),
        class_matrix(encoder, names).matrix.vectors.float(),
        float(encoder.logit_scale),
        torch.cat([pool.joint.vectors for pool in used]),
        torch.cat([pool.features.vectors for pool in used]),
        labels,
        gives,
        first,
        encoder.background("joint"),
        encoder.background("features"),
    )


def curves(given: Scene, seed: int, way: str) -> np.ndarray:
    """U and S for every lean, (2, n), means over classes and over libraries."""
    drawn = draw(given, FIVE, seed)
    rows, truth = torch.from_numpy(drawn.asked), given.labels[drawn.asked]
    base = np.arange(given.n_base)
    seen = [c for c in base if (truth == c).any()]
    left = [c for c in given.novel if (truth == c).any()]  # of some all pictures were given
    groups = [left] if way == WAYS[1] else [[c] for c in left[::EACH]]
    found = []
    for new in groups:
        every = list(given.novel) if way == WAYS[1] else new
        photos = {c: drawn.photos[c - given.n_base] for c in every}
        classes = np.array([*base, *every])
        scorer = recognise(given, classes.tolist(), photos)
        told = scorer.evidence(given.features[rows], given.joint[rows])
        logits = told["text"] + told["photos"]
        for lean in LEANS:
            moved = logits + torch.where(scorer.has_photos, lean - module._LEAN, 0.0)
            answers = classes[moved.argmax(1).numpy()]
            found.append([by_class(answers, truth, some).mean() for some in (new, seen)])
    return np.array(found).reshape(-1, len(LEANS), 2).mean(0).T


def judge(encoder, data: str, cache: Path | None) -> dict[str, Any]:
    """Means over splits: way -> share of the weight -> figures by lean."""
    scenes = [stand_ins(encoder, data, split, cache) for split in range(SPLITS)]
    found: dict[str, Any] = {}
    for way in WAYS:
        for group in GROUPS:
            with mock.patch.object(module, "_GROUP", group):
                told = [curves(scene, seed, way) for seed, scene in enumerate(scenes)]
            new, seen = np.mean(told, axis=0)
            before = np.mean([alone(scene, seed) for seed, scene in enumerate(scenes)])
            found.setdefault(way, {})[str(group)] = {
                "U": new.tolist(),
                "S": seen.tolist(),
                "H": (2 * new * seen / (new + seen)).tolist(),
                "fall": (before - seen).tolist(),
            }
    return found


def alone(given: Scene, seed: int) -> float:
    """S of the base classes by words, before anything is added."""
    asked = draw(given, FIVE, seed).asked
    truth = given.labels[asked]
    cosines = given.joint[torch.from_numpy(asked)] @ given.texts[: given.n_base].mT
    seen = [c for c in range(given.n_base) if (truth == c).any()]
    return float(by_class(cosines.argmax(1).numpy(), truth, seen).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", type=Path, help="keep the pictures' vectors in this folder")
    parser.add_argument("--json", type=Path, help="write every figure here")
    args = parser.parse_args()
    torch.set_num_threads(1)
    encoder = fgmm.load_encoder("tiny")
    cache = args.keep / "vectors.safetensors" if args.keep else None
    every = {data: judge(encoder, data, cache) for data in SETS}
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({"leans": LEANS, "sets": every}, indent=1))
    print("| set, way | share | " + " | ".join(f"lean {lean:g}" for lean in LEANS) + " |")
    print("|---|---|" + "---|" * len(LEANS))
    for data, ways in every.items():
        for way, groups in ways.items():
            for group, told in groups.items():
                cells = [
                    f"{100 * h:.1f} ({100 * f:.1f})"
                    for h, f in zip(told["H"], told["fall"], strict=True)
                ]
                print(f"| {data}, {way} | {group} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
