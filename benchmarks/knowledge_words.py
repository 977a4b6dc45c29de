"""Rows of the table that nothing is learned for: class vectors from names and what is added.

A class vector is the direction of its name (the default templates) plus, of the same weight, the
direction of what is added. Nothing is chosen, but for how far names are spread over the tree.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from knowledge_sets import Told, World
from tiny_data import Pool
from torch import Tensor
from torch.nn.functional import normalize

from fgmm.prompts import class_matrix
from knowledge import Adjacency, propagate

__all__ = ["WordRow", "texts_alone", "word_rows"]

ALPHAS = (0.1, 0.3, 0.5)


class WordRow:
    """One wording.

    Parameters
    ----------
    encoder : Encoder
    name : str
        Of the row.
    added : tuple of {"word", "attributes", "descriptions", "tree"}
        What joins the name.
    with_name : bool
        Whether the name itself counts; without, only what is added.
    alpha : float
        Share of a class vector that comes from the tree.
    """

    def __init__(
        self,
        encoder,
        name: str,
        added: tuple[str, ...] = (),
        *,
        with_name: bool = True,
        alpha: float = 0.0,
    ) -> None:
        self.encoder, self.name, self.added = encoder, name, added
        self.with_name, self.alpha = with_name, alpha
        self.known: dict[tuple[int, str], Tensor] = {}
        # the word is the same for every class; the tree has no words of its own
        self.controls = {("word",): ("scrambled",), ("tree",): ("swapped",)}.get(
            added, ("swapped", "scrambled")
        )

    @property
    def chosen(self) -> dict[str, object]:
        return {"alpha": self.alpha} if "tree" in self.added else {}

    def scores(
        self,
        world: World,
        pool: Pool,
        keys: list[str],
        donors: Mapping[str, str] | None = None,
        told: Told | None = None,
    ) -> Tensor:
        """Logits (n, k): the encoder's scale times cosines.

        ``donors`` says whose knowledge a class gets, its own if not given. ``told`` are
        worthless words. Both are of what the row adds: a row of names alone changes its names,
        any other keeps them.
        """
        vectors = self.vectors(world, keys, donors, told)
        return float(self.encoder.logit_scale) * pool.joint.vectors @ vectors.T

    def vectors(
        self,
        world: World,
        keys: list[str],
        donors: Mapping[str, str] | None = None,
        told: Told | None = None,
    ) -> Tensor:
        """Unit vectors of the classes (k, d)."""
        said, own = told or world.told, donors or {}
        others = [own.get(key, key) for key in keys]
        if not self.added:
            return self.names(said, [said.names[o] for o in others])
        if self.added == ("word",):
            return self.names(world.told, [world.told.names[k] for k in keys], said.word)
        if self.added == ("tree",):
            return self.spread(world, keys, others)
        parts = [self.names(world.told, [world.told.names[k] for k in keys])] * self.with_name
        if "attributes" in self.added:
            parts.append(texts_alone(self.encoder, [said.sentences[o] for o in others]))
        if "descriptions" in self.added:
            parts.append(texts_alone(self.encoder, [[said.descriptions[o]] for o in others]))
        return normalize(torch.stack(parts).sum(0), dim=1)

    def names(self, told: Told, texts: list[str], word: str | None = None) -> Tensor:
        """Unit vectors of names in the default templates; what was encoded is kept."""
        shelf = (id(told), word or "")
        if shelf not in self.known:
            every = sorted(set(told.names.values()))
            self.known[shelf] = class_matrix(self.encoder, every, concept=word).matrix.vectors
        place = {text: row for row, text in enumerate(sorted(set(told.names.values())))}
        return self.known[shelf].float()[[place[text] for text in texts]]

    def spread(self, world: World, keys: list[str], places: list[str]) -> Tensor:
        """Names spread over the is-a relations, each class standing in the place of another.

        The other classes of the set stand there too: they are what a class is mixed with.
        """
        adjacency = Adjacency.of(world.graph, relations="is-a")
        stand = dict.fromkeys(world.concepts) | dict(zip(keys, places, strict=True))
        at = [world.concepts[stand[key] or key] for key in world.concepts]
        rows = torch.from_numpy(adjacency.rows(at))
        names = self.names(world.told, [world.told.names[key] for key in world.concepts])
        start = torch.zeros(len(adjacency.concepts), names.shape[1])
        start[rows] = names
        found = torch.from_numpy(propagate(adjacency, start.numpy(), alpha=self.alpha))
        row = dict(zip(world.concepts, rows.tolist(), strict=True))
        return normalize(found[[row[key] for key in keys]].float(), dim=1)


def texts_alone(encoder, texts: list[list[str]]) -> Tensor:
    """The mean direction of each class's texts, as they are; zeros where there is none."""
    unique = list(dict.fromkeys(text for each in texts for text in each))
    vectors = encoder.encode_texts(unique).vectors.float()
    place = {text: row for row, text in enumerate(unique)}
    return torch.stack(
        [
            normalize(vectors[[place[t] for t in each]].sum(0), dim=0)
            if each
            else vectors.new_zeros(vectors.shape[1])
            for each in texts
        ]
    )


def word_rows(encoder, world: World) -> list[WordRow]:
    """Every wording, names alone first."""
    steer = world.pools["steer"]
    spread = [WordRow(encoder, "names + tree", ("tree",), alpha=a) for a in ALPHAS]
    right = [accuracy(row, world, steer) for row in spread]
    return [
        WordRow(encoder, "names"),
        WordRow(encoder, "names + concept word", ("word",)),
        WordRow(encoder, "names + attributes", ("attributes",)),
        WordRow(encoder, "names + descriptions", ("descriptions",)),
        WordRow(encoder, "names + attributes + descriptions", ("attributes", "descriptions")),
        spread[right.index(max(right))],
        WordRow(encoder, "attributes", ("attributes",), with_name=False),
        WordRow(encoder, "descriptions", ("descriptions",), with_name=False),
    ]


def accuracy(row: WordRow, world: World, pool: Pool) -> float:
    """Share of a pool's pictures that are right, among the pool's classes."""
    best = row.scores(world, pool, pool.classes).argmax(1).tolist()
    return sum(
        pool.classes[b] == key for b, key in zip(best, pool.keys.tolist(), strict=True)
    ) / len(best)
