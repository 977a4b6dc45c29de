"""Answers as deep in the tree as a picture allows, beside answers by the leaves alone.

    python benchmarks/knowledge_backoff.py --keep runs/knowledge --json b.json --markdown b.md

`tiny`, classes by name, on flowers (genus, family) and groceries (kind, section). The pictures are
novel classes' among novel classes, the same among all classes, and all classes' (of base classes
the test pictures) among all. The probabilities are the softmax as `fgmm.classify` gives it, and
the same at a temperature fitted on base classes' "steer" pictures by likelihood, with the same
candidates or, where only novel classes are candidates, among the base classes.

A picture is answered *at a level* if what the answer leaves open lies in one node of that level;
the answer is right there if that node is above the truth. A candidate that has no ancestor of
that rank stands for itself. Three ways to answer, each with a threshold that is swept:

- *back-off*: `knowledge.back_off`, its floor swept.
- *maximum softmax*: the node above the most probable candidate, if that candidate clears it.
- *rolled-up maximum*: the most probable node of the level, if it clears it. It has to be told the
  level in advance, which back-off chooses for each picture.

Risk is the share of the answers given that are wrong, coverage the share of pictures answered;
the area under risk over coverage, from 0 to 1, is the mean risk: less is better. Every class
weighs the same. Intervals are 95 %, over classes. About two minutes once the vectors are kept.
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
from knowledge_levels import METHODS, Floats, Levels, at_floor, by_class, curves
from knowledge_sets import World, world
from knowledge_words import WordRow
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from tiny_data import Pool

import fgmm
from knowledge import Taxonomy

RANKS = {"flowers": ("genus", "family"), "grocery": ("kind", "section")}
SITUATIONS = ("novel among novel", "novel among all", "all among all")
FLOOR = 0.9


def temperature(logits: Floats, truth: NDArray[np.intp]) -> float:
    """What logits are best divided by, by likelihood; every class weighs the same."""

    def loss(log_t: float) -> float:
        chances = log_softmax(logits / np.exp(log_t), axis=1)
        return -float(by_class(chances[np.arange(len(truth)), truth], truth).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def judge_set(encoder: Any, given: World) -> dict[str, Any]:
    """Every figure of a set."""
    row = WordRow(encoder, "names")
    novel, base = given.pools["novel"].classes, given.pools["train"].classes

    def scored(pools: list[Pool], keys: list[str]) -> tuple[Floats, NDArray[np.intp]]:
        logits = [row.scores(given, pool, keys).double().numpy() for pool in pools]
        place = {key: i for i, key in enumerate(keys)}
        truth = [place[key] for pool in pools for key in pool.keys.tolist()]
        return np.vstack(logits), np.array(truth)

    found: dict[str, Any] = {}
    for situation in SITUATIONS:
        keys = novel if situation == "novel among novel" else base + novel
        roles = ["novel"] if situation.startswith("novel") else ["test", "novel"]
        logits, truth = scored([given.pools[role] for role in roles], keys)
        fitted = temperature(*scored([given.pools["steer"]], base if keys is novel else keys))
        taxonomy = Taxonomy.of(given.graph, [given.concepts[key] for key in keys])
        levels = Levels.of(taxonomy, RANKS[given.data])
        found[situation] = {
            "classes": len(np.unique(truth)),
            "pictures": len(truth),
            "candidates": len(keys),
            "temperature": fitted,
            # chosen on the pictures judged: what no choice on base classes can know
            "temperature of these pictures": temperature(logits, truth),
        }
        for name, t in (("as it is", 1.0), ("fitted", fitted)):
            chances = softmax(logits / t, axis=1)
            found[situation][name] = {
                "curves": curves(levels, chances, truth),
                f"floor {FLOOR}": at_floor(levels, chances, truth, FLOOR),
            }
        print(given.data, situation, "done", flush=True)
    return found


def shown(found: dict[str, Any], sign: str = "") -> str:
    low, high = found["class_ci95"]
    return f"{100 * found['mean']:{sign}.1f} [{100 * low:{sign}.1f}, {100 * high:{sign}.1f}]"


def markdown(told: dict[str, Any]) -> str:
    """Two tables a set."""
    lines = [
        f"Encoder `{told['encoder']}` ({told['space']}), {told['date']}. Per cent; in brackets 95 % "
        "intervals over classes. **Bold**: surely less than maximum softmax."
    ]
    for data, situations in told["sets"].items():
        lines += ["", f"### {data}: area under risk over coverage (less is better)", ""]
        lines += [
            "| pictures | probabilities | level (nodes) | back-off | maximum softmax "
            "| rolled-up maximum | back-off - maximum softmax | - rolled-up |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for situation, found in situations.items():
            for kind in ("as it is", "fitted"):
                t = 1.0 if kind == "as it is" else found["temperature"]
                for level, row in found[kind]["curves"].items():
                    less = row["back-off minus"]
                    bold = "**" * (less["maximum softmax"]["class_ci95"][1] < 0)
                    cells = [shown(row["area"][m]) for m in METHODS]
                    cells += [shown(less[m], "+") for m in METHODS[1:]]
                    cells[0] = f"{bold}{cells[0]}{bold}"
                    lines.append(
                        f"| {situation} | T {t:.2f} | {level} ({row['nodes']}) | "
                        f"{' | '.join(cells)} |"
                    )
        lines += ["", f"### {data}: back-off at floor {FLOOR}", ""]
        lines += [
            "| pictures | probabilities | answer at | pictures (classes) | share | accuracy "
            "| stated probability |",
            "|---|---|---|---|---|---|---|",
        ]
        for situation, found in situations.items():
            for kind in ("as it is", "fitted"):
                t = 1.0 if kind == "as it is" else found["temperature"]
                for level, row in found[kind][f"floor {FLOOR}"].items():
                    cells = [f"{row['pictures']:,} ({row['classes']})", shown(row["share"])]
                    if level == "above" or not row["pictures"]:
                        cells += ["", ""]
                    else:
                        cells += [shown(row["accuracy"]), f"{100 * row['stated']['mean']:.1f}"]
                    lines.append(f"| {situation} | T {t:.2f} | {level} | {' | '.join(cells)} |")
        best = ", ".join(
            f"{s} {f['temperature of these pictures']:.2f}" for s, f in situations.items()
        )
        sizes = "; ".join(
            f"{s}: {f['pictures']:,} pictures of {f['classes']} classes, "
            f"{f['candidates']} candidates" for s, f in situations.items()
        )  # fmt: skip
        lines += ["", f"{sizes}. The temperatures that fit these very pictures best: {best}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", default="tiny")
    parser.add_argument("--keep", type=Path, help="keep the pictures' vectors in this folder")
    parser.add_argument("--sets", nargs="+", choices=tuple(RANKS), default=tuple(RANKS))
    parser.add_argument("--json", type=Path, help="write every figure here")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    args = parser.parse_args()
    encoder = fgmm.load_encoder(args.encoder)
    cache = args.keep / "vectors.safetensors" if args.keep else None
    told = {
        "encoder": args.encoder,
        "space": encoder.space,
        "fgmm": fgmm.__version__,
        "date": datetime.date.today().isoformat(),
        "sets": {data: judge_set(encoder, world(encoder, data, cache)) for data in args.sets},
    }
    if args.json:
        args.json.write_text(json.dumps(told, indent=1))
    if args.markdown:
        args.markdown.write_text(markdown(told), encoding="utf-8")
    else:
        print(markdown(told))


if __name__ == "__main__":
    main()
