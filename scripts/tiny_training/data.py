"""The pictures `tiny` learns from, as one array per set.

Who may be seen follows one protocol: grocery classes with ``id % 4 == 0`` and flowers
with an Oxford id divisible by 3 are novel and never read here; neither are grocery's
test photos, flowers whose image number is divisible by 5, nor odd seeds of the field
guide. Grocery's val photos, tiny_imagenet's val pictures and flowers whose image number
is 1 modulo 20 steer the training: they are looked at, never learned from.
"""

from __future__ import annotations

import io
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image

from fgmm import fieldguide
from fgmm.fieldguide import FieldGuide
from tiny_training import studio
from tiny_training.pictures import PictureSet, packed, rules_key
from tiny_training.studio import paste_studio

__all__ = [
    "PictureSet",
    "field_guide",
    "flower_files",
    "flower_role",
    "grocery_files",
    "is_novel_flower",
    "is_novel_grocery",
    "load_sets",
]

SIDE = 160
# whoever decides what a packed picture looks like: a change of one of these packs anew
PACKERS = (
    Path(__file__),
    Path(studio.__file__),
    *sorted(Path(fieldguide.__file__).parent.glob("*.py")),
)


def is_novel_grocery(class_id: int) -> bool:
    """Whether nothing shipped has seen a picture of this grocery class."""
    return class_id % 4 == 0


def is_novel_flower(oxford_id: int) -> bool:
    """Whether nothing shipped has seen a picture of this flower."""
    return oxford_id % 3 == 0


def flower_role(path: Path) -> Literal["novel", "test", "steer", "train"]:
    """What a photo of a flower is for, by its folder (Oxford id) and image number."""
    number = int(path.stem.split("_")[-1])
    if is_novel_flower(int(path.parent.name)):
        return "novel"
    if number % 5 == 0:
        return "test"
    return "steer" if number % 20 == 1 else "train"


def square(image: Image.Image, side: int = SIDE) -> np.ndarray:
    """The centre square of a picture, as evaluation crops it."""
    image = image.convert("RGB")
    edge = min(image.size)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    image = image.crop((left, top, left + edge, top + edge))
    if edge != side:
        image = image.resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(image)


def _pack(name: str, files: list[tuple[Path, str]]) -> PictureSet:
    classes = tuple(dict.fromkeys(label for _, label in files))
    index = {label: i for i, label in enumerate(classes)}
    pixels = np.stack([square(Image.open(path)) for path, _ in files])
    labels = np.array([index[label] for _, label in files])
    return _as_set(name, pixels, labels, classes)


def _as_set(
    name: str, pixels: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]
) -> PictureSet:
    pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    return PictureSet(name, pictures, torch.from_numpy(labels).long(), classes)


def grocery_files(
    root: Path, splits: tuple[str, ...], *, novel: bool = False
) -> list[tuple[Path, str]]:
    """Photos of base classes with their class; of novel ones where a benchmark asks for them."""
    names = {
        c["name"]
        for c in json.loads((root / "classes.json").read_text())
        if is_novel_grocery(c["id"]) == novel
    }
    return [
        (path, name)
        for split in splits
        for name in sorted(names)
        for path in sorted((root / split / name).glob("*.jpg"))
    ]


def flower_files(root: Path, *, steer: bool) -> list[tuple[Path, str]]:
    """Photos of base flowers to train on, or to steer by, with their class."""
    wanted = "steer" if steer else "train"
    found = sorted((root / "images").glob("*/*.jpg"))
    return [(path, path.parent.name) for path in found if flower_role(path) == wanted]


def general(root: Path, split: str) -> PictureSet:
    import pyarrow.parquet as pq

    table = pq.read_table(root / f"{split}.parquet")
    classes = tuple(json.loads((root / "words.json").read_text()))
    index = {wnid: i for i, wnid in enumerate(classes)}
    pixels = np.stack(
        [np.asarray(Image.open(io.BytesIO(b)).convert("RGB")) for b in table["image"].to_pylist()]
    )
    labels = np.array([index[w] for w in table["wnid"].to_pylist()])
    return _as_set("general", pixels, labels, classes)


def grocery_train(data: Path, copies: int = 15) -> PictureSet:
    """Shop photos of base classes, and their studio pictures laid on photos of flowers."""
    root = data / "grocery"
    shop = _pack("grocery", grocery_files(root, ("train",)))
    photos = shop.pictures.permute(0, 2, 3, 1).numpy()
    files = [root / "iconic" / f"{name}.jpg" for name in shop.classes]
    flowers = [path for path, _ in flower_files(data / "flowers", steer=False)[::8]]
    grounds = np.stack([square(Image.open(path)) for path in flowers])
    studio = paste_studio(files, grounds, SIDE, copies)
    labels = np.repeat(np.arange(len(files)), copies)
    both = np.concatenate([photos, studio])
    return _as_set("grocery", both, np.concatenate([shop.labels.numpy(), labels]), shop.classes)


def _draw_species(job: tuple[str, tuple[int, ...]]) -> np.ndarray:
    name, seeds = job
    guide = FieldGuide()
    return np.stack([np.asarray(guide.draw(name, seed, SIDE).image) for seed in seeds])


def field_guide(seeds: tuple[int, ...]) -> PictureSet:
    guide = FieldGuide()
    classes = tuple(s.name for s in guide.base)
    with ProcessPoolExecutor() as pool:
        drawn = list(pool.map(_draw_species, [(name, seeds) for name in classes], chunksize=8))
    labels = np.repeat(np.arange(len(classes)), len(seeds))
    return _as_set("birds", np.concatenate(drawn), labels, classes)


def load_sets(
    data: Path, cache: Path, birds_per_species: int = 80
) -> tuple[list[PictureSet], list[PictureSet]]:
    """All training sets and the sets that steer, packed once into ``cache``.

    Returns
    -------
    train, steer : list of PictureSet
    """
    cache.mkdir(parents=True, exist_ok=True)
    rules = rules_key(PACKERS, str(data.resolve()), birds_per_species)
    makers = {
        "general": lambda: general(data / "tiny_imagenet_32", "train"),
        "grocery": lambda: grocery_train(data),
        "flowers": lambda: _pack("flowers", flower_files(data / "flowers", steer=False)),
        "birds": lambda: field_guide(tuple(range(0, 2 * birds_per_species, 2))),
        "general-val": lambda: general(data / "tiny_imagenet_32", "val"),
        "grocery-val": lambda: _pack("grocery", grocery_files(data / "grocery", ("val",))),
        "flowers-val": lambda: _pack("flowers", flower_files(data / "flowers", steer=True)),
    }
    sets = {
        name: packed(cache / f"{name}-{rules}.npz", name.removesuffix("-val"), make)
        for name, make in makers.items()
    }
    steer = [_relabel(sets[f"{n}-val"], sets[n].classes) for n in ("general", "grocery", "flowers")]
    return [sets[n] for n in ("general", "grocery", "flowers", "birds")], steer


def _relabel(found: PictureSet, classes: tuple[str, ...]) -> PictureSet:
    index = torch.tensor([classes.index(c) for c in found.classes])
    return PictureSet(found.name, found.pictures, index[found.labels], classes)
