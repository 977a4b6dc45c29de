"""Episodes a second, and whether the answers are right: fewshot, easyfsl and scikit-learn.

    pip install easyfsl                  # not a dependency; its side is left out without it
    python benchmarks/episodes.py
    python benchmarks/episodes.py --episodes 2000 --seconds 0.5   # a first look

Made-up unit features, 512 wide, 50 classes of 60 pictures (the size of CUB's novel half), hard
enough that five-way five-shot accuracy lies between 50 and 90 (noisier ones for PT-MAP). 15 queries a class.

Speed: ours is `fewshot.evaluate` on ``--episodes``, drawing and Gram matrix included. Theirs
is easyfsl's own loop, sampler and collate function (`easyfsl.utils.evaluate`), a batch an
episode, on as many episodes as fit into ``--seconds``; both as episodes a second, in this
process, taking turns. Accuracy: the same episodes through both, paired. scikit-learn fits one
`LogisticRegression` an episode on a few and is scaled likewise. Goals: prototypes 10 x, 20 x as
a stretch; BD-CSPN and LaplacianShot 10 x; TIM and PT-MAP 50 x.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from episode_sides import (
    INSTALL,
    easyfsl_accuracies,
    easyfsl_run,
    has_easyfsl,
    made_up_features,
    ours,
    sklearn_accuracies,
)
from episode_traffic import bandwidth, episode_bytes
from taking_turns import take_turns

import fewshot
from fewshot import EpisodeSampler, Head, InnerProductHead, Words

PARTS = ("peers", "growth", "memory")
NOISE = {"PT-MAP": 4.0}  # at the usual 2.3 it is always right, here and there
SIZES = (5, 5, 15)  # ways, shots, queries
# Ours, the class of easyfsl, the goal, and what differs between the two definitions.
ROWS: tuple[tuple[str, Head, str, float, str], ...] = (
    ("prototypes", fewshot.PrototypeHead(), "PrototypicalNetworks", 10,
     "same answers: their distance is not squared, which changes no order"),
    ("cosine prototypes", fewshot.PrototypeHead("cosine"), "SimpleShot", 10,
     "same answers"),
    ("BD-CSPN", fewshot.BDCSPNHead(), "BDCSPN", 10,
     "theirs weighs by exp(cos), not the paper's exp(10 cos), and classifies the queries as they "
     "were before the shift"),
    ("BD-CSPN, scale 1", fewshot.BDCSPNHead(scale=1.0), "BDCSPN", 10,
     "as theirs weighs; the shift alone is left, and with it theirs would answer as ours"),
    ("LaplacianShot", fewshot.LaplacianShotHead(), "LaplacianShot", 10,
     "theirs: lmd 0.7 for 1.0, prototypes as in its BD-CSPN, queries not shifted"),
    ("TIM", fewshot.TIMHead(), "TIM", 50,
     "theirs: 50 steps of Adam at 1e-4 on cosines times 10; ours: 150 closed updates, paper's "
     "proposition 1, official weights"),
    ("PT-MAP", fewshot.PTMAPHead(), "PTMAP", 50,
     "theirs drops negative features (ReLU), does not centre or normalise after the power, 10 "
     "rounds; ours keeps the sign, 20 rounds"),
)  # fmt: skip


def mean_and_half(values: np.ndarray) -> tuple[float, float]:
    """Mean and half its 95 % interval over episodes."""
    return float(values.mean()), float(1.96 * values.std(ddof=1) / len(values) ** 0.5)


def percent(found: tuple[float, float], sign: str = "") -> str:
    return f"{100 * found[0]:{sign}.1f} ± {100 * found[1]:.1f}"


def compare(
    head: Head, run, accuracies, x, y, args: argparse.Namespace, at_least: int = 20
) -> dict[str, Any]:
    """Both sides in turns, then on the same episodes.

    ``run(n)`` does ``n`` episodes the other way, ``accuracies(sampler, n)`` does our first
    ``n``.
    """
    run(at_least)  # imports and first calls
    start = args.clock()
    run(at_least)
    rate = at_least / (args.clock() - start)
    n = int(min(args.episodes, max(at_least, rate * args.seconds)))
    ours(head, x, y, SIZES, args.episodes)  # warm, as theirs is
    turns = take_turns(
        lambda: ours(head, x, y, SIZES, args.episodes),
        lambda: run(n),
        max(2, args.pairs),
        args.clock,
    )
    fast = [args.episodes / s for s in turns.ours]
    slow = [n / s for s in turns.theirs]
    ratios = [a / b for a, b in zip(fast, slow, strict=True)]
    mine = ours(head, x, y, SIZES, args.episodes).accuracies.numpy()
    k, shots, queries = SIZES
    theirs = accuracies(EpisodeSampler(y, k, shots, queries, seed=0), n)
    return {
        "ours a second": statistics.median(fast),
        "theirs a second": statistics.median(slow),
        "ratio": statistics.median(ratios),
        "ratio range": (min(ratios), max(ratios)),
        "episodes": (args.episodes, n),
        "ours": mean_and_half(mine),
        "theirs": mean_and_half(theirs),
        "difference": mean_and_half(mine[:n] - theirs),
        "episodes alike": float(np.mean(mine[:n] == theirs)),
    }


def say(title: str, found: dict[str, Any], goal: str, why: str) -> None:
    low, high = found["ratio range"]
    print(
        f"{title:18s} {found['ours a second']:8,.0f}/s  theirs {found['theirs a second']:7,.0f}/s "
        f"({found['episodes'][1]:,} episodes)  ratio {found['ratio']:6.1f} [{low:.1f}, {high:.1f}]"
        f"{goal}  accuracy {percent(found['ours'])}, theirs {percent(found['theirs'])}, same "
        f"episodes {percent(found['difference'], '+')}, {100 * found['episodes alike']:.0f} % of "
        f"them equal  -- {why}",
        flush=True,
    )


def rate_of(head: Head, x, y, sizes: tuple[int, int, int], n: int, clock, **options: Any) -> float:
    k, shots, queries = sizes
    start = clock()
    fewshot.evaluate(
        head, x, y, n_way=k, n_shot=shots, n_query=queries, n_episodes=n, progress=False, **options
    )
    return n / (clock() - start)


def growth(x, y, args: argparse.Namespace) -> dict[str, Any]:
    """Prototypes, one number changed at a time."""
    settings = [(f"{n:,} episodes", SIZES, 60, n) for n in (1000, 10_000, 30_000)]
    settings += [(f"{k} ways", (k, 5, 15), 60, args.episodes) for k in (5, 10, 20)]
    settings += [(f"{s} shots", (5, s, 15), 60, args.episodes) for s in (1, 5, 20)]
    settings += [(f"pool of {50 * m:,}", SIZES, m, args.episodes) for m in (60, 240)]
    found = {}
    for title, sizes, per_class, n in settings:
        z, t = (x, y) if per_class == 60 else made_up_features(per_class=per_class)
        rate = rate_of(fewshot.PrototypeHead(), z, t, sizes, n, args.clock)
        text = ""
        other = None
        if has_easyfsl():
            from easyfsl.methods import PrototypicalNetworks

            start = args.clock()
            easyfsl_run(PrototypicalNetworks(), z, t, sizes, 200)
            other = 200 / (args.clock() - start)
            text = f"  easyfsl {other:7,.0f}/s (200 episodes)  ratio {rate / other:5.1f}"
        print(f"prototypes, {title:16s} {rate:8,.0f}/s{text}", flush=True)
        found[title] = {"ours a second": rate, "theirs a second": other}
    return found


def memory(x, y, args: argparse.Namespace) -> dict[str, Any]:
    """Every head beside what reading its bytes once would take."""
    moved = bandwidth(clock=args.clock)
    print(f"memory is read at {moved / 1e9:.1f} GB/s, {torch.get_num_threads()} thread(s)")
    centres = torch.stack([x[torch.tensor(y) == c].mean(0) for c in range(50)])
    words = Words(torch.nn.functional.normalize(centres, dim=1), 30.0)
    found = {}
    for name in fewshot.head_names():
        head = fewshot.load_head(name)
        reads = "words" in head.needs or not head.needs
        given = {"words": words if reads else None}
        n = 100 if name == "clip-adapter" else 1000
        rate = rate_of(head, x, y, SIZES, n, args.clock, **given)
        if rate > 2000 and n < args.episodes:  # then fixed costs show: run them all
            n = args.episodes
            rate = rate_of(head, x, y, SIZES, n, args.clock, **given)
        size = episode_bytes(head, SIZES, x.shape[1], reads)
        limit = moved / size
        kind = "inner products" if isinstance(head, InnerProductHead) else "features"
        print(
            f"{name:18s} {kind:14s} {size / 1000:6.1f} KB an episode  limit {limit:9,.0f}/s  "
            f"measured {rate:8,.0f}/s ({n:,} episodes)  {100 * rate / limit:6.2f} % of the limit",
            flush=True,
        )
        found[name] = {"bytes": size, "limit a second": limit, "a second": rate, "episodes": n}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--episodes", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of the other side, each turn")
    parser.add_argument("--threads", type=int, help="of torch; by default its own choice")
    parser.add_argument(
        "--cpu-time",
        action="store_const",
        dest="clock",
        const=time.process_time,
        default=time.perf_counter,
        help="count this process's processor seconds, for a machine that is busy (one thread)",
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rows", nargs="+", help="of the peers: only these, such as TIM logistic")
    parser.add_argument("--json", type=Path, help="write every figure here too")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    x, y = made_up_features()
    told: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "clock": args.clock.__name__,
    }
    if "peers" in args.parts:
        if not has_easyfsl():
            print(f"easyfsl is not installed, its side is left out: {INSTALL}")
        for title, head, name, goal, why in ROWS if has_easyfsl() else ():
            import easyfsl.methods

            if args.rows and title not in args.rows:
                continue
            model = getattr(easyfsl.methods, name)()
            z = made_up_features(noise=NOISE[title])[0] if title in NOISE else x
            told[title] = compare(
                head.eval(),
                lambda n, m=model, z=z: easyfsl_run(m, z, y, SIZES, n),
                lambda sampler, n, m=model, z=z: easyfsl_accuracies(m, z, y, sampler, n),
                z,
                y,
                args,
            )
            say(title, told[title], f" (goal {goal:g})", why)
        if not args.rows or "logistic" in args.rows:
            sampler = EpisodeSampler(y, *SIZES, seed=0)
            told["logistic"] = compare(
                fewshot.LogisticHead().eval(),
                lambda n: sklearn_accuracies(x, y, sampler, n),
                lambda sampler, n: sklearn_accuracies(x, y, sampler, n),
                x,
                y,
                args,
            )
            say("logistic (sklearn)", told["logistic"], "", "same objective; theirs stops earlier")
    if "growth" in args.parts:
        told["growth"] = growth(x, y, args)
    if "memory" in args.parts:
        told["memory"] = memory(x, y, args)
    if args.json:
        args.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
