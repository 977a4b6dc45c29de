"""What `fgmm.classify` gains from ``knowledge=`` and ``joint=``, and whether its reasons are true.

    python benchmarks/knowledge_reasons.py --keep runs/knowledge --json r.json --markdown r.md

**Reasons.** Field guide, `DRAWS` draws of 20 novel species, every drawing of each (none was seen by
the encoder). The reasons are those that `explain` prints: at most three, for the first answer over
the second. One counts as right if it is true of the drawn species *and* the two answers differ in
it, by the guide's exact truth. Where the first answer is right, a fact of it that differs is true
of the picture whatever the picture shows, so most of that figure is the accuracy. Beside it stands
what is left: *any fact* takes the first three that differ, without looking at the picture; *named
wrongly* has only those pictures; *both sides* asks for all reasons for the true species over its
strongest rival, and for that rival over it, so that no answer is given away beforehand.

**Swapped.** A species keeps its name and gets what the graph says of another, along `RINGS` random
rings through all of them, before classify reads it; figures are pooled over the rings.

**Accuracy.** Among 20 novel classes, of names alone, with the graph read as words, and with a
`JointEmbedding` trained on the features of base pictures.

The pictures' vectors are kept, so `Scored` is asked and not `classify`, which would encode them
anew; it is what classify returns. What makes a reason was decided with ``--base``, where base
classes kept out of the training play the novel ones (`tiny` knows their names). Intervals are
95 %, over classes. Three minutes on a busy core, once the vectors are kept.
"""

from __future__ import annotations

import argparse
import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from knowledge_sets import SETS, World, part_of, ring, world
from numpy.typing import NDArray
from reason_tally import Answers, Tally, facts, judge
from tiny_data import Pool
from tiny_words import draw_tasks, task_accuracy

import fgmm
from fewshot.intervals import class_interval
from fgmm.class_knowledge import ClassKnowledge
from fgmm.joint import JointEmbedding
from fgmm.prompts import class_matrix
from fgmm.scoring import Reading, Scored

DRAWS, WAY, RINGS = 10, 20, 5

Donors = Mapping[str, str]


def answer(
    encoder: Any,
    given: World,
    pool: Pool,
    keys: Iterable[str],
    joint: JointEmbedding | None = None,
    donors: Donors | None = None,
    *,
    read: bool = True,
) -> Answers:
    """Ask classify about every picture of a pool, with the graph unless ``read`` is false.

    The label is the concept classify takes the knowledge from, the text the class's own name.
    """
    key = {given.concepts[(donors or {}).get(one, one)]: one for one in keys}
    classes = class_matrix(encoder, {id: given.told.names[one] for id, one in key.items()})
    known = None
    if read:
        known = ClassKnowledge.of(given.graph, classes.candidates, encoder, joint=joint)
    reading = Reading(encoder.logit_scale, encoder.logit_bias, encoder.scoring)
    features = pool.features if joint is not None else None
    none = [None] * len(pool.keys)
    return Answers(Scored(pool.joint, none, classes, reading, "", known, features), key)


def accuracy(answers: Answers, pool: Pool) -> NDArray[np.float64]:
    """Accuracy of each class (sorted) among `WAY`: what is common to all answers changes none."""
    keys = pool.classes
    column = [[*answers.key.values()].index(key) for key in keys]
    logits = torch.stack([p.logits for p in answers.predictions])[:, column].numpy()
    truth = np.searchsorted(keys, pool.keys)
    return task_accuracy(logits, truth, draw_tasks(len(keys), min(WAY, len(keys))))


def reasons(
    encoder: Any, given: World, joint: JointEmbedding | None, rings: list[Donors | None]
) -> dict[str, Any]:
    """Figures of a form, pooled over draws and rings."""
    pool, rng = given.pools["novel"], np.random.default_rng(11)
    true = facts(given.graph, given.concepts.values())
    found: dict[str, Tally] = {}
    for _ in range(DRAWS):
        keys = rng.choice(pool.classes, min(WAY, len(pool.classes)), replace=False).tolist()
        rows = np.isin(pool.keys, keys)
        part = part_of(pool, rows)
        for donors in rings:
            answers = answer(encoder, given, part, keys, joint, donors)
            for name, tally in judge(answers, part.keys.tolist(), given, true).items():
                kept = found.setdefault(name, Tally([], [], []))
                for mine, more in zip(kept, tally, strict=True):
                    mine.extend(more)
    told = {name: tally.share() for name, tally in found.items()}
    return told | {"right": 1 - told["wrongly"]["pictures"] / told["named"]["pictures"]}


