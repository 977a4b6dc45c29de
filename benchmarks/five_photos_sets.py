"""Base classes by words, novel ones by a few photos: pictures, draws and libraries made of them.

Flowers: photos and questions come from one pool of each novel class, never the same picture.
Groceries: photos are from train and val, questions from test, which are other shops; a novel class
without test pictures cannot be asked about and is left out.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from knowledge_sets import listed, world
from torch import Tensor

from fewshot import Background
from fgmm.library.collection import Collection
from fgmm.library.photos import Photos
from fgmm.library.species import Species
from fgmm.prompts import class_matrix
from fgmm.recognition.scorer import Scorer
from fgmm.scoring import Reading

__all__ = ["SETS", "Draw", "Scene", "collect", "draw", "recognise", "scene"]

SETS = ("flowers", "grocery")


@dataclass(frozen=True)
class Scene:
    """Pictures of a set: test pictures of base classes, and all of novel ones.

    Parameters
    ----------
    data : str
    names : tuple of k str
        Base classes first.
    n_base : int
    texts : Tensor of shape (k, d_joint)
        Unit rows.
    scale : float
        What turns a cosine with a text into a logit.
    joint, features : Tensor of shape (n, d_joint) and (n, d)
        Unit rows of both layers.
    labels : ndarray of shape (n,)
        Rows of ``names``.
    may_give, may_ask : ndarray of shape (n,), bool
        Novel pictures a library may be given, and pictures that may be asked about.
    joint_background, background : Background
        Of the two layers.
    left_out : tuple of str
        Novel classes without a picture to ask about.
    """

    data: str
    names: tuple[str, ...]
    n_base: int
    texts: Tensor
    scale: float
    joint: Tensor
    features: Tensor
    labels: np.ndarray
    may_give: np.ndarray
    may_ask: np.ndarray
    joint_background: Background
    background: Background
    left_out: tuple[str, ...] = ()

    @property
    def novel(self) -> range:
        """Rows of the novel classes."""
        return range(self.n_base, len(self.names))

    @property
    def reading(self) -> Reading:
        return Reading(self.scale, 0.0, "softmax")


@dataclass(frozen=True)
class Draw:
    """Photos that are given, a row for each novel class, and the pictures that are asked about."""

    photos: np.ndarray
    asked: np.ndarray


def draw(given: Scene, shots: int, seed: int) -> Draw:
    """Draw photos of every novel class; what is drawn is not asked about."""
    rng = np.random.default_rng(seed)
    pools = [np.flatnonzero(given.may_give & (given.labels == c)) for c in given.novel]
    photos = np.stack([rng.choice(pool, shots, replace=False) for pool in pools])
    rest = given.may_ask.copy()
    rest[photos.ravel()] = False
    return Draw(photos, np.flatnonzero(rest))


def scene(encoder, data: str, cache: Path | None) -> Scene:
    """Read a set; vectors come from the cache where it has them."""
    found = world(encoder, data, cache)
    test, novel = found.pools["test"], found.pools["novel"]
    in_test = np.ones(len(novel.keys), bool)
    if data == "grocery":
        in_test = np.array(["test" in path.parts for path, _ in listed(data, "novel")])
    asked = sorted(set(novel.keys[in_test].tolist()))
    keep = np.flatnonzero(np.isin(novel.keys, asked))
    keys = [*test.classes, *asked]
    place = {key: row for row, key in enumerate(keys)}
    rows = torch.from_numpy(keep)
    own = np.zeros(len(test.keys), bool)
    gives = np.ones(len(keep), bool) if data == "flowers" else ~in_test[keep]
    return Scene(
        data,
        tuple(found.told.names[key] for key in keys),
        len(test.classes),
        class_matrix(encoder, [found.told.names[key] for key in keys]).matrix.vectors.float(),
        float(encoder.logit_scale),
        torch.cat([test.joint.vectors, novel.joint.vectors[rows]]),
        torch.cat([test.features.vectors, novel.features.vectors[rows]]),
        np.array([place[key] for key in [*test.keys, *novel.keys[keep]]]),
        np.concatenate([own, gives]),
        np.concatenate([~own, in_test[keep]]),
        encoder.background("joint"),
        encoder.background("features"),
        tuple(sorted(set(novel.classes) - set(asked))),
    )


def collect(given: Scene, classes: list[int], photos: dict[int, np.ndarray]) -> Collection:
    """Make a library of some classes, with the rows of photos each has."""
    width = given.joint.shape[1] + given.features.shape[1]
    species = {}
    for c in classes:
        rows = torch.from_numpy(photos.get(c, np.empty(0, np.int64)))
        both = torch.cat([given.joint[rows], given.features[rows]], 1) / math.sqrt(2)
        digests = [hashlib.sha256(str(row).encode()).hexdigest() for row in rows.tolist()]
        own = Photos(both.numpy(), digests) if len(rows) else Photos.none(width)
        species[f"s{c}"] = Species(f"s{c}", given.names[c], photos=own)
    return Collection("benchmark", width, "tiny", species)


def recognise(
    given: Scene, classes: list[int], photos: dict[int, np.ndarray], *, words: bool = True
) -> Scorer:
    """Make the scorer of such a library, as `Recognizer` would."""
    library, width = collect(given, classes, photos), given.joint.shape[1]
    if not words:
        return Scorer.of(library, background=given.background, joint_dim=width)
    return Scorer.of(
        library,
        given.texts[classes],
        given.reading,
        given.background,
        joint_background=given.joint_background,
        joint_dim=width,
    )
