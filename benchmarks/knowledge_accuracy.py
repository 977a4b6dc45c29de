"""What a graph adds to words: novel classes without a photo, and beside the base classes.

    python benchmarks/knowledge_accuracy.py --keep runs/knowledge --json k.json --markdown k.md

`tiny` on novel flowers, groceries and field-guide species: names, what is added to them, and what
is learned from base pictures. Every row stands beside its controls: what it adds exchanged
between classes (along `DRAWS` random rings), its words with their letters shuffled, and, where it
learns, the base classes' knowledge exchanged in training. Differences are paired by class;
intervals are over classes. No parameter is chosen on a novel class. In the folder ``--keep`` stay
the pictures' vectors. Five to ten minutes a set on one core.

(It is not called ``knowledge.py``: beside it, every benchmark would import it for the package.)
"""

from __future__ import annotations

import argparse
import datetime
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from knowledge_judging import (
    by_class,
    difference,
    harmonic,
    harmonic_difference,
    harmonic_summary,
    pick_gamma,
    summary,
    usual_and_calibrated,
)
from knowledge_learned import LearnedRow, Sum, classical_rows, joint_row
from knowledge_sets import SETS, World, part_of, ring, world
from knowledge_table import headline, markdown
from knowledge_words import WordRow, word_rows

import fgmm

DRAWS, FOLDS = 5, 3

Row = WordRow | LearnedRow | Sum


@dataclass(frozen=True)
class Entry:
    """A row, the same learned from exchanged knowledge, and the same without some base classes."""

    row: Row
    wrong: Row | None = None
    folds: list[Row] = field(default_factory=list)


def held_out(classes: list[str]) -> list[set[str]]:
    """Base classes in parts, each of which plays the novel classes once."""
    order = np.random.default_rng(5).permutation(sorted(classes)).tolist()
    return [set(order[part::FOLDS]) for part in range(FOLDS)]


def entries(encoder, given: World) -> list[Entry]:
    """Every row of a set, fitted to the base pictures."""
    words, train = word_rows(encoder, given), given.pools["train"]
    swapped = ring(train.classes, 7)
    found = [Entry(row) for row in words]
    partners = {
        "JointEmbedding": [words[0], next(w for w in words if w.added == ("descriptions",))]
    }
    classical = [row.fit(given, train) for row in classical_rows(encoder, given)]
    for row in (joint_row(given), *classical):
        wrong = row.fit(given, train, swapped)
        folds = [
            row.fit(given, part_of(train, ~np.isin(train.keys, sorted(held))))
            for held in held_out(train.classes)
        ]
        found.append(Entry(row, wrong, folds))
        found += [
            Entry(Sum(w, row), Sum(w, wrong), [Sum(w, f) for f in folds])
            for w in partners.get(row.name, words[:1])
        ]
    return found


def gamma_of(entry: Entry, given: World) -> float:
    """Chosen with each part of the base classes unseen in turn, on pictures kept to choose by."""
    steer, classes = given.pools["steer"], given.pools["train"].classes
    truth = np.searchsorted(classes, steer.keys)
    folds = []
    for at, held in enumerate(held_out(classes)):
        row = entry.folds[at] if entry.folds else entry.row
        seen = ~np.isin(classes, sorted(held))
        folds.append((row.scores(given, steer, classes), truth, seen))
    return pick_gamma(folds)


def best_harmonic(scores: torch.Tensor, truth: np.ndarray, seen: np.ndarray) -> float:
    """H at the gamma that is best for the very pictures that are judged: what no choice can beat."""
    gamma = pick_gamma([(scores, truth, seen)])
    found = usual_and_calibrated(scores, truth, seen, gamma)["calibrated"]
    return harmonic(float(found["U"].mean()), float(found["S"].mean()))


def judge_set(encoder, given: World) -> dict[str, Any]:
    """Every figure of a set."""
    novel, test = given.pools["novel"], given.pools["test"]
    keys, base = novel.classes, given.pools["train"].classes
    truth = np.searchsorted(keys, novel.keys)
    rings = [ring(keys, seed) for seed in range(DRAWS)]
    worthless = [given.told.scrambled(seed) for seed in range(DRAWS)]
    every, seen = base + keys, np.arange(len(base) + len(keys)) < len(base)
    among = np.concatenate([np.searchsorted(base, test.keys), len(base) + truth])
    rows: dict[str, Any] = {}
    alone, together, best = {}, {}, 0.0
    for entry in entries(encoder, given):
        row = entry.row
        own = by_class(row.scores(given, novel, keys), truth)
        alone[row.name] = own
        controls = {}
        for name in row.controls:
            if name == "swapped":
                drawn = [row.scores(given, novel, keys, donors=r) for r in rings]
            elif name == "scrambled":
                drawn = [row.scores(given, novel, keys, told=t) for t in worthless]
            else:
                drawn = [entry.wrong.scores(given, novel, keys)]
            each = [by_class(scores, truth) for scores in drawn]
            controls[name] = {way: np.mean([e[way] for e in each], axis=0) for way in own}
        gamma = gamma_of(entry, given)
        scores = torch.cat([row.scores(given, pool, every) for pool in (test, novel)])
        mixed = together[row.name] = usual_and_calibrated(scores, among, seen, gamma)
        if row.name == "names":
            best = best_harmonic(scores, among, seen)
        # of rows that learn, those of JointEmbedding come first
        others = [o for o in ("names", getattr(row, "rival", "names")) if o in alone]
        rows[row.name] = {
            **summary(own),
            **{f"minus {o}": difference(own, alone[o]) for o in others},
            "controls": {name: summary(c) for name, c in controls.items()},
            "minus controls": {name: difference(own, c) for name, c in controls.items()},
            "gamma": gamma,
            **{kind: harmonic_summary(mixed[kind]) for kind in mixed},
            **{
                f"H minus {o}": harmonic_difference(mixed["calibrated"], together[o]["calibrated"])
                for o in others
            },
            "chosen": row.chosen,
        }
        print(f"{given.data:12s} {headline(row.name, rows[row.name])}", flush=True)
    return {
        "novel classes": len(keys),
        "novel pictures": len(truth),
        "base classes": len(base),
        "base pictures": len(given.pools["train"].keys),
        "names, best H": best,
        "rows": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", default="tiny")
    parser.add_argument("--keep", type=Path, help="keep the pictures' vectors in this folder")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--json", type=Path, help="write every figure here, after every set")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    args = parser.parse_args()
    # scrambled letters make more tokens than an encoder may read; true texts are far shorter
    encoder = fgmm.load_encoder(args.encoder, on_long="truncate")
    told: dict[str, Any] = {
        "encoder": args.encoder,
        "space": encoder.space,
        "fgmm": fgmm.__version__,
        "date": datetime.date.today().isoformat(),
        "draws": DRAWS,
        "sets": {},
    }
    cache = args.keep / "vectors.safetensors" if args.keep else None
    for data in args.sets:
        told["sets"][data] = judge_set(encoder, world(encoder, data, cache))
        if args.json:
            args.json.write_text(json.dumps(told, indent=1))
    if args.markdown:
        args.markdown.write_text(markdown(told), encoding="utf-8")


if __name__ == "__main__":
    main()
