"""Questions until the species is known, beginning with what `tiny` makes of a picture.

    python benchmarks/knowledge_questions.py --keep runs/knowledge --json q.json --markdown q.md

Field guide, drawings the encoder never saw, species by name; someone who knows the truth answers.
Questions are about one trait each, such as "hooked bill?". It is asked until one species is
certain, or as probable as a floor (``sure``). Means are over species; intervals 95 %, over species.

**12 species.** Draws of 12 novel species, and of 12 that are two whole genera (near twins, two
thirds of them known to the encoder). Answers are never wrong, and that is known (error rate 0).
The *exhaustive optimum* for one picture: with error-free answers all that matters is the set S of
species left, with the picture's probabilities p. The least expected number of questions is::

    V(S) = 0                                                   if max p(S) >= sure * sum p(S)
    V(S) = 1 + min over questions of sum over answers a of P(S_a) / P(S) * V(S_a)   otherwise

where S_a are those of S with that answer and P(S) is the sum of p over S. It is worked out for
all 4,095 sets, so no way of asking has a smaller expectation under p. Beside the expectations
under p stand the questions it really took, the optimum's own among them: it is the best for p,
not for the truth, and where p misleads another may be shorter.

**200 species.** Draws of 200 of the 240, a drawing of each; no exhaustive search. Asking by gain
stands beside asking at random among the questions of a gain above ``least_gain`` (at error rate 0
and ``least_gain`` 0 these are the ones that split what is left), and beside asking by gain without
the picture, from equal probabilities.

Two minutes on one core once the vectors are kept.
"""

from __future__ import annotations

import argparse
import datetime
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from knowledge_asking import Bools, Optimum, Outcome, ask, at_random, by_gain, outcomes
from knowledge_sets import World, world
from knowledge_words import WordRow
from numpy.typing import NDArray
from scipy.special import softmax

import fgmm
from fewshot.intervals import class_interval
from fgmm.fieldguide import FieldGuide
from knowledge import Inquiry

FEW, MANY = 12, 200
FEW_DRAWS, MANY_DRAWS = 20, 5
REGIMES = {  # of 200 species: what is known of the answers, when to stop, how many are wrong
    "never wrong, until certain": ({"error_rate": 0.0, "sure": 1.0, "least_gain": 0.0}, 0.0),
    "never wrong, until 0.95": ({"error_rate": 0.0, "sure": 0.95, "least_gain": 0.0}, 0.0),
    "error rate 0.01, none wrong": ({"error_rate": 0.01, "sure": 0.95}, 0.0),
    "error rate 0.05, none wrong": ({"error_rate": 0.05, "sure": 0.95}, 0.0),
    "error rate 0.05, 5 % wrong": ({"error_rate": 0.05, "sure": 0.95}, 0.05),
}

Draw = Callable[[np.random.Generator], NDArray[np.intp]]


class Guide:
    """Every species' drawings and their scores with every species' name."""

    def __init__(self, encoder: Any, given: World) -> None:
        self.graph, self.names = given.graph, sorted(given.concepts)
        pools = [given.pools[role] for role in ("train", "novel")]
        scores = [WordRow(encoder, "names").scores(given, pool, self.names) for pool in pools]
        self.logits = np.vstack([s.double().numpy() for s in scores])
        self.truth = np.searchsorted(self.names, np.concatenate([pool.keys for pool in pools]))

    def begin(self, species: NDArray[np.intp], **options: float) -> tuple[Inquiry, Bools]:
        """An inquiry with equal probabilities, and what each species has."""
        equal = {self.names[s]: 1 / len(species) for s in species}
        sure = Inquiry.of(self.graph, equal, error_rate=0.0)
        inquiry = Inquiry.of(self.graph, equal, most=len(sure.traits), **options)  # type: ignore[arg-type]
        return inquiry, sure.yes > 0.5

    def pictures(self, species: NDArray[np.intp], each: int | None, rng: np.random.Generator):
        """Probabilities among some species (pictures, species), and the place of the truth."""
        rows = []
        for one in species:
            own = np.flatnonzero(self.truth == one)
            rows += own.tolist() if each is None else rng.choice(own, each, replace=False).tolist()
        place = {one: at for at, one in enumerate(species.tolist())}
        chances = softmax(self.logits[rows][:, species], axis=1)
        return chances, np.array([place[t] for t in self.truth[rows].tolist()])


