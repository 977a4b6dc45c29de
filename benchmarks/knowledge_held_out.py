"""What `JointEmbedding` is decided by: held-out base classes in the place of novel ones.

    python benchmarks/knowledge_held_out.py --keep runs/knowledge --json held.json

Each third of the base classes is held out in turn. On the others every method is chosen, by
holding out some of them again, and fitted; then it tells the classes of the third from each other.
No novel class is looked at. The encoder was trained with the base classes' pictures and names, so
what is added to names is measured beside worthless names too: letters shuffled within each word.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from knowledge_accuracy import held_out
from knowledge_judging import difference, summary
from knowledge_learned import METHODS, Sum, classical_rows, joint_row
from knowledge_sets import SETS, World, part_of, world
from knowledge_words import WordRow
from torch import Tensor

import fgmm
from fgmm.joint.embedding_choice import class_accuracies

__all__ = ["judge_held_out", "weighed"]

WEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the logits of JointEmbedding


def weighed(both: Sum, given: World, keys: list[str], weight: float, told=None) -> Tensor:
    """Logits of names, worthless ones if given, plus a multiple of what is learned."""
    pool = given.pools["held out"]
    words = both.words.scores(given, pool, keys, told=told)
    return words + weight * both.learned.scores(given, pool, keys)


def judge_held_out(encoder, given: World, methods: tuple[str, ...] = METHODS) -> dict[str, Any]:
    """Every method's accuracy on held-out base classes, and its lead paired by class."""
    train, found = given.pools["train"], {}
    bad = given.told.scrambled(0)
    for part in held_out(train.classes):
        asked = np.isin(train.keys, sorted(part))
        pools = {"train": part_of(train, ~asked), "held out": part_of(train, asked)}
        inner = replace(given, pools=pools)
        pool, keys = pools["held out"], sorted(part)
        truth = torch.from_numpy(np.searchsorted(keys, pool.keys))
        joint, names = joint_row(inner), WordRow(encoder, "names")
        classical = [
            row.fit(inner, pools["train"]) for row in classical_rows(encoder, inner, methods)
        ]
        scores = {row.name: row.scores(inner, pool, keys) for row in (joint, *classical)}
        for said, told in (("names", None), ("worthless names", bad)):
            scores[said] = names.scores(inner, pool, keys, told=told)
            for w in WEIGHTS:
                row = f"{said} + {w:g} JointEmbedding"
                scores[row] = weighed(Sum(names, joint), inner, keys, w, told)
        for name, table in scores.items():
            found.setdefault(name, []).append(class_accuracies([(table, truth)]).numpy())
        print(given.data, len(keys), joint.chosen, flush=True)
    every = {name: {"all": np.concatenate(parts)} for name, parts in found.items()}
    return {
        name: {
            **summary(own),
            "JointEmbedding minus it": difference(every["JointEmbedding"], own),
        }
        for name, own in every.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", default="tiny")
    parser.add_argument("--keep", type=Path, help="keep the pictures' vectors in this folder")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--json", type=Path, help="write every figure here, after every set")
    args = parser.parse_args()
    encoder = fgmm.load_encoder(args.encoder, on_long="truncate")
    cache = args.keep / "vectors.safetensors" if args.keep else None
    told = {}
    for data in args.sets:
        told[data] = judge_held_out(encoder, world(encoder, data, cache), tuple(args.methods))
        for name, row in told[data].items():
            own, lead = row["all"], row["JointEmbedding minus it"]["all"]
            print(
                f"{data:12s} {name:40s} {100 * own['mean']:5.1f}   JointEmbedding leads by "
                f"{100 * lead['mean']:+.1f} [{100 * lead['class_ci95'][0]:+.1f}, "
                f"{100 * lead['class_ci95'][1]:+.1f}]",
                flush=True,
            )
        if args.json:
            args.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
