"""Omniglot's minimal setting: prototypical networks with Conv-4, taught by five alphabets.

    FGMM_DATA=... python benchmarks/omniglot_minimal.py --out runs/omniglot-minimal

Each of the two small background sets and each seed is a training of its own, judged once, in the
end, on the 20 official one-shot runs, whose alphabets are others. As Snell et al. 2017: 28 x 28
pixels, rotations by 90 degrees as classes of their own, episodes of 60 classes with one
photo and five queries each, squared Euclidean distance, Adam at 1e-3. Not as they: products of
the network in half precision, far fewer episodes, and the rate goes down along half a cosine. Twenty characters of the background set,
with their rotations, are held out and choose among the validations of a training. What is done is
kept in the folder: an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tiny_data import DATA

from fewshot import PrototypeHead, TrainingPlan, label_support, meta_train
from fgmm.datasets.omniglot import OneShotRun, error_interval, ink, read_omniglot, read_runs
from fgmm.encoders.four_blocks import Conv4

SETS, SEEDS, SIDE, HELD_OUT = (1, 2), (0, 1, 2, 3, 4), 28, 20
PLAN = TrainingPlan(
    steps=300,
    batch=1,
    n_way=60,
    n_shot=1,
    n_query=5,
    learning_rate=1e-3,
    number_rate=0.0,  # the distance is not scaled, as in the paper
    optimiser="adam",
    clip=100.0,
    precision="bfloat16",
    validate_every=50,
    validation_episodes=100,
    patience=1000,
)
PUBLISHED = {"prototypical networks": 30.1, "simple ConvNet": 23.2}


class OutOfTime(Exception):
    """The minutes are used up; the checkpoint is written."""


def characters(pictures: list[bytes] | tuple[bytes, ...]) -> torch.Tensor:
    """Give characters as (n, 1, 28, 28), 1 is ink."""
    return ink(pictures, SIDE).view(-1, 1, SIDE, SIDE)


def turned(pictures: torch.Tensor, labels: list[str]) -> tuple[torch.Tensor, list[str]]:
    """Add rotations by 90, 180 and 270 degrees, as classes of their own."""
    turns = [torch.rot90(pictures, turn, (2, 3)) for turn in range(4)]
    return torch.cat(turns), [f"{label}@{90 * turn}" for turn in range(4) for label in labels]


def held_out(labels: list[str], seed: int) -> list[str]:
    """Choose the characters to validate by, with all their rotations."""
    plain = sorted({label.partition("@")[0] for label in labels})
    chosen = set(np.random.default_rng(seed).choice(plain, HELD_OUT, replace=False).tolist())
    return sorted({label for label in labels if label.partition("@")[0] in chosen})


def judge(network: torch.nn.Module, runs: tuple[OneShotRun, ...]) -> list[float]:
    """Give the share of wrong names in each run."""
    errors, head = [], PrototypeHead().eval()
    for run in runs:
        with torch.inference_mode():
            shown, asked = network(characters(run.training)), network(characters(run.test))
            support, _ = label_support(shown, list(range(len(shown))))
            named = head.fit(support).logits(asked).argmax(-1)
        errors.append(float((named != torch.tensor(run.answers)).float().mean()))
    return errors


def train(which: int, seed: int, steps: int, out: Path, until: float) -> None:
    """Train and judge one network, or go on where it was interrupted."""
    folder = out / f"set{which}-seed{seed}"
    kept, plan = folder / "result.json", replace(PLAN, seed=seed, steps=steps)
    if kept.is_file() and json.loads(kept.read_text())["plan"] == plan.as_dict():
        return
    found = read_omniglot(DATA / "omniglot", [which])
    pictures, labels = turned(characters(found.images), list(found.labels))

    def watch(record: object) -> None:
        print(f"set {which}, seed {seed}: {record}", flush=True)
        if time.time() > until:
            raise OutOfTime

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Conv4().to(memory_format=torch.channels_last)  # faster on a CPU
    begun = time.process_time()
    training = meta_train(
        PrototypeHead(),
        pictures,
        labels,
        plan=plan,
        network=network,
        validation=held_out(labels, seed),
        folder=folder,
        watch=watch,
    )
    assert training.network is not None
    told = {
        "set": which,
        "seed": seed,
        "plan": plan.as_dict(),
        "best_step": training.best_step,
        "validation_accuracy": training.best.validation_accuracy,
        "seconds": training.seconds,
        "cpu_seconds_since_resumed": time.process_time() - begun,
        "held_out": list(training.held_out),
        "errors": judge(training.network, read_runs(DATA / "omniglot" / "all_runs.zip")),
    }
    kept.write_text(json.dumps(told, indent=1))


def table(out: Path, steps: int) -> str:
    """Put the trainings that are done beside the published errors."""
    paths = sorted(out.glob("set*-seed*/result.json"))
    done = [one for one in (json.loads(p.read_text()) for p in paths)
            if one["plan"]["steps"] == steps]  # fmt: skip
    lines = [
        "| background set | seeds | error, mean | spread (sd) of seeds | each seed, with its 95 % "
        "interval over runs |",
        "|---|---|---|---|---|",
    ]
    for which in (*SETS, None):
        own = [one for one in done if which in (None, one["set"])]
        if not own:
            continue
        means = [100 * float(np.mean(one["errors"])) for one in own]
        spread = f"{np.std(means, ddof=1):.1f}" if len(means) > 1 else "-"
        each = "" if which is None else "; ".join(map(_told, own))
        name = "both" if which is None else f"small {which}"
        lines.append(f"| {name} | {len(own)} | {np.mean(means):.1f} % | {spread} | {each} |")
    lines += [f"| published: {name} | | {error} % | | |" for name, error in PUBLISHED.items()]
    missing = [f"small {w}, seed {s}" for w in SETS for s in SEEDS
               if not any((one["set"], one["seed"]) == (w, s) for one in done)]  # fmt: skip
    return "\n".join([*lines, "", f"Missing: {'; '.join(missing) or 'none'}."])


def _told(one: dict[str, list[float]]) -> str:
    low, high = error_interval(one["errors"])
    return f"{one['seed']}: {100 * np.mean(one['errors']):.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def main() -> None:
    """Run what is missing, and print the table."""
    reader = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    reader.add_argument("--out", type=Path, default=Path("runs/omniglot-minimal"))
    reader.add_argument("--sets", type=int, nargs="+", choices=SETS, default=SETS)
    reader.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    reader.add_argument("--steps", type=int, default=PLAN.steps)
    reader.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many")
    given = reader.parse_args()
    until = time.time() + 60 * given.minutes
    try:
        for seed in given.seeds:
            for which in given.sets:
                train(which, seed, given.steps, given.out, until)
    except OutOfTime:
        print("out of time; the same command goes on")
    print(table(given.out, given.steps))


if __name__ == "__main__":
    main()
