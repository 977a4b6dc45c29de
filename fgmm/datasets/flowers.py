"""Oxford flowers, in folders by Oxford id."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fgmm.datasets.labelled import LabelledImages
from fgmm.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from fgmm.datasets.registry import Classes

__all__ = ["is_novel_flower", "read_flowers"]

_TEST = 5  # of base flowers every fifth image number is test


def is_novel_flower(oxford_id: int) -> bool:
    """Tell whether nothing shipped with fgmm has seen a picture of this flower.

    Parameters
    ----------
    oxford_id : int
        From 1 to 102.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_novel_flower(51), is_novel_flower(52)
    (True, False)
    """
    return oxford_id % 3 == 0


def read_flowers(root: Path, classes: Classes = "novel") -> LabelledImages:
    """Read the novel or the base flowers.

    Parameters
    ----------
    root : Path
        Holds ``cat_to_name.json`` and ``images/<Oxford id>/image_<number>.jpg``.
    classes : {"novel", "base"}, default="novel"
        Novel are those whose Oxford id is divisible by 3.

    Returns
    -------
    LabelledImages
        Novel flowers are one pool. Of base flowers, queries are photos whose image number is
        divisible by 5, on which nothing shipped was trained. Words are of kind ``"name"``.

    Raises
    ------
    DatasetError
        If the files are not there.

    References
    ----------
    Nilsback, Zisserman: Automated flower classification over a large number of classes. 2008.
    """
    about = root / "cat_to_name.json"
    if not about.is_file():
        raise DatasetError(f"flowers: there is no {about}")
    named = json.loads(about.read_text(encoding="utf-8"))
    paths = [
        path
        for path in sorted((root / "images").glob("*/*.jpg"))
        if is_novel_flower(int(path.parent.name)) == (classes == "novel")
    ]
    if not paths:
        raise DatasetError(f"flowers: there is no photo of the {classes} ones in {root / 'images'}")
    test = [classes == "base" and _number(path) % _TEST == 0 for path in paths]
    shown = [path for path, held in zip(paths, test, strict=True) if not held]
    asked = [path for path, held in zip(paths, test, strict=True) if held]
    return LabelledImages(
        f"flowers, {classes} classes",
        shown,
        tuple(path.parent.name for path in shown),
        asked or None,
        tuple(path.parent.name for path in asked) or None,
        texts={"name": {p.parent.name: named[str(int(p.parent.name))] for p in paths}},
        concept="flower",
    )


def _number(path: Path) -> int:
    return int(path.stem.rpartition("_")[2])
