"""A classifier that is there already and gains novel classes by five photos: what is lost and gained.

    python benchmarks/extend.py --keep runs/knowledge --json runs/extend.json

The user's model is a logistic regression on `tiny`'s features of the training pictures of the base
classes. Novel classes get five photos each, one species at a time beside the base classes and all
at once; 10 draws, the same for every method. U is accuracy on novel classes, S on test pictures of
base classes, H their harmonic mean, "fall" what the model itself lost of S: means of class
accuracies. Intervals are over classes.

"tuned" rows may choose among settings by the examples (the pictures that steered `tiny`'s training:
base classes, not trained on) and by nothing else. Refitting is the one method that keeps every old
training picture. About two minutes on one core with kept vectors.
"""

from __future__ import annotations

import os

# One core, whatever the machine has. Before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import datetime
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from five_photos_judging import Sides, by_class, summary
from five_photos_sets import SETS, Scene, collect, draw, scene
from knowledge_sets import world
from sklearn.linear_model import LogisticRegression

import fgmm
from fewshot.intervals import class_interval
from fgmm.embeddings import Embeddings
from fgmm.recognition.contest import level_from_old
from fgmm.recognition.examples import Examples, stand_beside
from fgmm.recognition.standing import Standing

__all__ = ["Model", "answers_by_level", "extended", "nearest_means", "refitted"]

DRAWS, SHOTS, LOSE = 10, 5, 0.01
STRENGTH, SCALE = 10.0, 10.0  # inverse penalty, and the length of a row the model is given
WAYS = ("one at a time", "all at once")


@dataclass(frozen=True)
class Model:
    """The user's model, its training pictures, and what it says of the scene's and of examples.

    Parameters
    ----------
    fitted : LogisticRegression
    features, labels : ndarray of shape (t, d) and (t,)
        Of training pictures.
    said : Tensor of shape (n, k)
        Log-probabilities of the scene's pictures.
    examples : Examples
    """

    fitted: LogisticRegression
    features: np.ndarray
    labels: np.ndarray
    said: torch.Tensor
    examples: Examples


def fit(features: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None):
    return LogisticRegression(C=STRENGTH, max_iter=300).fit(SCALE * features, labels, weights)


