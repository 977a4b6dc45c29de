"""A set of pictures, and how a packed one is kept on disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

__all__ = ["PictureSet", "packed", "rules_key"]


@dataclass(frozen=True)
class PictureSet:
    """Pictures of one source; ``labels`` index ``classes``.

    ``pictures`` is (n, 3, side, side) uint8; ``classes`` are keys into the phrases.
    """

    name: str
    pictures: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


def rules_key(sources: Iterable[Path], *settings: object) -> str:
    """Name the rules that pictures are packed by: the text of the code, and its settings."""
    digest = hashlib.sha256(repr(settings).encode())
    for source in sources:
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()[:12]


def packed(path: Path, name: str, make: Callable[[], PictureSet]) -> PictureSet:
    """Read a set from ``path``, making and writing it first where it is not there.

    The file appears under its name when it is whole. Nobody reads what a broken-off run or
    another one at work has written so far: that has a name of its own.
    """
    if not path.exists():
        made, half = make(), path.with_name(f".{path.stem}-{os.getpid()}.npz")
        try:
            np.savez(half, x=made.pictures.numpy(), y=made.labels.numpy(), c=np.array(made.classes))
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)
    with np.load(path) as stored:
        pictures, labels = torch.from_numpy(stored["x"]), torch.from_numpy(stored["y"])
        return PictureSet(name, pictures, labels, tuple(str(c) for c in stored["c"]))
