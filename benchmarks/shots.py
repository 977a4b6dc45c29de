"""Words and a handful of photos: every head on novel classes, from none to sixteen shots.

    python benchmarks/shots.py --keep runs/shots --json shots.json --markdown shots.md
    python benchmarks/shots.py --keep runs/look --episodes 100   # a first look

`tiny`'s joint layer on novel groceries (support from other shops than queries), novel
flowers, and novel field-guide species. Words by name, by coarse name (groceries: labels are
then the coarse classes), by sentence (field guide), and with their letters scrambled. "1
atypical" and "2 atypical": support only from the quarter of a class's photos furthest from
their mean. Groceries and flowers 5 ways, the field guide 20: at 5 its names are always right.

Every head that applies as it comes, and those with a strength also with it chosen by
leave-one-out (`fewshot.TunedHead`); no validation set. Heads that would take hours are run on
the first episodes only, and marked; those that would take days are left out (`shots_heads.few`). Differences are FusedHead minus another, paired by
episode. In the folder ``--keep`` stay embeddings and evaluations: what is there is not computed
again. After a change to a head, delete its files (``rm runs/shots/*/fused*``).
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
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
WAYS = {"grocery": 5, "flowers": 5, "field guide": 20}
N_QUERY, SEED = 10, 0


class Runs:
    """Evaluations, in memory or in a folder.

    Cells share them: a head that reads no words is run once for all wordings.

    Parameters
    ----------
    space : str
        Of the encoder; another one's evaluations are not used.
    folder : Path, optional
        Where they are kept.
    """

    def __init__(self, space: str, folder: Path | None = None) -> None:
        self.space, self.folder = space, folder
        self.found: dict[str, Evaluation] = {}

    def get(
        self,
        scene: Scene,
        column: str,
        wanted: list[Entry],
        n: int,
        background: Background | None,
    ) -> dict[str, Evaluation]:
        """Run every head on the same ``n`` episodes, those that were not run before."""
        keys = {e.name: self.key(e, scene, column, n, background) for e in wanted}
        for key in keys.values():
            if key not in self.found and self.folder and (self.folder / key).is_file():
                self.found[key] = Evaluation.load(self.folder / key)
        missing = {e.name: e.head for e in wanted if keys[e.name] not in self.found}
        if missing:
            run = fewshot.evaluate(
                missing,
                scene.features,
                scene.labels,
                n_way=WAYS[scene.data],
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
            for name, one in run.items():
                self.found[keys[name]] = one
                if self.folder:
                    (self.folder / keys[name]).parent.mkdir(parents=True, exist_ok=True)
                    one.save(self.folder / keys[name])
        return {name: self.found[key] for name, key in keys.items()}

    def key(
        self, entry: Entry, scene: Scene, column: str, n: int, background: Background | None
    ) -> str:
        """A file name: the set and the head, and a hash of everything else that matters."""
        rest = (
            self.space,
            scene.naming,
            column,
            n,
            (WAYS[scene.data], N_QUERY, SEED),
            scene.wording if entry.reads_words else None,
            background is not None if entry.reads_background else None,
        )
        mark = hashlib.sha256(repr(rest).encode()).hexdigest()[:16]
        return f"{scene.data}/{entry.name} {mark}.json".replace(" ", "-")


def run_cell(
    scene: Scene, column: str, runs: Runs, n: int, background: Background | None
) -> dict[str, Any]:
    """Every head on one scene at one number of shots."""
    shots = int(column.split()[0])
    every = entries(shots)
    shown = atypical(scene, shots) if "atypical" in column else scene
    heads: dict[str, Any] = {}
    sizes = {e.name: few(e, shots, n, WAYS[scene.data]) for e in every}
    for size in sorted({*sizes.values()} - {0}, reverse=True):
        own = [e for e in every if sizes[e.name] == size]
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
    parser.add_argument("--keep", type=Path, help="keep embeddings and evaluations in this folder")
    parser.add_argument("--episodes", type=int, default=2000)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--shots", nargs="+", choices=SHOTS, default=SHOTS)
    parser.add_argument("--json", type=Path, help="write every figure here, after every cell")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    args = parser.parse_args()
    # scrambled letters make more tokens than an encoder may read; true texts are far shorter
    encoder = fgmm.load_encoder(args.encoder, on_long="truncate")
    told: dict[str, Any] = {
        "encoder": args.encoder,
        "space": encoder.space,
        "fgmm": fgmm.__version__,
        "episodes": args.episodes,
        "ways": WAYS,
        "n_query": N_QUERY,
        "seed": SEED,
        "protocol": "no-val",
        "date": datetime.date.today().isoformat(),
        "cells": {},
    }
    cache = args.keep / "features.safetensors" if args.keep else None
    give = getattr(encoder, "background", None)
    general = [None] if give is None else [give("joint"), None]
    for data in args.sets:
        made, runs = scenes(encoder, data, cache), Runs(encoder.space, args.keep)
        for scene in made:
            for column in args.shots:
                for background in general:
                    name = " | ".join((data, scene.wording, column, str(background is not None)))
                    told["cells"][name] = run_cell(scene, column, runs, args.episodes, background)
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
