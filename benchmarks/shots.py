"""Words and a handful of photos: every head on novel classes, from none to sixteen shots.

    python benchmarks/shots.py --cache shots.safetensors --json shots.json --markdown shots.md
    python benchmarks/shots.py --cache shots.safetensors --episodes 100   # a first look

`tiny`'s joint layer on novel groceries (support from other shops than queries), novel
flowers, and novel field-guide species. Words by name, by coarse name (groceries: labels are
then the coarse classes), by sentence (field guide), and with their letters scrambled. "1
atypical" and "2 atypical": support only from the quarter of a class's photos furthest from
their mean.

Every head that applies as it comes, and those with a strength also with it chosen by
leave-one-out (`fewshot.TunedHead`); no validation set. Heads that would take hours are run on
the first episodes only, and marked. Differences are FusedHead minus another, paired by
episode. A cell already in ``--json`` of the same encoder and numbers is not computed again.
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path
from typing import Any

from shots_data import SETS, Scene, atypical, scenes
from shots_heads import Entry, entries, few
from shots_table import best_other, markdown, met, points, signed

import fewshot
import fgmm
from fewshot import Background, Evaluation

SHOTS = ("0", "1", "1 atypical", "2", "2 atypical", "4", "8", "16")
N_WAY, N_QUERY, SEED = 5, 10, 0


class Runs:
    """Evaluations that cells share: a head that reads no words is run once for all wordings."""

    def __init__(self) -> None:
        self.found: dict[tuple[object, ...], Evaluation] = {}

    def get(
        self,
        scene: Scene,
        column: str,
        wanted: list[Entry],
        n: int,
        background: Background | None,
    ) -> dict[str, Evaluation]:
        """Run every head on the same ``n`` episodes, those that were not run before."""

        def key(entry: Entry) -> tuple[object, ...]:
            return (
                scene.naming,
                column,
                n,
                entry.name,
                scene.wording if entry.reads_words else None,
                background is not None if entry.reads_background else None,
            )

        missing = {e.name: e for e in wanted if key(e) not in self.found}
        if missing:
            found = fewshot.evaluate(
                {name: e.head for name, e in missing.items()},
                scene.features,
                scene.labels,
                n_way=N_WAY,
                n_shot=int(column.split()[0]),
                n_query=N_QUERY,
                n_episodes=n,
                seed=SEED,
                words=scene.words,
                background=background,
                query_features=scene.query,
                query_labels=scene.query_labels,
                progress=False,
            )
            for name, one in found.items():
                self.found[key(missing[name])] = one
        return {e.name: self.found[key(e)] for e in wanted}


def run_cell(
    scene: Scene, column: str, runs: Runs, n: int, background: Background | None
) -> dict[str, Any]:
    """Every head on one scene at one number of shots."""
    shots = int(column.split()[0])
    every = entries(shots)
    shown = atypical(scene, shots) if "atypical" in column else scene
    heads: dict[str, Any] = {}
    for size in sorted({few(e, shots, n) for e in every}, reverse=True):
        own = [e for e in every if few(e, shots, n) == size]
        asked = own + [e for e in every if e.name == "fused" and e not in own]
        found = runs.get(shown, column, asked, size, background)
        for entry in own:
            one, ahead = found[entry.name], found["fused"].minus(found[entry.name])
            heads[entry.name] = {
                "mean": one.mean,
                "ci95": one.ci95,
                "macro": one.macro,
                "class_ci95": one.class_ci95,
                "ece": one.ece,
                "n": size,
                "split_id": one.setting["split_id"],
                "transductive": entry.head.transductive,
                "reads_background": entry.reads_background,
                "fused_minus": {
                    "mean": ahead.mean,
                    "ci95": ahead.ci95,
                    "class_ci95": ahead.class_ci95,
                },
            }
    return {
        "set": scene.data,
        "wording": scene.wording,
        "shots": column,
        "background": "without" if background is None else "with",
        "heads": heads,
    }


def say(cell: dict[str, Any]) -> None:
    heads, best = cell["heads"], best_other(cell)
    title = (
        f"{cell['set']}, {cell['wording']}, {cell['shots']} shots, {cell['background']} Background"
    )
    print(
        f"{title:62s} zero-shot {points(heads['zero-shot']['mean'])}  best {best} "
        f"{points(heads[best]['mean'])}  fused {points(heads['fused']['mean'])}  fused - best "
        f"{signed(heads[best]['fused_minus'])}  fused - zero-shot "
        f"{signed(heads['zero-shot']['fused_minus'])}" + ("" if all(met(cell)) else "  MISSED"),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", default="tiny")
    parser.add_argument("--cache", type=Path, help="keep embeddings in this .safetensors file")
    parser.add_argument("--episodes", type=int, default=2000)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--shots", nargs="+", choices=SHOTS, default=SHOTS)
    parser.add_argument("--json", type=Path, help="write every figure here, after every cell")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    args = parser.parse_args()
    # scrambled letters make more tokens than an encoder may read; true texts are far shorter
    encoder = fgmm.load_encoder(args.encoder, on_long="truncate")
    about: dict[str, Any] = {
        "encoder": args.encoder,
        "space": encoder.space,
        "fgmm": fgmm.__version__,
        "episodes": args.episodes,
        "n_way": N_WAY,
        "n_query": N_QUERY,
        "seed": SEED,
        "protocol": "no-val",
    }
    told = {**about, "date": datetime.date.today().isoformat(), "cells": {}}
    if args.json and args.json.is_file():
        before = json.loads(args.json.read_text())
        if {key: before.get(key) for key in about} == about:
            told["cells"] = before["cells"]
    give = getattr(encoder, "background", None)
    general = [None] if give is None else [give("joint"), None]
    for data in args.sets:
        made, runs = scenes(encoder, data, args.cache), Runs()
        for scene in made:
            for column in args.shots:
                for background in general:
                    name = " | ".join((data, scene.wording, column, str(background is not None)))
                    if name not in told["cells"]:
                        told["cells"][name] = run_cell(
                            scene, column, runs, args.episodes, background
                        )
                        if args.json:
                            args.json.write_text(json.dumps(told, indent=1))
                    say(told["cells"][name])
    if args.markdown:
        args.markdown.write_text(markdown(told), encoding="utf-8")
    passed = [met(c) for c in told["cells"].values()]
    print(
        f"within half a point of the best in {sum(a for a, _ in passed)} of {len(passed)} cells, "
        f"of zero-shot in {sum(b for _, b in passed)}"
    )


if __name__ == "__main__":
    main()
