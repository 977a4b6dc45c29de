"""A new species from five photos in a library of 1,000; answers of 10,000 species; a million classes.

    python benchmarks/recognizer_speed.py

Processor time of one core, random unit vectors, best of some runs. Each row stands beside a plain piece of work
of the same run, so that figures of different machines can be compared.

- *statistics*: a library of 1,000 species by five photos each, with a background, gets one more;
  counts, sums and scatter are brought up to date.
- *refreshed scorer*: what the first picture that is asked about after the change takes longer than
  the second, with everything that is computed once: means, spread, weights, levels.
- *receipt*: what the change did, by every photo scored as if it had not been given; *left out* is
  that part of it. The scores before the change are known, from the receipt before.
- *answers*: predictions of pictures among 10,000 species by ten photos each, from the pictures'
  vectors to the label, with everything a prediction holds; against the product of the pictures
  with one matrix of that many rows, two where there are words and photos.
- *million classes*: the five likeliest of a million candidates for one picture, in half precision,
  against reading the matrix once.
"""

from __future__ import annotations

import os

# One core, whatever the machine has. Before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from fewshot import Background
from fgmm.embeddings import ClassMatrix, Embeddings
from fgmm.library.collection import Collection
from fgmm.library.photos import Photos
from fgmm.library.species import Species
from fgmm.recognition.answers import Answers
from fgmm.recognition.gathering import Gathered
from fgmm.recognition.layers import PictureLayers
from fgmm.recognition.moment import Moment
from fgmm.recognition.receipt import write_out
from fgmm.recognition.scorer import Scorer
from fgmm.recognition.statistics import PhotoStatistics
from fgmm.scoring import Reading

__all__ = ["Library", "answers", "five_photos", "million_classes"]

SPECIES, SHOTS, SCALE = 1_000, 5, 20.0
GOALS = {"statistics": 2.0, "refreshed scorer": 15.0, "receipt": 100.0}  # ms at d = 512


