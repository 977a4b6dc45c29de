"""What `Recognizer.extend` was tuned on: base classes held out as if they were new.

    python benchmarks/extend_standins.py --keep runs/knowledge

A quarter of the base classes at a time gets five training pictures each and is asked about by test
pictures; the user's model is fitted to the others. `tiny` has seen all of them, so they are easier
than novel classes. For each weight of the model's surety (HEED): U where the level is put so that
1 % of the old test pictures go to new species (no rule could know it), and U and the fall of S by
the rule. About two minutes on one core.
"""

from __future__ import annotations

import os

# One core, whatever the machine has. Before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import dataclasses
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from extend import (
    SHOTS,
    Model,
    answers_by_level,
    extended,
    fit,
    judge,
    said_of,
)
from five_photos_judging import by_class
from five_photos_sets import SETS, Draw, Scene, draw, scene
from knowledge_sets import world

import fgmm
from fgmm.recognition.examples import Examples

HEEDS, FOLDS, SINGLES = (0.0, 0.25, 0.5, 1.0), 4, 5


def stand_in(encoder, data: str, cache: Path | None, fold: int) -> tuple[Scene, Model]:
    """Make a scene of base classes alone, in which every fourth is new, and the user's model."""
    given, pools = scene(encoder, data, cache), world(encoder, data, cache).pools
    keys = [key for key in pools["test"].classes if key in set(pools["train"].keys)]
    order = sorted(range(len(keys)), key=lambda at: at % FOLDS == fold)
    n_old = sum(at % FOLDS != fold for at in range(len(keys)))
    place = {keys[at]: row for row, at in enumerate(order)}
    rows = {
        role: np.flatnonzero(np.isin(pools[role].keys, keys)) for role in ("train", "steer", "test")
    }
    labels = {
        role: np.array([place[key] for key in pools[role].keys[at]]) for role, at in rows.items()
    }
    joint = {role: pools[role].joint.vectors[torch.from_numpy(at)] for role, at in rows.items()}
    features = {
        role: pools[role].features.vectors[torch.from_numpy(at)] for role, at in rows.items()
    }
    both = np.concatenate([labels["train"], labels["test"]])
    train = np.arange(len(both)) < len(labels["train"])
    where = {key: row for row, key in enumerate(pools["test"].classes)}
    picked = torch.tensor([where[keys[at]] for at in order])
    made = dataclasses.replace(
        given,
        names=tuple(given.names[row] for row in picked.tolist()),
        n_base=n_old,
        texts=given.texts[picked],
        joint=torch.cat([joint["train"], joint["test"]]),
        features=torch.cat([features["train"], features["test"]]),
        labels=both,
        may_give=train & (both >= n_old),
        may_ask=~train,
    )
    known = labels["train"] < n_old
    fitted = fit(features["train"].numpy()[known], labels["train"][known])
    old = torch.from_numpy(np.flatnonzero(labels["steer"] < n_old))
    vectors = torch.cat([joint["steer"][old], features["steer"][old]], 1) / 2**0.5
    said, owners = said_of(fitted, features["steer"][old]), torch.from_numpy(labels["steer"])[old]
    digests = tuple(f"{row:064x}" for row in old.tolist())
    none = ("",) * len(old)
    right = said.argmax(1) == owners
    examples = Examples(vectors, digests, none, owners, said.amax(1), right, True)
    return made, Model(fitted, np.empty(0), np.empty(0), said_of(fitted, made.features), examples)


def measure(recognizer, given: Scene, model: Model, drawn: Draw, classes, examples: Examples):
    """U at 1 % of old pictures lost, U by the rule, and the fall of S by the rule."""
    photos = {int(c): drawn.photos[c - given.n_base] for c in classes}
    standing = extended(recognizer, given, model, photos, examples)
    truth = given.labels[drawn.asked]
    asked = drawn.asked[(truth < given.n_base) | np.isin(truth, classes)]
    truth, said = given.labels[asked], model.said[torch.from_numpy(asked)]
    margins, best = judge(standing, given, said, asked)
    old, new = said.argmax(1).numpy(), np.array(list(photos))[best]
    fair = np.quantile(margins[truth < given.n_base], 0.99)
    u, found = [], range(given.n_base)
    for level in (fair, standing.level):
        answers = answers_by_level(old, margins, new, level)
        u.append(by_class(answers, truth, list(photos)).mean())
    fall = by_class(old, truth, found).mean() - by_class(answers, truth, found).mean()
    return [*u, fall]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", type=Path, help="keep the pictures' vectors in this folder")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    encoder = fgmm.load_encoder("tiny")
    recognizer = fgmm.Recognizer(encoder)
    cache = args.keep / "vectors.safetensors" if args.keep else None
    print("| set | new | examples | HEED | U, 1 % lost | U, rule | fall of S, rule |")
    print("|---|---|---|---|---|---|---|")
    for data in args.sets:
        table: dict[tuple[str, str, float], list[list[float]]] = {}
        for fold in range(FOLDS):
            given, model = stand_in(encoder, data, cache, fold)
            drawn = draw(given, SHOTS, fold)
            singles = np.random.default_rng(fold).choice(given.novel, SINGLES, replace=False)
            ways = {"all at once": [np.array(given.novel)], "one at a time": singles[:, None]}
            none = Examples.none(model.examples.vectors.shape[1])
            for way, groups in ways.items():
                for name, own in (("yes", model.examples), ("no", none)):
                    for heed in HEEDS:
                        with patch("fgmm.recognition.contest.HEED", heed):
                            rows = [
                                measure(recognizer, given, model, drawn, classes, own)
                                for classes in groups
                            ]
                        table.setdefault((way, name, heed), []).extend(rows)
        for (way, name, heed), rows in table.items():
            cells = " | ".join(f"{100 * value:.1f}" for value in np.mean(rows, 0))
            print(f"| {data} | {way} | {name} | {heed} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
