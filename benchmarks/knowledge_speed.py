"""How long the mathematics of a graph take, and whether time grows with the edges.

    python benchmarks/knowledge_speed.py

Two axes: 1,000 / 10,000 / 100,000 concepts with the same edges each, then 10,000 concepts with
ever more edges each. A concept has one parent (eight children to a parent), some look-alikes at
random, and ten times as many attributes out of 300. Each row says how long the best of some runs
took, how many edges were gone over and the time for one: where that stays the same, time is
linear in edges. For questions all leaves are classes: the edges of `Inquiry.of` are their traits,
inherited ones too, those of a question all cells of the table, classes times traits. About a
minute and a half on one core, most of it for making the graphs.
"""

from __future__ import annotations

import os

# One core, whatever the machine has. Before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from knowledge import (
    Adjacency,
    AttributeMatrix,
    Concept,
    Inquiry,
    KnowledgeGraph,
    Relation,
    Taxonomy,
    back_off,
    convolve,
    find_lookalikes,
    propagate,
)

ATTRIBUTES, COLUMNS, PICTURES = 300, 256, 16
SIZES = (1_000, 10_000, 100_000)
DENSITIES = (1, 2, 4)
SOURCE = "benchmark"


class Timing(NamedTuple):
    name: str
    seconds: float
    edges: int

    def __str__(self) -> str:
        each = 1e9 * self.seconds / self.edges
        return f"  {self.name:42s}{self.seconds:9.4f} s {self.edges:11,d} edges{each:11.1f} ns each"


def random_graph(n: int, density: int, seed: int = 0) -> KnowledgeGraph:
    rng = np.random.default_rng(seed)
    graph = KnowledgeGraph()
    graph.add(*(Concept(f"c{i}", source=SOURCE) for i in range(n)))
    graph.add(*(Concept(f"a{i}", kind="attribute", source=SOURCE) for i in range(ATTRIBUTES)))
    strengths = rng.random(n).tolist()
    alike = rng.integers(n, size=(n, density)).tolist()
    order = rng.permuted(np.tile(np.arange(ATTRIBUTES), (min(n, 1000), 1)), axis=1)
    has = order[:, : 10 * density].tolist()
    for i, strength in enumerate(strengths):
        facts = [("similar-to", f"c{j}", strength) for j in alike[i] if j != i]
        facts += [("has-attribute", f"a{j}", strength) for j in has[i % len(has)]]
        facts += [("is-a", f"c{(i - 1) // 8}", 1.0)] if i else []
        graph.add(*(Relation(f"c{i}", k, t, strength=s, source=SOURCE) for k, t, s in facts))
    return graph


def best(function: Callable[[], Any], runs: int = 3) -> tuple[Any, float]:
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        result = function()
        taken.append(time.perf_counter() - start)
        if taken[0] > 3:
            break
    return result, min(taken)


def timings(graph: KnowledgeGraph) -> Iterator[Timing]:
    rng = np.random.default_rng(0)
    n = len(graph.concepts())
    facts = sum(1 for _ in graph.relations())
    adjacency, seconds = best(lambda: Adjacency.of(graph))
    joined = adjacency.weights.nnz
    yield Timing("Adjacency.of", seconds, facts)
    matrix, seconds = best(lambda: AttributeMatrix.of(graph))
    yield Timing("AttributeMatrix.of", seconds, matrix.strengths.nnz)
    taxonomy, seconds = best(lambda: Taxonomy.of(graph))
    pairs = taxonomy.members.nnz
    yield Timing("Taxonomy.of, all leaves", seconds, facts + pairs)
    rows = rng.dirichlet(np.ones(len(taxonomy.candidates)), size=PICTURES)
    seconds = best(lambda: taxonomy.roll_up(rows))[1]
    yield Timing(f"roll_up, {PICTURES} pictures", seconds, pairs)
    seconds = best(lambda: back_off(taxonomy, rows))[1]
    yield Timing(f"back_off, {PICTURES} pictures", seconds, pairs)
    seconds = best(lambda: find_lookalikes(matrix, "c1", 10))[1]
    yield Timing("find_lookalikes, of one concept", seconds, matrix.strengths.nnz)
    values = rng.standard_normal((n, COLUMNS)).astype(np.float32)
    for alpha in (0.5, 0.9):
        seconds = best(lambda a=alpha: propagate(adjacency, values, alpha=a))[1]
        yield Timing(f"propagate, {COLUMNS} columns, alpha {alpha}", seconds, joined)
    seconds = best(lambda: convolve(adjacency, values, steps=2))[1]
    yield Timing(f"convolve, {COLUMNS} columns, 2 steps", seconds, joined)
    equal = dict.fromkeys(taxonomy.candidates, 1 / len(taxonomy.candidates))
    inquiry, seconds = best(lambda: Inquiry.of(graph, equal))
    known = int((inquiry.yes > inquiry.yes.min()).sum())  # inherited traits too
    yield Timing("Inquiry.of, all leaves", seconds, known)
    seconds = best(inquiry.question)[1]
    yield Timing("a question, all leaves", seconds, inquiry.yes.size)


def question_seconds(classes: int = 200, traits: int = 312) -> float:
    """Choosing the best question, nothing kept from the one before."""
    rng = np.random.default_rng(0)
    graph = KnowledgeGraph()
    for i, row in enumerate(rng.random((classes, traits)).tolist()):
        graph.add(
            Concept(f"c{i}", source=SOURCE),
            *(
                Relation(f"c{i}", "has-attribute", f"a{j}", strength=s, source=SOURCE)
                for j, s in enumerate(row)
            ),
        )
    inquiry = Inquiry.of(graph, {f"c{i}": 1 / classes for i in range(classes)})
    return best(inquiry.question, runs=20)[1]


def main(sizes: tuple[int, ...] = SIZES, densities: tuple[int, ...] = DENSITIES) -> None:
    for n in sizes:
        print(f"{n:,} concepts, 1 look-alike and 10 attributes each")
        for timing in timings(random_graph(n, 1)):
            print(timing, flush=True)
    middle = sizes[len(sizes) // 2]
    for density in densities:
        print(f"{middle:,} concepts, {density} look-alikes and {10 * density} attributes each")
        for timing in timings(random_graph(middle, density)):
            print(timing, flush=True)
    print(f"a question for 200 classes of 312 traits: {1000 * question_seconds():.2f} ms")


if __name__ == "__main__":
    main()