def mean(values: list[float], species: list[int], low: float = 0.0) -> dict[str, Any]:
    """Mean over species, with its interval."""
    given = np.array(values, dtype=float)
    each = np.array([given[np.array(species) == s].mean() for s in np.unique(species)])
    return {"mean": float(each.mean()), "class_ci95": class_interval(each, (low, np.inf))}


def few(guide: Guide, draw: Draw, sure: float):
    """12 species, answers never wrong: beside the optimum."""
    rng, random = np.random.default_rng(0), np.random.default_rng(1)
    found: dict[str, list[float]] = {}
    species: list[int] = []
    for _ in range(FEW_DRAWS):
        those = draw(rng)
        empty, has = guide.begin(those, error_rate=0.0, sure=sure, least_gain=0.0)
        chances, truth = guide.pictures(those, None, rng)
        optimum = Optimum(has, chances, sure)
        for at, (row, true) in enumerate(zip(chances, truth.tolist(), strict=True)):
            start = replace(empty, probabilities=row)
            tree = outcomes(start, by_gain, has)
            expected = sum(row[t] * o.questions for t, o in tree.items())
            luck = ask(start, at_random(random), has, true, iter(lambda: False, None))
            blind = ask(empty, by_gain, has, true, iter(lambda: False, None))
            best = optimum.taken(at, true)
            for name, value in (
                ("right before", row.argmax() == true),
                ("expected, by gain", expected),
                ("expected, optimum", optimum.expected[at]),
                ("expected, by gain - optimum", expected - optimum.expected[at]),
                ("by gain", tree[true].questions),
                ("optimum", best),
                ("by gain - optimum", tree[true].questions - best),
                ("over one longer than the optimum", tree[true].questions - best > 1),
                ("at random", luck.questions),
                ("by gain, no picture", blind.questions),
                ("right, by gain", tree[true].right),
            ):
                found.setdefault(name, []).append(float(value))
            species.append(int(those[true]))
    told: dict[str, Any] = {
        name: mean(values, species, -np.inf if "-" in name else 0.0)
        for name, values in found.items()
    }
    return told | {
        "pictures": len(species),
        "species": len(set(species)),
        "largest expected difference": max(found["expected, by gain - optimum"]),
    }


def many(guide: Guide, options: dict[str, float], wrong: float) -> dict[str, Any]:
    """200 species: by gain, at random, and by gain without the picture."""
    rng, random, slips = (np.random.default_rng(seed) for seed in range(3))
    found: dict[str, list[Outcome]] = {}
    before, species = [], []
    for _ in range(MANY_DRAWS):
        those = rng.choice(len(guide.names), MANY, replace=False)
        empty, has = guide.begin(those, **options)
        chances, truth = guide.pictures(those, 1, rng)
        for row, true in zip(chances, truth.tolist(), strict=True):
            start = replace(empty, probabilities=row)
            for name, begun, choose in (
                ("by gain", start, by_gain),
                ("at random", start, at_random(random)),
                ("by gain, no picture", empty, by_gain),
            ):
                lies = iter(lambda: bool(slips.random() < wrong), None)
                found.setdefault(name, []).append(ask(begun, choose, has, true, lies))
            before.append(float(row.argmax() == true))
            species.append(int(those[true]))
    less = [
        float(a.questions - b.questions)
        for a, b in zip(found["by gain"], found["at random"], strict=True)
    ]
    return {
        "pictures": len(species),
        "right before": mean(before, species),
        "by gain - at random": mean(less, species, -np.inf),
        "ways": {
            name: {
                "questions": mean([float(o.questions) for o in every], species),
                "right": mean([float(o.right) for o in every], species),
            }
            for name, every in found.items()
        },
    }


