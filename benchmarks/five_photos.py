"""A new species from five photos: what is gained on it and lost on what was known, and how surely.

    python benchmarks/five_photos.py --keep runs/knowledge --json runs/five/flowers.json \
        --sets flowers

Base classes are known by words. Novel ones get five photos each: one species at a time, each in
a library of its own beside the base classes, and all at once; 20 draws of photos, the same for
every method. U is accuracy on novel classes, S on test pictures of base classes, both the mean of
class accuracies over all classes that are in the library, H their harmonic mean, "fall" how much
of S is lost to what was there before the species came. Nothing is chosen on pictures that are
asked about. Intervals are over classes, the same ones for methods that are compared.

Then: how well pictures of species nobody added are told (`five_photos_unknown`), and prediction
sets at 90 % (`five_photos_promises`). About half an hour a set on one core. With ``--rivals`` the
answers of baselines are kept, and a second run takes four minutes: delete the folder where a
baseline changes.
"""

from __future__ import annotations

import os

# One core, whatever the machine has. Before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import datetime
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from five_photos_judging import Sides, by_class, difference, summary
from five_photos_methods import Method, Task, by_words, methods
from five_photos_promises import SHOTS, sets_kept
from five_photos_sets import SETS, Draw, Scene, draw, scene
from five_photos_unknown import unknown_species

import fgmm

__all__ = ["WAYS", "Rivals", "accuracies", "compare", "sides", "tasks"]

DRAWS, FIVE, FEW = 20, 5, 5
WAYS = ("one at a time", "all at once")
DEAR = ("clap (tuned)", "lp++ (tuned)")  # one at a time they are run on the first `FEW` draws


def tasks(given: Scene, drawn: Draw) -> dict[str, Task]:
    """Libraries of a draw: one for each novel species, and one of all."""
    base = np.arange(given.n_base)
    each = np.stack([np.append(base, c) for c in given.novel])
    return {
        WAYS[0]: Task(each, drawn.photos),
        WAYS[1]: Task(np.arange(len(given.names))[None], drawn.photos.reshape(1, -1)),
    }


def sides(given: Scene, drawn: Draw, way: str, answers: np.ndarray) -> Sides:
    """Accuracy of each novel and each base class; answers (b, q)."""
    truth = given.labels[drawn.asked]
    seen = by_class(answers, truth, range(given.n_base))
    if way == WAYS[1]:
        return {"U": by_class(answers, truth, given.novel), "S": seen}
    own = [
        by_class(row, truth, range(c, c + 1))[0]
        for row, c in zip(answers, given.novel, strict=True)
    ]
    return {"U": np.array(own), "S": seen}


def accuracies(
    given: Scene, drawn: Draw, rows: list[Method], first: bool = True
) -> dict[str, dict[str, Sides]]:
    """Each method's accuracies by class in one draw: way -> method -> sides."""
    found: dict[str, dict[str, Sides]] = {way: {} for way in WAYS}
    for way, task in tasks(given, drawn).items():
        for row in rows:
            if not first and way == WAYS[0] and row.name.startswith(DEAR):
                continue
            answers = row.answers(given, task, drawn.asked)
            found[way][row.name] = sides(given, drawn, way, answers)
    return found


def compare(draws: list[dict[str, Sides]], before: np.ndarray) -> dict[str, Any]:
    """Figures of every method over its draws, and ours less it over the same ones."""
    ours, found = next(iter(draws[0])), {}
    for name in draws[0]:
        own = [one for one in draws if name in one]
        mean, rival = (
            {side: np.mean([one[who][side] for one in own], axis=0) for side in ("U", "S")}
            for who in (name, ours)
        )
        found[name] = {
            "draws": len(own),
            **summary(mean, before),
            "ours less it": difference(rival, mean),
        }
    return found


@dataclass(frozen=True)
class Rivals:
    """What baselines came to in each draw, kept in a file: they are dear, and do not change."""

    path: Path | None
    mark: str

    def get(self, seed: int) -> dict[str, dict[str, Sides]] | None:
        kept = self._read().get(str(seed))
        return kept and {
            way: {name: {s: np.array(v) for s, v in row.items()} for name, row in rows.items()}
            for way, rows in kept.items()
        }

    def put(self, seed: int, found: dict[str, dict[str, Sides]]) -> None:
        if self.path is None:
            return
        plain = {
            way: {name: {s: v.tolist() for s, v in row.items()} for name, row in rows.items()}
            for way, rows in found.items()
        }
        text = json.dumps({"of": self.mark, "draws": self._read() | {str(seed): plain}})
        self.path.with_suffix(".part").write_text(text)
        self.path.with_suffix(".part").replace(self.path)

    def _read(self) -> dict[str, Any]:
        if self.path is None or not self.path.is_file():
            return {}
        told = json.loads(self.path.read_text())
        return told["draws"] if told["of"] == self.mark else {}


def judge_set(given: Scene, draws: int, keep: Any, rivals: Rivals) -> dict[str, Any]:
    """Every figure of a set; ``keep`` is called with what there is so far."""
    base = np.flatnonzero(given.labels < given.n_base)
    answers = by_words(given, list(range(given.n_base)), base)
    before = by_class(answers, given.labels[base], range(given.n_base))
    told: dict[str, Any] = {
        "base classes": given.n_base,
        "base pictures": len(base),
        "novel classes": len(given.novel),
        "pictures to be given": int(given.may_give.sum()),
        "left out": list(given.left_out),
        "S before": float(before.mean()),
        "unknown": unknown_species(given, draws),
        "sets": {
            f"{shots} photos, {'words and photos' if words else 'photos alone'}": sets_kept(
                given, draws, shots, words=words
            )
            for words in (True, False)
            for shots in SHOTS
        },
    }
    keep(told)
    every: dict[str, list[dict[str, Sides]]] = {way: [] for way in WAYS}
    rows = methods()
    for seed in range(draws):
        drawn = draw(given, FIVE, seed)
        others = rivals.get(seed) or accuracies(given, drawn, rows[1:], seed < FEW)
        rivals.put(seed, others)
        own = accuracies(given, drawn, rows[:1])
        for way in WAYS:
            every[way].append(own[way] | others[way])
        print(f"{given.data}: {seed + 1} of {draws} draws", flush=True)
        if (seed + 1) % FEW == 0 or seed + 1 == draws:
            told["draws"] = seed + 1
            told |= {way: compare(every[way], before) for way in WAYS}
            keep(told)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", default="tiny")
    parser.add_argument("--keep", type=Path, help="keep the pictures' vectors in this folder")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--json", type=Path, help="write every figure here, every few draws")
    parser.add_argument("--rivals", type=Path, help="keep what baselines came to in this folder")
    args = parser.parse_args()
    torch.set_num_threads(1)
    encoder = fgmm.load_encoder(args.encoder)
    told: dict[str, Any] = {
        "encoder": args.encoder,
        "space": encoder.space,
        "fgmm": fgmm.__version__,
        "date": datetime.date.today().isoformat(),
        "sets": {},
    }
    cache = args.keep / "vectors.safetensors" if args.keep else None
    for data in args.sets:

        def keep(found: dict[str, Any], data: str = data) -> None:
            told["sets"][data] = found
            if args.json:
                args.json.parent.mkdir(parents=True, exist_ok=True)
                args.json.write_text(json.dumps(told, indent=1))

        given = scene(encoder, data, cache)
        mark = f"{encoder.space} {data} {', '.join(row.name for row in methods()[1:])}"
        path = args.rivals / f"{data}.json" if args.rivals else None
        judge_set(given, args.draws, keep, Rivals(path, mark))


if __name__ == "__main__":
    main()
