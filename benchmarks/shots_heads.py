"""Who is compared: every head as it comes, and with its strength chosen by leave-one-out."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import fewshot
from fewshot import Head
from fewshot.registry import HEADS

__all__ = ["PHOTOS_ONLY", "READS_BACKGROUND", "Entry", "entries", "few"]

# What a head does not look at need not be varied. A head of another package reads everything.
PHOTOS_ONLY = frozenset(
    {
        "prototype",
        "simple-shot",
        "nearest-neighbour",
        "matching",
        "ridge",
        "logistic",
        "svm",
        "laplacian-shot",
        "tim",
        "pt-map",
        "bd-cspn",
        "meta-baseline",
        "feat",
        "relation",
        "anil",
        "projected",
    }
)
READS_BACKGROUND = frozenset(
    {
        "simple-shot",
        "laplacian-shot",
        "fused",
        "feat",
        "relation",
        "anil",
        "fused-learned",
        "projected",
    }
)
# Until they are trained (benchmarks/metatrain.py) these are class means or FusedHead once more.
UNTRAINED = frozenset({"meta-baseline", "feat", "relation", "fused-learned", "projected"})

# The first value is the head's default, and answers where leave-one-out sees no difference.
STRENGTHS: dict[str, dict[str, tuple[float, ...]]] = {
    "nearest-neighbour": {"neighbours": (1, 3)},
    "matching": {"scale": (100.0, 10.0, 30.0)},
    "ridge": {"penalty": (1.0, 0.1, 10.0), "scale": (1.0, 10.0)},
    "logistic": {"C": (1.0, 0.1, 10.0, 100.0)},
    "gda": {"alpha": (1.0, 0.03, 0.1, 0.3, 3.0)},
    "tip-adapter": {"alpha": (1.0, 0.3, 3.0, 10.0, 30.0), "beta": (5.5, 1.0, 15.0)},
    "tip-adapter-f": {"alpha": (1.0, 0.3, 3.0, 10.0)},
    "cross-modal": {"share": (0.5, 0.1, 0.9)},
    "lp++": {"word_strength": (250.0, 25.0, 1000.0)},
    "clap": {"strength": (100.0, 1.0, 10.0, 1000.0)},
    "task-res": {"alpha": (0.5, 0.1, 2.0)},
}
# Trained by hundreds of steps: leave-one-out repeats that for every photo and strength.
TRAINED = frozenset({"tip-adapter-f", "cross-modal", "lp++", "clap", "task-res"})
DEAR = frozenset({"gda", "logistic", "ridge"})  # the same from eight shots on


@dataclass(frozen=True)
class Entry:
    """A row of the comparison."""

    name: str
    head: Head
    tuned: bool

    @property
    def plain(self) -> str:
        """The head's own name."""
        return self.name.removesuffix(" (tuned)")

    @property
    def reads_words(self) -> bool:
        return self.plain not in PHOTOS_ONLY

    @property
    def reads_background(self) -> bool:
        return self.plain in READS_BACKGROUND or self.plain not in HEADS


def entries(shots: int) -> list[Entry]:
    """Heads that apply at so many shots, tuned ones where there is something to leave out.

    A head that needs photos cannot judge a class by none, so it is tuned from two shots on;
    one with words from one shot on.
    """
    found = []
    for name in fewshot.head_names():
        head = fewshot.load_head(name)
        if name in UNTRAINED or ("photos" in head.needs and shots == 0):
            continue
        found.append(Entry(name, head, tuned=False))
        if name in STRENGTHS and shots >= (2 if "photos" in head.needs else 1):
            axes = STRENGTHS[name]
            if name == "nearest-neighbour":  # leaving one out leaves shots - 1
                axes = {"neighbours": tuple(n for n in (1, 3) if n < shots)}
            grid = [
                dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
            ]
            tuned = fewshot.TunedHead([fewshot.load_head(name, **one) for one in grid])
            found.append(Entry(f"{name} (tuned)", tuned.eval(), tuned=True))
    return found


def few(entry: Entry, shots: int, n: int, ways: int = 5) -> int:
    """How many of ``n`` episodes a head is run on: all, or the first ones; 0: left out.

    A tuned head costs photos times strengths fits an episode: at 20 ways the dear ones would
    take days.
    """
    many = ways > 5
    if many and entry.tuned and entry.plain in TRAINED | DEAR:
        return 0
    if entry.tuned and entry.plain in TRAINED:
        share = 0.05 if shots <= 2 else 0.02 if shots <= 4 else 0.01
    elif entry.tuned and entry.plain in DEAR and shots >= 4:
        share = 0.2 if shots == 4 else 0.05
    elif (
        entry.plain == "clip-adapter"
        or (many and shots > 1 and entry.plain in TRAINED | {"svm"})
        or (many and shots >= 8 and (entry.tuned or entry.plain == "trans-clip"))
    ):
        share = 0.1
    else:
        share = 1.0
    return min(n, max(20, round(share * n)))
