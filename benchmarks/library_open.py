"""How long a library of 100,000 photos takes to open, and what a change to it costs.

    python benchmarks/library_open.py [--species 10000] [--photos 10] [--dim 512]

Writes a library of random unit vectors, then opens it in fresh processes, from the page cache
(the file was just written). Beside it the time to read the file's bytes and do nothing with them,
which no format can go below. Goal: open in under a second.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fgmm.library import Collection, LibraryFile, Photos, Species, add_species, verify

OPEN = """
import json, sys, time
from fgmm.library import LibraryFile
start = time.perf_counter()
open(sys.argv[1], "rb").read()
read = time.perf_counter() - start
start = time.perf_counter()
library = LibraryFile.open(sys.argv[1])
print(json.dumps([time.perf_counter() - start, read, library.collection.n_photos]))
"""


def collection(n_species: int, n_photos: int, dim: int) -> Collection:
    """Species with as many photos each; random directions."""
    generator = np.random.default_rng(0)
    species = {}
    for i in range(n_species):
        rows = generator.standard_normal((n_photos, dim), dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        digests = [f"{i * n_photos + j:032x}" for j in range(n_photos)]
        origins = [f"pictures/species {i}/photo {j}.jpg" for j in range(n_photos)]
        one = Species(
            f"s{i}", f"species {i}", (f"Species novum {i}",), photos=Photos(rows, digests, origins)
        )
        species[one.id] = one
    return Collection("benchmark", dim, "fake", species)


def timed(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--species", type=int, default=10_000)
    parser.add_argument("--photos", type=int, default=10)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    whole = collection(arguments.species, arguments.photos, arguments.dim)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "birds.fgmm")
        library = LibraryFile.create(path, whole.space, whole.dim, whole.encoder)
        written = timed(lambda: library.apply(lambda _: whole, "import", {}))
        size = path.stat().st_size
        raw = whole.n_photos * whole.dim * 4
        print(
            f"{len(whole):,} species, {whole.n_photos:,} photos of {whole.dim} numbers: "
            f"{size / 1e6:.1f} MB, {size / raw:.3f} times the vectors; written in {written:.2f} s"
        )
        runs = [
            json.loads(
                subprocess.run(
                    [sys.executable, "-c", OPEN, str(path)],
                    check=True,
                    capture_output=True,
                    text=True,
                    env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
                ).stdout
            )
            for _ in range(arguments.repeats)
        ]
        opened = [run[0] for run in runs]
        print(
            f"open: median {statistics.median(opened):.3f} s, {min(opened):.3f} to "
            f"{max(opened):.3f}; the bytes alone {statistics.median(r[1] for r in runs):.3f} s"
        )
        five = collection(20, 5, whole.dim)
        adds = []
        for i, one in enumerate(five):
            digests = [f"{2**100 + 5 * i + j:032x}" for j in range(5)]
            photos = Photos(one.photos.vectors, digests)
            change = lambda c, i=i, photos=photos: add_species(c, f"new {i}", photos)  # noqa: E731
            adds.append(timed(lambda change=change: library.apply(change, "add_species", {})))
        undo = [timed(library.undo) for _ in range(5)]
        print(
            f"one species of five photos more: median {1000 * statistics.median(adds):.1f} ms, at "
            f"most {1000 * max(adds):.1f}; undo {1000 * statistics.median(undo):.1f} ms"
        )
        print(f"verify: {timed(lambda: verify(path)):.2f} s; findings: {verify(path)}")
        print(f"forget: {timed(library.forget):.2f} s")


if __name__ == "__main__":
    main()