def without_novel(given: World) -> World:
    """A set whose every third base class plays the novel ones, by its test pictures."""
    held = np.random.default_rng(5).permutation(given.pools["train"].classes)[::3]
    train, test = given.pools["train"], given.pools["test"]
    pools = {
        "train": part_of(train, ~np.isin(train.keys, held)),
        "novel": part_of(test, np.isin(test.keys, held)),
    }
    return replace(given, pools=pools)


def accuracies(encoder: Any, given: World, joint: JointEmbedding) -> dict[str, Any]:
    """20-way accuracy of names, with the graph's words, and with what was learned."""
    pool = given.pools["novel"]
    keys = pool.classes
    names = accuracy(answer(encoder, given, pool, keys, read=False), pool)
    rows: dict[str, Any] = {"names": {"accuracy": _mean(names)}}
    for name, form in (("names + graph's words", None), ("names + joint", joint)):
        own = accuracy(answer(encoder, given, pool, keys, form), pool)
        swapped = np.mean(
            [
                accuracy(answer(encoder, given, pool, keys, form, ring(keys, seed)), pool)
                for seed in range(RINGS)
            ],
            axis=0,
        )
        rows[name] = {
            "accuracy": _mean(own),
            "minus names": _mean(own - names, -1.0),
            "swapped": _mean(swapped),
            "minus swapped": _mean(own - swapped, -1.0),
        }
    return {"classes": len(keys), "pictures": len(pool.keys), "rows": rows}


def _mean(values: NDArray[np.float64], low: float = 0.0) -> dict[str, Any]:
    return {"mean": float(values.mean()), "class_ci95": class_interval(values, (low, 1.0))}


def shown(found: dict[str, Any] | None, sign: str = "") -> str:
    """In per cent."""
    if found is None or np.isnan(found["mean"]):
        return "" if found is None else "none"
    low, high = found["class_ci95"]
    return f"{100 * found['mean']:{sign}.1f} [{100 * low:{sign}.1f}, {100 * high:{sign}.1f}]"


def markdown(told: dict[str, Any]) -> str:
    """Two tables: of reasons, and of accuracies."""
    lines = [
        f"Encoder `{told['encoder']}` ({told['space']}), {told['date']}. Per cent; in brackets 95 % "
        "intervals over classes.",
        "",
        "| knowledge | named rightly | reasons right | any fact | named wrongly | both sides "
        "| reasons a picture | pictures without |",
        "|---" * 8 + "|",
    ]
    for name, row in told["reasons"].items():
        shares = [shown(row[kind]) for kind in ("named", "any", "wrongly", "both sides")]
        named = row["named"]
        counts = [f"{named['each']:.1f}", f"{100 * named['without']:.1f}"]
        lines.append(f"| {name} | {100 * row['right']:.1f} | {' | '.join([*shares, *counts])} |")
    lines += ["", "| set | row | 20-way | - names | swapped | - swapped |", "|---" * 6 + "|"]
    for data, found in told["accuracy"].items():
        for name, row in found["rows"].items():
            cells = [
                shown(row.get(column), sign)
                for column, sign in (
                    ("accuracy", ""),
                    ("minus names", "+"),
                    ("swapped", ""),
                    ("minus swapped", "+"),
                )
            ]
            lines.append(f"| {data} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", default="tiny")
    parser.add_argument("--keep", type=Path, help="keep the pictures' vectors in this folder")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--base", action="store_true", help="let base classes play the novel ones")
    parser.add_argument("--json", type=Path, help="write every figure here")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    args = parser.parse_args()
    encoder = fgmm.load_encoder(args.encoder)
    cache = args.keep / "vectors.safetensors" if args.keep else None
    told: dict[str, Any] = {
        "encoder": args.encoder,
        "space": encoder.space,
        "fgmm": fgmm.__version__,
        "date": datetime.date.today().isoformat(),
        "reasons": {},
        "accuracy": {},
    }
    for data in args.sets:
        given = world(encoder, data, cache)
        given = without_novel(given) if args.base else given
        train = given.pools["train"]
        labels = [given.concepts[key] for key in train.keys.tolist()]
        joint = JointEmbedding.train(given.graph, train.features, labels)
        told["accuracy"][data] = accuracies(encoder, given, joint)
        if data == "field guide":
            rings: list[Donors | None] = [
                ring(given.pools["novel"].classes, seed) for seed in range(RINGS)
            ]
            for name, form in (("words", None), ("joint embedding", joint)):
                told["reasons"][name] = reasons(encoder, given, form, [None])
                told["reasons"][f"{name}, swapped"] = reasons(encoder, given, form, rings)
    if args.json:
        args.json.write_text(json.dumps(told, indent=1))
    if args.markdown:
        args.markdown.write_text(markdown(told), encoding="utf-8")
    else:
        print(markdown(told))


if __name__ == "__main__":
    main()