class Library:
    """Species of random photos around random means, by words and photos.

    Parameters
    ----------
    n : int
        How many species.
    d : int
        Of the features; the texts' space has ``joint`` numbers.
    joint : int, default=0
        0 for photos only.
    """

    def __init__(self, n: int, d: int, joint: int = 0, shots: int = SHOTS) -> None:
        self.rng = np.random.default_rng(0)
        self.d, self.joint, self.shots = d, joint, shots
        self.background = random_background(d, self.rng)
        self.joint_background = random_background(joint, self.rng) if joint else None
        self.reading = Reading(SCALE, 0.0, "softmax") if joint else None
        self.texts = unit(self.rng.standard_normal((n + 1, joint))) if joint else None
        self.made = 0
        species = [self.species() for _ in range(n)]
        self.collection = Collection("random/1", d + joint, "random", {s.id: s for s in species})

    def species(self) -> Species:
        """One more species."""
        number, self.made = self.made, self.made + 1
        rows = self.rows(self.shots)
        digests = [hashlib.sha256(f"{number} {i}".encode()).hexdigest() for i in range(self.shots)]
        return Species(f"s{number}", f"species {number}", photos=Photos(rows, digests))

    def rows(self, n: int) -> np.ndarray:
        """Vectors of photos around a mean, as a library keeps them."""
        parts = [
            unit(self.rng.standard_normal(w) + self.rng.standard_normal((n, w)))
            for w in (self.joint, self.d)
            if w
        ]
        return normalize(torch.cat(parts, 1), dim=1).numpy()

    def scorer(self, collection: Collection, previous: Scorer | None = None) -> Scorer:
        return Scorer.of(
            collection,
            None if self.texts is None else self.texts[: len(collection)],
            self.reading,
            self.background,
            joint_background=self.joint_background,
            joint_dim=self.joint,
            previous=previous,
        )

    def moment(self, collection: Collection, previous: Scorer | None = None) -> Moment:
        encoder: Any = Given(self.d, self.joint)
        return Moment(
            collection, PictureLayers(encoder), self.scorer(collection, previous), "random"
        )

    def query(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """One picture, in both layers."""
        features = unit(self.rng.standard_normal((1, self.d)))
        return features, unit(self.rng.standard_normal((1, self.joint))) if self.joint else None


def unit(rows: np.ndarray) -> torch.Tensor:
    return normalize(torch.from_numpy(rows).float(), dim=1)


def random_background(d: int, rng: np.random.Generator) -> Background:
    """Spread that differs between directions, within and between classes."""
    within, between = (a @ a.T / d**2 for a in rng.standard_normal((2, d, d)))
    return Background(
        torch.from_numpy(0.1 * rng.standard_normal(d) / d**0.5).float(),
        torch.from_numpy(within).float(),
        torch.from_numpy(within + between).float(),
        1_000,
        f"random/{d}",
        "random numbers",
    )


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def best(work: Callable[[], Any], runs: int) -> float:
    return min(seconds(work)[0] for _ in range(runs))


def updated(collection: Collection, before: PhotoStatistics) -> PhotoStatistics:
    """Bring the statistics of a layer up to date."""
    return PhotoStatistics.of(collection, before.columns, before.scale, before)


def five_photos(d: int, joint: int = 0, n: int = SPECIES, runs: int = 5) -> dict[str, float]:
    """Milliseconds of each part, with plain matrix products beside them."""
    library = Library(n, d, joint)
    features, texts = library.query()
    moment = library.moment(library.collection)
    before = moment.scorer
    before.evidence(features, texts)  # what is computed once was computed
    assert len(moment.left_out.logits) == n * SHOTS
    new = library.species()
    collection = library.collection.with_species({new.id: new})
    given = Gathered(new.photos, tuple(map(str, range(SHOTS))), ())
    told: dict[str, list[float]] = {name: [] for name in (*GOALS, "left out", "query")}
    for _ in range(runs):
        taken, _ = seconds(lambda: updated(collection, before.photos.statistics))
        told["statistics"].append(taken)
        start = time.process_time()
        now = library.moment(collection, before)
        after = now.scorer
        after.evidence(features, texts)
        taken = time.process_time() - start
        again = best(partial(after.evidence, features, texts), 5)
        told["query"].append(again)
        told["refreshed scorer"].append(taken - again)
        told["receipt"].append(seconds(partial(write_out, moment, now, new.name, given))[0])
        told["left out"].append(seconds(after.left_out)[0])
    found = {name: 1000 * min(each) for name, each in told.items()}
    photos = torch.randn(n * SHOTS, d)
    basis, means = torch.randn(d, d), torch.randn(d, n)
    found["turning all photos once"] = 1000 * best(lambda: photos @ basis, runs)
    found["photos by species once"] = 1000 * best(lambda: photos @ means, runs)
    return found


class Given:
    """An encoder that gives the vectors it is handed; with ``joint`` it seems to read texts."""

    logit_scale, logit_bias, scoring = SCALE, 0.0, "softmax"

    def __init__(self, d: int, joint: int) -> None:
        self.dims = {"features": d, "joint": joint}
        self.dim, self.space = joint or d, "random/joint"
        if joint:
            self.encode_texts = None

    def encode_images(self, images: Sequence[torch.Tensor], layer: str = "joint") -> Embeddings:
        return Embeddings(torch.empty(len(images), self.dims[layer]), f"random/{layer}")


def answers(
    d: int, joint: int = 0, n: int = 10_000, shots: int = 10, pictures: int = 512, runs: int = 5
) -> dict[str, float]:
    """Milliseconds a picture: for its prediction, and for plain matrix products."""
    library = Library(n, d, joint, shots)
    moment = library.moment(library.collection)
    kept = Embeddings(torch.from_numpy(library.rows(pictures)), moment.layers.space)
    names = [None] * pictures

    def labels() -> list[str]:
        return [prediction.label for prediction in Answers(moment, kept, names)]

    first, _ = seconds(labels)  # what is computed once is computed
    rows, matrix = torch.randn(pictures, d), torch.randn(n, d)
    one = best(lambda: rows @ matrix.T, runs)
    told = {"answer": best(labels, runs), "one product": one}
    if joint:
        other, texts = torch.randn(pictures, joint), torch.randn(n, joint)
        told["two products"] = best(lambda: (rows @ matrix.T, other @ texts.T), runs)
    found = {name: 1000 * taken / pictures for name, taken in told.items()}
    found["answers a second"] = 1000 / found["answer"]
    found["times the products"] = (
        found["answer"] / found["two products" if joint else "one product"]
    )
    return found | {"the first answers, s": first}


def million_classes(k: int = 1_000_000, d: int = 512, runs: int = 5) -> dict[str, float]:
    """Milliseconds for one picture's five likeliest classes, and for reading the matrix once."""
    generator = torch.Generator().manual_seed(0)
    blocks = [
        normalize(torch.randn(min(8_192, k - start), d, generator=generator), dim=1).half()
        for start in range(0, k, 8_192)
    ]
    words = torch.cat(blocks).view(torch.int16).numpy().view(np.uint64)
    reading = 1000 * best(partial(np.bitwise_or.reduce, words, axis=None), runs)
    del words
    classes = ClassMatrix(blocks, "random")
    picture = normalize(torch.randn(1, d, generator=generator), dim=1)
    return {
        "reading the matrix": reading,
        "top five": 1000 * best(lambda: classes.cosines(picture).topk(5), runs),
        "matrix, MB": classes.nbytes / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=("five photos", "answers", "million classes"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    told: dict[str, Any] = {}
    if args.only in (None, "five photos"):
        for d, joint in ((512, 0), (512, 512), (1_280, 0)):
            name = f"d = {d}" + (f", texts of {joint}" if joint else "")
            told[name] = five_photos(d, joint, runs=args.runs)
            print(name)
            for row, ms in told[name].items():
                goal = f" (goal {GOALS[row]:.0f})" if row in GOALS and d == 512 else ""
                print(f"  {row:26s}{ms:10.2f} ms{goal}", flush=True)
    if args.only in (None, "answers"):
        for joint in (0, 512):
            name = "answers, d = 512" + (f", texts of {joint}" if joint else "")
            told[name] = answers(512, joint, runs=args.runs)
            print(name)
            for row, value in told[name].items():
                print(f"  {row:26s}{value:10.3f}", flush=True)
    if args.only in (None, "million classes"):
        told["million classes"] = million_classes(runs=args.runs)
        for row, value in told["million classes"].items():
            print(f"  {row:26s}{value:10.2f}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
