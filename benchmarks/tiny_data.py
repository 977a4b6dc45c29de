"""Pictures and words the accuracy of an encoder is measured on; the split of `tiny`'s training.

The rules of who is novel, test or steering are imported from there, not written again.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import fgmm

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "scripts"))

from tiny_training.data import flower_role, grocery_files  # noqa: E402
from tiny_training.phrases import flower_texts, typed_names  # noqa: E402

__all__ = ["DATA", "Pool", "descriptions", "embed", "flowers", "grocery", "typed_names"]

DATA = Path(os.environ.get("FGMM_DATA", ROOT.parent / "shared" / "data"))


@dataclass(frozen=True)
class Pool:
    """Pictures as unit vectors of both layers, and the key of each one's class."""

    joint: fgmm.Embeddings
    features: fgmm.Embeddings
    keys: np.ndarray

    @property
    def classes(self) -> list[str]:
        """Keys of the classes that have a picture, sorted."""
        return sorted(set(self.keys.tolist()))


def embed(encoder, listed: list[tuple[Path, str]]) -> Pool:
    """Encode (file, class) pairs; a picture that cannot be read ends the benchmark."""
    layers = [
        fgmm.embed_images([p for p, _ in listed], encoder=encoder, layer=x, batch_size=64)
        for x in ("joint", "features")
    ]
    if layers[0].failures:
        raise SystemExit(f"unreadable pictures: {layers[0].failures[:3]}")
    return Pool(*layers, np.array([key for _, key in listed]))


def grocery(data: Path, *splits: str, novel: bool) -> list[tuple[Path, str]]:
    """Photos of groceries of some of the published splits, with their class."""
    return grocery_files(data / "grocery", splits, novel=novel)


def flowers(data: Path, role: str) -> list[tuple[Path, str]]:
    """Photos of flowers that are "train", "steer", "test" (all base) or "novel"."""
    found = sorted((data / "flowers" / "images").glob("*/*.jpg"))
    return [(path, path.parent.name) for path in found if flower_role(path) == role]


def descriptions(data: Path) -> dict[str, dict[str, str]]:
    """One description of every class: set -> class key -> text.

    Of groceries the first two sentences of the product's description, of flowers a line on
    colours, form and marks.
    """
    entries = json.loads((data / "grocery" / "classes.json").read_text())
    return {
        "grocery": {
            e["name"]: " ".join(re.split(r"(?<=[.!])\s+", e["description"])[:2]) for e in entries
        },
        "flowers": {key: found.details[0] for key, found in flower_texts(data).items()},
    }
