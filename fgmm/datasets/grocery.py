"""The Grocery Store Dataset: photos from shops, queries from other shops than the support."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fgmm.datasets.folder import plain_words
from fgmm.datasets.labelled import LabelledImages
from fgmm.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from fgmm.datasets.registry import Classes

__all__ = ["is_novel_grocery", "read_grocery"]


def is_novel_grocery(class_id: int) -> bool:
    """Tell whether nothing shipped with fgmm has seen a picture of this class.

    Parameters
    ----------
    class_id : int
        As in ``classes.json``, from 0.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_novel_grocery(4), is_novel_grocery(5)
    (True, False)
    """
    return class_id % 4 == 0


def read_grocery(root: Path, classes: Classes = "novel") -> LabelledImages:
    """Read the novel or the base classes.

    Parameters
    ----------
    root : Path
        Holds ``classes.json`` and the folders ``train``, ``val`` and ``test``, each with a
        folder of photos for every class.
    classes : {"novel", "base"}, default="novel"
        Novel are the 21 whose id is divisible by 4.

    Returns
    -------
    LabelledImages
        Support from ``train`` and ``val``, queries from ``test``, which was taken in other
        shops. Words are of kind ``"name"`` ("Golden Delicious") or ``"coarse"`` ("apple").

    Raises
    ------
    DatasetError
        If the files are not there.

    References
    ----------
    Klasson, Zhang, Kjellström: A hierarchical grocery store image dataset with visual and
    semantic labels. WACV 2019.
    """
    about = root / "classes.json"
    if not about.is_file():
        raise DatasetError(f"grocery: there is no {about}")
    entries = json.loads(about.read_text(encoding="utf-8"))
    wanted = {
        e["name"]: plain_words(e["coarse"]).lower()
        for e in entries
        if is_novel_grocery(e["id"]) == (classes == "novel")
    }
    shown, labels = _photos(root, ("train", "val"), sorted(wanted))
    asked, answers = _photos(root, ("test",), sorted(wanted))
    if not shown or not asked:
        empty = root / ("test" if shown else "train")
        raise DatasetError(f"grocery: there is no photo of the {classes} classes in {empty}")
    return LabelledImages(
        f"grocery, {classes} classes",
        shown,
        labels,
        asked,
        answers,
        texts={"name": {name: plain_words(name) for name in wanted}, "coarse": wanted},
    )


def _photos(
    root: Path, splits: tuple[str, ...], names: list[str]
) -> tuple[list[Path], tuple[str, ...]]:
    found = [
        (path, name)
        for split in splits
        for name in names
        for path in sorted((root / split / name).glob("*.jpg"))
    ]
    return [path for path, _ in found], tuple(name for _, name in found)
