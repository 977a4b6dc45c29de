"""Groceries, flowers and drawn birds with what a graph knows of them, pictures kept in one file.

Base classes have pictures to learn from ("train"), to choose by ("steer") and to be tested on
("test"); novel classes have pictures to be asked about and nothing else ("novel"). The roles are
those of `tiny`'s training; of the field guide all seeds are odd, so the encoder saw none of them.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tiny_data import DATA, Pool, descriptions, flowers, grocery, typed_names
from tiny_words import scramble

import fgmm
import fgmm.fieldguide
import knowledge
from fgmm.fieldguide import FieldGuide

__all__ = ["SETS", "Told", "World", "part_of", "pools", "ring", "world"]

SETS = ("flowers", "grocery", "field guide")
ROLES = ("train", "steer", "test", "novel")
WORDS = {"flowers": "flower", "grocery": "grocery product", "field guide": "bird"}
SEEDS = {"train": (1, 20), "steer": (31, 36), "test": (21, 30), "novel": (1, 20)}  # odd ones
SENTENCES = 3  # of attributes, at most 20 words each


@dataclass(frozen=True)
class Told:
    """What is said of the classes of a set, each by its key; ``above`` are names of groups."""

    names: dict[str, str]
    sentences: dict[str, list[str]]
    descriptions: dict[str, str]
    word: str
    above: dict[str, str] = field(default_factory=dict)

    def scrambled(self, seed: int) -> Told:
        """Every word with its letters shuffled: one draw of worthless words."""
        rng = random.Random(seed)
        return Told(
            {key: scramble(text, rng) for key, text in self.names.items()},
            {key: [scramble(s, rng) for s in every] for key, every in self.sentences.items()},
            {key: scramble(text, rng) for key, text in self.descriptions.items()},
            scramble(self.word, rng),
            {id: scramble(text, rng) for id, text in self.above.items()},
        )


@dataclass(frozen=True)
class World:
    """A set: its graph, the concept of each class, what is said of it, and its pictures."""

    data: str
    graph: knowledge.KnowledgeGraph
    concepts: dict[str, str]
    told: Told
    pools: dict[str, Pool]


def ring(keys: list[str], seed: int) -> dict[str, str]:
    """Whose knowledge each class gets: another's, along one random ring through all."""
    order = random.Random(seed).sample(sorted(keys), len(keys))
    return {key: order[i - 1] for i, key in enumerate(order)}


def part_of(pool: Pool, mask: np.ndarray) -> Pool:
    """Some pictures of a pool."""
    rows = torch.from_numpy(np.flatnonzero(mask))
    joint, features = (
        fgmm.Embeddings(e.vectors[rows], e.space) for e in (pool.joint, pool.features)
    )
    return Pool(joint, features, pool.keys[mask])


def listed(data: str, role: str) -> list[tuple[object, str]]:
    """A file, or (species, seed), and the key of its class."""
    if data == "flowers":
        return flowers(DATA, role)
    if data == "grocery":
        if role == "novel":  # nothing is learned from them, so every split is asked about
            return grocery(DATA, "train", "val", "test", novel=True)
        return grocery(DATA, {"steer": "val"}.get(role, role), novel=False)
    species = FieldGuide().novel if role == "novel" else FieldGuide().base
    return [((s.name, seed), s.name) for s in species for seed in range(*SEEDS[role], 2)]


def mark(encoder, pairs: list[tuple[object, str]]) -> str:
    """Equal where encoder and pictures are; a file by its place below the data."""
    told = [(str(p.relative_to(DATA)) if isinstance(p, Path) else p, k) for p, k in pairs]
    return f"{encoder.space} {hashlib.sha256(repr(told).encode()).hexdigest()[:16]}"


def pools(encoder, data: str, cache: Path | None) -> dict[str, Pool]:
    """Both layers of every role's pictures, from the cache where it has them."""
    kept: dict[str, torch.Tensor] = {}
    about: dict[str, str] = {}
    if cache is not None and cache.is_file():
        with safe_open(cache, "pt") as stored:
            about = dict(stored.metadata() or {})
            kept = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    found, new = {}, False
    for role in ROLES:
        pairs, name = listed(data, role), f"{data} {role}"
        if about.get(name) != mark(encoder, pairs):
            for layer, vectors in encode(encoder, pairs).items():
                kept[f"{name} {layer}"] = vectors
            about[name], new = mark(encoder, pairs), True
        layers = [
            fgmm.Embeddings(kept[f"{name} {layer}"], space)
            for layer, space in (
                ("joint", encoder.space),
                ("features", f"{encoder.space} features"),
            )
        ]
        found[role] = Pool(*layers, np.array([key for _, key in pairs]))
    if new and cache is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)
        save_file(kept, cache, about)
    return found


def encode(encoder, pairs: list[tuple[object, str]]) -> dict[str, torch.Tensor]:
    """Unit vectors of both layers; a picture that cannot be read ends the benchmark."""
    guide, found = FieldGuide(), {}
    for layer in ("joint", "features"):
        sources = (
            p if isinstance(p, Path) else guide.draw(guide.find(p[0]), seed=p[1]).image
            for p, _ in pairs
        )
        given = fgmm.embed_images(sources, encoder=encoder, layer=layer, batch_size=64)
        if given.failures:
            raise SystemExit(f"unreadable pictures: {given.failures[:3]}")
        found[layer] = given.vectors
    return found


def world(encoder, data: str, cache: Path | None) -> World:
    """Everything of a set."""
    if data == "field guide":
        graph, species = fgmm.fieldguide.graph(), FieldGuide().species
        names = {s.name: s.name for s in species}
        looks = {s.name: s.sentence for s in species}
    else:
        graph = knowledge.load_pack(data)
        names, looks = typed_names(DATA)[data], descriptions(DATA)[data]
    concepts = {key: graph.find(name).id for key, name in names.items()}
    sentences = {
        key: [s.text for s in knowledge.describe(graph, id, word=WORDS[data], count=SENTENCES)]
        for key, id in concepts.items()
    }
    own = set(concepts.values())
    above = {c.id: c.name for c in graph.concepts() if c.id not in own}
    told = Told(names, sentences, {key: looks[key] for key in names}, WORDS[data], above)
    return World(data, graph, concepts, told, pools(encoder, data, cache))
