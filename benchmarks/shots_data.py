"""Novel classes as features of the joint layer, under several wordings, kept in one file.

Groceries are shown in some shops (train and val) and asked about in others (test); flowers
and field-guide species are one pool each. A *scene* is a set under one wording.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tiny_data import DATA, flowers, grocery, typed_names
from tiny_words import scramble

import fgmm
from fewshot import Words
from fgmm.fieldguide import FieldGuide
from fgmm.prompts import class_matrix

__all__ = ["SETS", "Scene", "atypical", "joint", "scenes"]

SETS = ("grocery", "flowers", "field guide")
DRAWINGS = 30  # of each species, odd seeds: nothing shipped was trained on one


@dataclass(frozen=True)
class Scene:
    """Pictures, what each is called, and what the words say; ``query`` is None in one pool."""

    data: str
    wording: str
    features: torch.Tensor
    labels: np.ndarray
    query: torch.Tensor | None
    query_labels: np.ndarray | None
    words: Words

    @property
    def naming(self) -> tuple[str, int]:
        """Equal where pictures and labels are: heads without words need no second run."""
        return self.data, len(set(self.labels.tolist()))


def listings(data: str) -> dict[str, list[tuple[object, str]]]:
    """Pictures and their fine class: pool -> pairs of a file, or (species, seed), and a key."""
    if data == "grocery":
        return {
            "support": grocery(DATA, "train", "val", novel=True),
            "query": grocery(DATA, "test", novel=True),
        }
    if data == "flowers":
        return {"support": flowers(DATA, "novel")}
    seeds = [2 * i + 1 for i in range(DRAWINGS)]
    return {"support": [((s.name, i), s.name) for s in FieldGuide().novel for i in seeds]}


def joint(encoder, data: str, cache: Path | None) -> dict[str, tuple[torch.Tensor, np.ndarray]]:
    """Unit vectors and keys of every pool of a set, from the cache where it has them.

    What is kept belongs to one encoder space and one list of pictures; of another, it is
    computed again and replaced.
    """
    kept: dict[str, torch.Tensor] = {}
    told: dict[str, str] = {}
    if cache is not None and cache.is_file():
        with safe_open(cache, "pt") as stored:
            told = dict(stored.metadata() or {})
            kept = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    found, new = {}, False
    for pool, listed in listings(data).items():
        name = f"{data} {pool}"
        mark = f"{encoder.space} {hashlib.sha256(repr(listed).encode()).hexdigest()[:16]}"
        if told.get(name) != mark:
            kept[name], told[name], new = _encode(encoder, listed), mark, True
        found[pool] = kept[name], np.array([key for _, key in listed])
    if new and cache is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)
        save_file(kept, cache, told)
    return found


def _encode(encoder, listed: list[tuple[object, str]]) -> torch.Tensor:
    guide = FieldGuide()
    sources = (
        p if isinstance(p, Path) else guide.draw(guide.find(p[0]), seed=p[1]).image
        for p, _ in listed
    )
    found = fgmm.embed_images(sources, encoder=encoder, layer="joint", batch_size=64)
    if found.failures:
        raise SystemExit(f"unreadable pictures: {found.failures[:3]}")
    return found.vectors


def wordings(data: str) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Wording -> fine key to label, and label to text.

    Letters are shuffled within each word, once: one draw of worthless words.
    """
    if data == "field guide":
        texts = {s.name: s.name for s in FieldGuide().novel}
    else:
        keys = {key for pool in listings(data).values() for _, key in pool}
        texts = {key: typed_names(DATA)[data][key] for key in sorted(keys)}
    same, rng = {key: key for key in texts}, random.Random(2)
    found = {"name": (same, texts)}
    if data == "grocery":
        entries = json.loads((DATA / "grocery" / "classes.json").read_text())
        coarse = {e["name"]: e["coarse"] for e in entries if e["name"] in texts}
        told = {c: c.replace("-", " ") for c in sorted(set(coarse.values()))}
        found["coarse name"] = (coarse, told)
    if data == "field guide":
        found["sentence"] = (same, {s.name: s.sentence for s in FieldGuide().novel})
    found["scrambled"] = (same, {key: scramble(text, rng) for key, text in texts.items()})
    return found


def scenes(encoder, data: str, cache: Path | None) -> list[Scene]:
    """Every wording of a set."""
    pools = joint(encoder, data, cache)
    made = []
    for wording, (label_of, texts) in wordings(data).items():
        labels = {
            pool: np.array([label_of[k] for k in keys.tolist()])
            for pool, (_, keys) in pools.items()
        }
        told = {label: texts[label] for label in sorted(texts)}  # rows as `evaluate` wants them
        words = Words(
            class_matrix(encoder, told).matrix.vectors.float(),
            float(encoder.logit_scale),
            float(encoder.logit_bias),
            encoder.scoring,
        )
        query = pools["query"][0] if "query" in pools else None
        made.append(
            Scene(
                data,
                wording,
                pools["support"][0],
                labels["support"],
                query,
                labels.get("query"),
                words,
            )
        )
    return made


def atypical(scene: Scene, shots: int, share: float = 0.25) -> Scene:
    """The same scene shown by its least typical photos only.

    In each class the ``share`` of support photos (at least ``shots``) furthest from the mean
    direction of the class are the support pool. Where queries share the pool they come from
    the photos that are left.
    """
    far = np.zeros(len(scene.labels), bool)
    for label in np.unique(scene.labels):
        rows = np.flatnonzero(scene.labels == label)
        x = scene.features[torch.from_numpy(rows)]
        near = (x @ x.mean(0)).numpy()
        far[rows[np.argsort(near)[: max(shots, int(share * len(rows)))]]] = True
    shown, left = (torch.from_numpy(np.flatnonzero(m)) for m in (far, ~far))
    own = scene.query is None
    return Scene(
        scene.data,
        scene.wording,
        scene.features[shown],
        scene.labels[far],
        scene.features[left] if own else scene.query,
        scene.labels[~far] if own else scene.query_labels,
        scene.words,
    )
