"""Rows of the table that learn from base pictures: JointEmbedding and the classical methods.

Parameters are chosen on held-out base classes (`fgmm.joint.choose`), and so is what a score is
worth in nats where it is added to the names' logits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from knowledge_sets import Told, World
from knowledge_words import WordRow
from tiny_data import Pool
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from fgmm.joint import (
    ESZSL,
    ContrastiveEmbedding,
    DeViSE,
    DirectAttributePrediction,
    GraphRegression,
    JointEmbedding,
    SemanticAutoencoder,
    choose,
)
from fgmm.joint.class_inputs import ClassInputs
from fgmm.joint.class_regression import held_out_scores
from knowledge import Adjacency

__all__ = ["LearnedRow", "Sum", "classical_rows", "joint_row", "sharpest"]

METHODS = ("DAP", "ESZSL", "SAE", "DeViSE", "GraphRegression")
FOLDS = 3
WORTH = tuple(10 ** (e / 4) for e in range(-8, 13))  # nats a score of 1 is worth
POWERS = (0.1, 1.0, 10.0, 100.0, 1000.0)


def sharpest(held: list[tuple[Tensor, Tensor]]) -> float:
    """The multiple of the scores under which the right classes are likeliest."""

    def loss(worth: float) -> float:
        return sum(float(cross_entropy(worth * s, y, reduction="sum")) for s, y in held)

    return min(WORTH, key=loss)


@dataclass
class LearnedRow:
    """A method with its parameters, and the class vectors and features it reads.

    Parameters
    ----------
    name : str
    method : ClassRegression
    inputs : {"strengths", "centred", "nodes", "as it is"}
        Strengths of attributes; the same as unit rows without the base classes' mean; numbers of
        nodes; or both blocks of `ClassInputs`, which `ContrastiveEmbedding` scales by itself.
    worth : float
        Nats a score of 1 is worth.
    """

    name: str
    method: Any
    inputs: str
    worth: float = 1.0
    controls: tuple[str, ...] = ("swapped", "swapped in training")
    fitted: Any = None
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def rival(self) -> str:
        """The row that it is compared with, besides names."""
        return "JointEmbedding"

    @property
    def chosen(self) -> dict[str, object]:
        told = {
            f.name: getattr(self.method, f.name)
            for f in dataclasses.fields(self.method)
            if f.name not in ("nodes", "adjacency")
        }
        return {**told, "worth": self.worth}

    def fit(self, world: World, pool: Pool, donors: Mapping[str, str] | None = None) -> LearnedRow:
        """Learn from a pool with the parameters as they are; with others' knowledge if asked."""
        row = dataclasses.replace(self)
        x, y, keys = row.read(world, pool)
        given = [(donors or {}).get(key, key) for key in keys]
        row.fitted = row.method.fit(x, y, row.classes(world, given))
        return row

    def read(self, world: World, pool: Pool) -> tuple[Tensor, Tensor, list[str]]:
        """Features, labels and classes of a pool; what the class vectors are is fixed here."""
        keys = pool.classes
        inputs = ClassInputs.of(world.graph, [world.concepts[key] for key in keys])
        mean = pool.features.vectors.mean(0)
        self.state = {"inputs": inputs, "mean": mean}
        self.state["centre"] = self.strengths(world, keys).mean(0)
        if isinstance(self.method, ContrastiveEmbedding):
            self.method = dataclasses.replace(self.method, widths=inputs.widths)
        place = {key: row for row, key in enumerate(keys)}
        labels = torch.tensor([place[key] for key in pool.keys.tolist()])
        return self.features(pool), labels, keys

    def features(self, pool: Pool) -> Tensor:
        if self.inputs == "as it is":
            return pool.features.vectors
        return normalize(pool.features.vectors - self.state["mean"], dim=1)

    def strengths(self, world: World, keys: list[str]) -> Tensor:
        inputs: ClassInputs = self.state["inputs"]
        rows = inputs.rows(world.graph, [world.concepts[key] for key in keys])
        return rows if self.inputs == "as it is" else rows[:, : inputs.widths[0]]

    def classes(self, world: World, keys: list[str]) -> Tensor:
        """What the method is given for classes."""
        if self.inputs == "nodes":
            adjacency = Adjacency.of(world.graph, relations="is-a")
            return torch.from_numpy(adjacency.rows([world.concepts[key] for key in keys])).long()
        rows = self.strengths(world, keys)
        return normalize(rows - self.state["centre"], dim=1) if self.inputs == "centred" else rows

    def scores(
        self,
        world: World,
        pool: Pool,
        keys: list[str],
        donors: Mapping[str, str] | None = None,
        told: Told | None = None,
    ) -> Tensor:
        """Scores (n, k) in nats; ``told`` is read by `GraphRow` only."""
        given = [(donors or {}).get(key, key) for key in keys]
        found = self.fitted.scores(self.features(pool), self.classes(world, given))
        return self.worth * found.float()