def said_of(fitted, features: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(fitted.predict_log_proba(SCALE * features.numpy())).double()


def make_model(encoder, given: Scene, cache: Path | None) -> Model:
    """Fit the user's model, and gather its examples."""
    pools = world(encoder, given.data, cache).pools
    place = {key: row for row, key in enumerate(pools["test"].classes)}
    train, steer = (pools[role] for role in ("train", "steer"))
    known = np.array([key in place for key in train.keys])
    labels = np.array([place[key] for key in train.keys[known]])
    features = train.features.vectors.numpy()[known]
    fitted = fit(features, labels)
    keep = np.flatnonzero([key in place for key in steer.keys])
    rows = torch.from_numpy(keep)
    both = torch.cat([steer.joint.vectors[rows], steer.features.vectors[rows]], 1) / math.sqrt(2)
    owners = torch.tensor([place[key] for key in steer.keys[keep]])
    said = said_of(fitted, steer.features.vectors[rows])
    digests = tuple(hashlib.sha256(f"steer {row}".encode()).hexdigest() for row in keep)
    right = said.argmax(1) == owners
    examples = Examples(both, digests, ("",) * len(keep), owners, said.amax(1), right, True)
    return Model(fitted, features, labels, said_of(fitted, given.features), examples)


def kept_rows(given: Scene, rows: np.ndarray) -> torch.Tensor:
    """Vectors as a library keeps them."""
    at = torch.from_numpy(rows)
    return torch.cat([given.joint[at], given.features[at]], 1) / math.sqrt(2)


def extended(
    recognizer, given: Scene, model: Model, photos: dict[int, np.ndarray], examples: Examples
) -> Standing:
    """Give what `Recognizer.extend` knows with these photos: its own parts, without pictures."""
    species = collect(given, list(photos), photos)
    here = recognizer.collection
    species = type(here)(here.space, here.dim, here.encoder, dict(species.species))
    both, places, alone = stand_beside(species, given.names[: given.n_base], examples, words=True)
    tops = {}
    for c, rows in photos.items():
        said = model.said[torch.from_numpy(rows)].amax(1).tolist()
        tops |= dict(zip(species.species[f"s{c}"].photos.digests, said, strict=True))
    moment = recognizer._make(both)
    labels = given.names[: given.n_base]
    return Standing(species, labels, moment, places, examples, alone, tops, LOSE)


def judge(standing: Standing, given: Scene, said: torch.Tensor, asked: np.ndarray):
    """Margins and likeliest new species of pictures."""
    kept = Embeddings(kept_rows(given, asked), standing.moment.layers.space)
    margins, best = standing.judge(kept, said.amax(1))
    return margins.numpy(), best.numpy()


def answers_by_level(
    old: np.ndarray, margins: np.ndarray, new: np.ndarray, level: float
) -> np.ndarray:
    """Answer with the new class where the margin is above the level, else with the old one.

    Examples
    --------
    >>> answers_by_level(np.array([0, 1]), np.array([2.0, 0.5]), np.array([7, 7]), 1.0)
    array([7, 1])
    """
    return np.where(margins > level, new, old)


def nearest_means(given: Scene, photos: dict[int, np.ndarray], rows: torch.Tensor):
    """Largest cosine with the mean photo of a new class, and which class."""
    means = torch.stack([given.features[torch.from_numpy(own)].mean(0) for own in photos.values()])
    cosines = rows @ torch.nn.functional.normalize(means, dim=1).mT
    return cosines.amax(1).numpy(), np.array(list(photos))[cosines.argmax(1).numpy()]


def refitted(given: Scene, model: Model, photos: dict[int, np.ndarray], asked, *, balanced: bool):
    """Answers of a logistic regression fitted again to old training pictures and new photos."""
    rows = np.concatenate(list(photos.values()))
    x = np.concatenate([model.features, given.features[torch.from_numpy(rows)].numpy()])
    y = np.concatenate([model.labels, given.labels[rows]])
    counts = np.bincount(y, minlength=len(given.names))
    weights = len(y) / (counts[y] * (counts > 0).sum()) if balanced else None
    return fit(x, y, weights).predict(SCALE * given.features[torch.from_numpy(asked)].numpy())


def methods(recognizer, given: Scene, model: Model, photos: dict[int, np.ndarray], asked, refit):
    """Answers of every method to one library: name -> (q,)."""
    said = model.said[torch.from_numpy(asked)]
    old, classes = said.argmax(1).numpy(), np.array(list(photos))
    found = {}
    none, examples = Examples.none(model.examples.vectors.shape[1]), model.examples
    for name, own in (("extend, with examples", examples), ("extend, without", none)):
        standing = extended(recognizer, given, model, photos, own)
        margins, best = judge(standing, given, said, asked)
        found[name] = answers_by_level(old, margins, classes[best], standing.level)
    d = given.joint.shape[1]
    shown = torch.nn.functional.normalize(examples.vectors[:, d:], dim=1)
    at = torch.from_numpy(asked)
    cosines, own = nearest_means(given, photos, given.features[at])
    seen, _ = nearest_means(given, photos, shown)
    lost = int(LOSE * len(examples))
    level = level_from_old(torch.from_numpy(seen)[examples.right], lost)
    found["cosine with the mean photo above a level (examples)"] = answers_by_level(
        old, cosines, own, level
    )
    unsure, told = -said.amax(1).numpy(), -examples.top
    level = level_from_old(told[examples.right], lost)
    found["model unsure, then nearest mean photo (examples)"] = answers_by_level(
        old, unsure, own, level
    )
    if refit:
        for balanced in (False, True):
            name = f"refitted on all old pictures{', classes weighted alike' if balanced else ''}"
            found[name] = refitted(given, model, photos, asked, balanced=balanced)
    return found


def judge_set(encoder, data: str, cache: Path | None, draws: int, refits: int) -> dict[str, Any]:
    """Every figure of a set."""
    given = scene(encoder, data, cache)
    model, recognizer = make_model(encoder, given, cache), fgmm.Recognizer(encoder)
    old_rows = np.flatnonzero(given.labels < given.n_base)
    alone = model.said[torch.from_numpy(old_rows)].argmax(1).numpy()
    before = by_class(alone, given.labels[old_rows], range(given.n_base))
    every: dict[str, dict[str, list[Sides]]] = {way: {} for way in WAYS}
    for seed in range(draws):
        drawn = draw(given, SHOTS, seed)
        truth = given.labels[drawn.asked]
        whole = {int(c): drawn.photos[row] for row, c in enumerate(given.novel)}
        tasks = {WAYS[1]: [whole], WAYS[0]: [{c: rows} for c, rows in whole.items()]}
        for way, libraries in tasks.items():
            rows: dict[str, list[Sides]] = {}
            for photos in libraries:
                # one at a time a refit of everything for each species is dear
                refit = seed < (draws if way == WAYS[1] else refits)
                for name, answers in methods(
                    recognizer, given, model, photos, drawn.asked, refit
                ).items():
                    u = np.array([by_class(answers, truth, range(c, c + 1))[0] for c in photos])
                    seen = by_class(answers, truth, range(given.n_base))
                    rows.setdefault(name, []).append({"U": u, "S": seen})
            for name, found in rows.items():
                sides = {
                    "U": np.concatenate([one["U"] for one in found]),
                    "S": np.mean([one["S"] for one in found], 0),
                }
                every[way].setdefault(name, []).append(sides)
        print(f"{data}: {seed + 1} of {draws} draws", flush=True)
    told: dict[str, Any] = {
        "base classes": given.n_base,
        "novel classes": len(given.novel),
        "training pictures": len(model.labels),
        "examples": len(model.examples),
        "S before": {"mean": float(before.mean()), "class_ci95": class_interval(before)},
    }
    for way in WAYS:
        told[way] = {}
        for name, rows in every[way].items():
            mean = {side: np.mean([row[side] for row in rows], 0) for side in ("U", "S")}
            told[way][name] = {"draws": len(rows), **summary(mean, before)}
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", type=Path, help="keep the pictures' vectors in this folder")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--refits", type=int, default=1, help="draws refitted one at a time")
    parser.add_argument("--json", type=Path, help="write every figure here")
    args = parser.parse_args()
    torch.set_num_threads(1)
    encoder = fgmm.load_encoder("tiny")
    cache = args.keep / "vectors.safetensors" if args.keep else None
    told = {
        "space": encoder.space,
        "fgmm": fgmm.__version__,
        "date": datetime.date.today().isoformat(),
        "sets": {d: judge_set(encoder, d, cache, args.draws, args.refits) for d in args.sets},
    }
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(told, indent=1))
    for data, found in told["sets"].items():
        low, high = found["S before"]["class_ci95"]
        print(
            f"\n### {data}: S before {100 * found['S before']['mean']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
        )
        for way in WAYS:
            print(
                f"\n{way}\n\n| method | U | S | H | fall of S | draws |\n|---|---|---|---|---|---|"
            )
            for name, row in found[way].items():
                cells = [
                    f"{100 * row[s]:.1f} [{100 * row[f'{s} class_ci95'][0]:.1f}, {100 * row[f'{s} class_ci95'][1]:.1f}]"
                    for s in ("U", "S", "H", "fall")
                ]
                print(f"| {name} | {' | '.join(cells)} | {row['draws']} |")


if __name__ == "__main__":
    main()