def novel_12(guide: Guide) -> Draw:
    names = np.searchsorted(guide.names, sorted(s.name for s in FieldGuide().novel))
    return lambda rng: rng.choice(names, FEW, replace=False)


def two_genera(guide: Guide) -> Draw:
    genus = np.array([FieldGuide().find(name).genus for name in guide.names])
    return lambda rng: np.flatnonzero(
        np.isin(genus, rng.choice(np.unique(genus), 2, replace=False))
    )


def shown(found: dict[str, Any], scale: float = 1.0, digits: int = 2) -> str:
    low, high = found["class_ci95"]
    return (
        f"{scale * found['mean']:.{digits}f} [{scale * low:.{digits}f}, {scale * high:.{digits}f}]"
    )


def sizes(row: dict[str, Any]) -> str:
    return f"{row['pictures']:,} ({row['species']})"


def markdown(told: dict[str, Any]) -> str:
    """A table of 12 species and one of 200."""
    figures = {
        "expected, optimum": 1, "expected, by gain": 1, "expected, by gain - optimum": 1,
        "optimum": 1, "by gain": 1, "by gain - optimum": 1,
        "over one longer than the optimum": 100, "at random": 1, "by gain, no picture": 1,
        "right before": 100, "right, by gain": 100,
    }  # fmt: skip
    few = told["12"].values()
    lines = [
        f"Encoder `{told['encoder']}` ({told['space']}), {told['date']}. Numbers of questions; in "
        "brackets 95 % intervals over species. Right and longer: per cent.",
        "",
        f"| 12 species, asked until | {' | '.join(told['12'])} |",
        "|---" * (len(few) + 1) + "|",
    ]
    for name, scale in figures.items():
        cells = [shown(row[name], scale, 2 if scale == 1 else 1) for row in few]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    largest = [f"{row['largest expected difference']:.2f}" for row in few]
    lines.append(f"| largest expected difference of a picture | {' | '.join(largest)} |")
    lines.append(f"| pictures (species) | {' | '.join(sizes(row) for row in few)} |")
    lines += [
        "",
        "| 200 species | by gain | right | at random | right | by gain, no picture | right "
        "| by gain - at random |",
        "|---" * 8 + "|",
    ]
    for name, row in told["200"].items():
        cells = []
        for way in row["ways"].values():
            cells += [shown(way["questions"]), shown(way["right"], 100, 1)]
        lines.append(f"| {name} | {' | '.join(cells)} | {shown(row['by gain - at random'])} |")
    first = next(iter(told["200"].values()))
    lines += ["", f"{first['pictures']:,} pictures; right before any question: "
              f"{shown(first['right before'], 100, 1)}."]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder", default="tiny")
    parser.add_argument("--keep", type=Path, help="keep the pictures' vectors in this folder")
    parser.add_argument("--json", type=Path, help="write every figure here")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    args = parser.parse_args()
    encoder = fgmm.load_encoder(args.encoder)
    cache = args.keep / "vectors.safetensors" if args.keep else None
    guide = Guide(encoder, world(encoder, "field guide", cache))
    told: dict[str, Any] = {
        "encoder": args.encoder,
        "space": encoder.space,
        "fgmm": fgmm.__version__,
        "date": datetime.date.today().isoformat(),
        "12": {
            f"{name}, {end}": few(guide, draw, sure)
            for name, draw in (("novel", novel_12(guide)), ("two genera", two_genera(guide)))
            for end, sure in (("certain", 1.0), ("0.95", 0.95))
        },
        "200": {name: many(guide, *regime) for name, regime in REGIMES.items()},
    }
    if args.json:
        args.json.write_text(json.dumps(told, indent=1))
    if args.markdown:
        args.markdown.write_text(markdown(told), encoding="utf-8")
    else:
        print(markdown(told))


if __name__ == "__main__":
    main()
