"""How species by photos are set against species by words: chosen on base classes as stand-ins.

    python benchmarks/five_photos_level.py --keep runs/knowledge --json runs/five/level.json

A third of the base classes stand for new ones, and are given five pictures nothing was trained on;
the others are known by words. 40 % of the new names are right, the others are each other's, as
names of new species are understood in part only. "grocery, other shops": photos are from val (four
of each class), questions from test. New ones are added one at a time and all at once. Everything is
as in `five_photos`, but no novel class is looked at. H (and the fall of S), in per cent, for a lean
of so many nats, shares of the weight of photos, and of words. Ten minutes.
"""

from __future__ import annotations

import os

# One core, whatever the machine has. Before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from five_photos_judging import by_class
from five_photos_sets import Draw, Scene, draw, recognise
from knowledge_sets import pools, world

import fgmm
from fgmm.prompts import class_matrix
from fgmm.recognition import common_scale as module

__all__ = ["curves", "stand_ins"]

WAYS = ("one at a time", "all at once")
PLACES = ("flowers", "grocery", "grocery, other shops", "field guide")
SHARE, SPLITS, EACH = 1 / 3, 3, 3  # one at a time every third stand-in is added
RIGHT = 0.4  # of the names of stand-ins
LEANS = (0.0, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
SHARES = [(photos, words) for photos in (0.4, 0.6, 0.8, 1.0) for words in (0.0, 0.25, 0.5)]


def shots(place: str) -> int:
    """Photos of a species; more than four are rare in grocery's val."""
    return 4 if place.endswith("shops") else 5


def stand_ins(encoder, place: str, split: int, cache: Path | None) -> Scene:
    """A scene of base classes alone; photos and questions may come from two roles."""
    data = place.partition(",")[0]
    told, kept = world(encoder, data, cache).told, pools(encoder, data, cache)
    more = {"field guide": "train", "grocery, other shops": "steer"}.get(place)
    used = [kept["test"]] + ([kept[more]] if more else [])
    test, source = used[0], used[-1]
    keys = sorted(set(test.keys.tolist()))
    rng = np.random.default_rng(100 + split)
    can = [key for key in keys if (source.keys == key).sum() >= shots(place)]
    new = sorted(rng.permutation(can)[: round(len(keys) * SHARE)].tolist())
    base = [key for key in keys if key not in new]
    order = rng.permutation(new).tolist()
    others = order[round(RIGHT * len(order)) :]
    called = {key: key for key in new} | dict(zip(others, others[1:] + others[:1], strict=True))
    names = [told.names[key] for key in base] + [told.names[called[key]] for key in new]
    row = {key: at for at, key in enumerate(base + new)}
    labels = np.array([row[key] for pool in used for key in pool.keys])
    first = np.arange(len(labels)) < len(test.keys)
    gives = (labels >= len(base)) & (~first if more else first)
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


def curves(given: Scene, drawn: Draw, way: str) -> np.ndarray:
    """U and S for every lean, (2, n), means over classes and over libraries."""
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


def alone(given: Scene, drawn: Draw) -> float:
    """S of the base classes by words, before anything is added."""
    truth = given.labels[drawn.asked]
    cosines = given.joint[torch.from_numpy(drawn.asked)] @ given.texts[: given.n_base].mT
    seen = [c for c in range(given.n_base) if (truth == c).any()]
    return float(by_class(cosines.argmax(1).numpy(), truth, seen).mean())


def judge(encoder, place: str, cache: Path | None) -> dict[str, Any]:
    """Means over splits: way -> shares -> H and fall by lean."""
    scenes = [stand_ins(encoder, place, split, cache) for split in range(SPLITS)]
    drawn = [draw(scene, shots(place), seed) for seed, scene in enumerate(scenes)]
    before = np.mean([alone(*pair) for pair in zip(scenes, drawn, strict=True)])
    found: dict[str, Any] = {way: {} for way in WAYS}
    for way in WAYS:
        for photos, words in SHARES:
            with mock.patch.multiple(module, _GROUP=photos, _WORDS=words):
                new, seen = np.mean(
                    [curves(*pair, way) for pair in zip(scenes, drawn, strict=True)], axis=0
                )
            found[way][f"{photos:g}, {words:g}"] = {
                "H": (2 * new * seen / (new + seen)).tolist(),
                "fall": (before - seen).tolist(),
            }
        print(f"{place}, {way}: done", flush=True)
    return found


def table(every: dict[str, Any]) -> list[str]:
    """Mean H of all places and ways, and the mean fall of one at a time, a row for each shares."""
    lines = ["| share of photos, of words | " + " | ".join(f"{x:g} nats" for x in LEANS) + " |"]
    lines.append("|---|" + "---|" * len(LEANS))
    for photos, words in SHARES:
        key = f"{photos:g}, {words:g}"
        h = np.mean([[told[way][key]["H"] for way in WAYS] for told in every.values()], (0, 1))
        fall = np.mean([told[WAYS[0]][key]["fall"] for told in every.values()], 0)
        cells = [f"{100 * a:.1f} ({100 * b:.1f})" for a, b in zip(h, fall, strict=True)]
        lines.append(f"| {key} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", type=Path, help="keep the pictures' vectors in this folder")
    parser.add_argument("--json", type=Path, help="write every figure here")
    args = parser.parse_args()
    torch.set_num_threads(1)
    encoder = fgmm.load_encoder("tiny")
    cache = args.keep / "vectors.safetensors" if args.keep else None
    every = {place: judge(encoder, place, cache) for place in PLACES}
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({"leans": LEANS, "places": every}, indent=1))
    print("\n".join(table(every)))


if __name__ == "__main__":
    main()