@dataclass
class GraphRow(LearnedRow):
    """`GraphRegression`, which reads the name of every node; it is fitted anew to other names."""

    encoder: Any = None

    def named(self, world: World, told: Told) -> GraphRow:
        """The same with names from ``told``."""
        nodes = node_vectors(self.encoder, world, told)
        method = dataclasses.replace(self.method, nodes=nodes)
        return dataclasses.replace(self, method=method)

    def scores(
        self,
        world: World,
        pool: Pool,
        keys: list[str],
        donors: Mapping[str, str] | None = None,
        told: Told | None = None,
    ) -> Tensor:
        """Scores (n, k) in nats; with worthless names in training and in asking, if given."""
        if told is None:
            return super().scores(world, pool, keys, donors)
        if id(told) not in self.state:  # the sum with names asks for the same again
            self.state[id(told)] = self.named(world, told).fit(world, world.pools["train"])
        return self.state[id(told)].scores(world, pool, keys, donors)


def node_vectors(encoder, world: World, told: Told) -> Tensor:
    """Unit vectors (nodes, d) of the names of classes, and of what is above them."""
    own = {id: key for key, id in world.concepts.items()}
    order = Adjacency.of(world.graph, relations="is-a").concepts
    texts = [told.names[own[id]] if id in own else told.above[id] for id in order]
    return encoder.encode_texts(texts).vectors.float()


@dataclass
class Sum:
    """A row of words and a learned one: their logits added. Only what is learned is changed."""

    words: WordRow
    learned: LearnedRow

    @property
    def name(self) -> str:
        return f"{self.words.name} + {self.learned.name}"

    @property
    def controls(self) -> tuple[str, ...]:
        return self.learned.controls

    @property
    def rival(self) -> str:
        return f"{self.words.name} + {self.learned.rival}"

    @property
    def chosen(self) -> dict[str, object]:
        return self.learned.chosen

    def scores(
        self,
        world: World,
        pool: Pool,
        keys: list[str],
        donors: Mapping[str, str] | None = None,
        told: Told | None = None,
    ) -> Tensor:
        """Logits (n, k) in nats."""
        learned = self.learned.scores(world, pool, keys, donors, told)
        return self.words.scores(world, pool, keys) + learned


def joint_row(world: World) -> LearnedRow:
    """`JointEmbedding` trained on the base pictures; its parameters and sharpness are its own."""
    pool = world.pools["train"]
    labels = [world.concepts[key] for key in pool.keys.tolist()]
    made = JointEmbedding.train(world.graph, pool.features, labels)
    about = made.about
    method = ContrastiveEmbedding(
        about["penalty"], about["steps"], made.inputs.widths, made.fitted.weights, about["seed"]
    )
    return LearnedRow(
        "JointEmbedding",
        method,
        "as it is",
        made.sharpness,
        fitted=made.fitted,
        state={"inputs": made.inputs, "mean": None},
    )


def classical_rows(encoder, world: World, methods: tuple[str, ...] = METHODS) -> list[LearnedRow]:
    """Each classical method, chosen on held-out base classes; not fitted to all of them yet."""
    adjacency = Adjacency.of(world.graph, relations="is-a")
    links = torch.from_numpy(adjacency.normalised("row", self_loops=True).toarray()).float()
    nodes = node_vectors(encoder, world, world.told)
    grids = {
        "DAP": ("strengths", [DirectAttributePrediction(p) for p in POWERS[:4]]),
        "ESZSL": ("centred", [ESZSL(g, la) for g in POWERS for la in POWERS]),
        "SAE": (
            "centred",
            [
                SemanticAutoencoder(b, p, side)
                for b in (0.0, 0.5, 1.0)
                for p in POWERS
                for side in ("classes", "pictures")
            ],
        ),
        "DeViSE": ("centred", [DeViSE(steps=s) for s in (50, 100, 200)]),
        "GraphRegression": (
            "nodes",
            [GraphRegression(nodes, links, hidden=256, penalty=p) for p in POWERS],
        ),
    }
    found = []
    for name in methods:
        inputs, grid = grids[name]
        row = LearnedRow(name, grid[0], inputs)
        if inputs == "nodes":
            controls = ("swapped", "scrambled", "swapped in training")
            row = GraphRow(name, grid[0], inputs, controls=controls, encoder=encoder)
        x, y, keys = row.read(world, world.pools["train"])
        rows = row.classes(world, keys)
        row.method = choose(grid, x, y, rows, folds=FOLDS).best
        row.worth = sharpest(held_out_scores(row.method, x, y, rows, folds=FOLDS))
        found.append(row)
    return found
