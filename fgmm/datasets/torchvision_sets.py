"""torchvision's datasets, by name: from files that are there, fetched only when asked for."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

from fgmm.datasets.labelled import LabelledImages
from fgmm.errors import DatasetError

__all__ = ["TORCHVISION_SETS", "read_torchvision"]

# name -> (arguments of the support's part, arguments of the queries' part or None for one pool)
TORCHVISION_SETS: dict[str, tuple[tuple[dict[str, Any], ...], dict[str, Any] | None]] = {
    "FGVCAircraft": (({"split": "trainval"},), {"split": "test"}),
    "Flowers102": (({"split": "train"}, {"split": "val"}), {"split": "test"}),
    "INaturalist": (({"version": "2021_valid"},), None),
    "Omniglot": (({"background": False},), None),
    "OxfordIIITPet": (({"split": "trainval"},), {"split": "test"}),
    "StanfordCars": (({"split": "train"},), {"split": "test"}),
}
_CONCEPTS = {"FGVCAircraft": "aircraft", "Flowers102": "flower", "StanfordCars": "car"}


def read_torchvision(name: str, root: Path, *, download: bool = False) -> LabelledImages:
    """Read a dataset of torchvision.

    Parameters
    ----------
    name : str
        FGVCAircraft, Flowers102, INaturalist, Omniglot, OxfordIIITPet or StanfordCars.
    root : Path
        As torchvision takes it: its folder ``flowers-102`` and the like are in there.
    download : bool, default=False
        Let torchvision fetch it into ``root``. StanfordCars cannot be fetched any more, by
        anyone.

    Returns
    -------
    LabelledImages
        Support from the published training part (train and validation), queries from its test
        part. Omniglot's evaluation alphabets and INaturalist's ``2021_valid`` (10 pictures a
        species) are one pool each. Words are of kind ``"name"``; Omniglot has none.

    Raises
    ------
    DatasetError
        If there is no such dataset, it is not in ``root``, or cannot be fetched.
    """
    if name not in TORCHVISION_SETS:
        near = difflib.get_close_matches(name.lower(), [n.lower() for n in TORCHVISION_SETS], 1)
        hint = next((f"; did you mean {n}?" for n in TORCHVISION_SETS if n.lower() in near), "")
        raise DatasetError(f"{name!r} is none of {', '.join(TORCHVISION_SETS)}{hint}")
    shown, asked = TORCHVISION_SETS[name]
    parts = [_read_part(name, root, download, arguments) for arguments in shown]
    names = parts[0][1]
    support = [item for items, _ in parts for item in items]
    query = _read_part(name, root, download, asked)[0] if asked else []
    return LabelledImages(
        name,
        [path for path, _ in support],
        tuple(label for _, label in support),
        [path for path, _ in query] or None,
        tuple(label for _, label in query) or None,
        texts={"name": names} if names else {},
        concept=_CONCEPTS.get(name),
    )


def _read_part(
    name: str, root: Path, download: bool, arguments: dict[str, Any]
) -> tuple[list[tuple[Path, str]], dict[str, str]]:
    """Give paths with labels, and the words of every label; pictures are not decoded."""
    part = _open(name, root, download, arguments)
    items: list[tuple[Path, int]]
    if name == "OxfordIIITPet":  # the one that has no loader to set
        items = list(zip(part._images, part._labels, strict=True))
    else:
        items = [part[at] for at in range(len(part))]
    found = [(Path(path), int(number)) for path, number in items]
    if name == "Omniglot":
        return sorted((path, "/".join(path.parts[-3:-1])) for path, _ in found), {}
    classes = part.all_categories if name == "INaturalist" else part.classes
    if name == "INaturalist":  # "00004_Animalia_..._Lumbricus_terrestris"
        classes = [" ".join(folder.split("_")[-2:]) for folder in classes]
    if len(set(classes)) < len(classes):
        classes = [f"{at:05d} {words}" for at, words in enumerate(classes)]
    return sorted((path, classes[number]) for path, number in found), {c: c for c in classes}


def _open(name: str, root: Path, download: bool, arguments: dict[str, Any]) -> Any:
    from torchvision import datasets

    if not download and not root.is_dir():
        raise DatasetError(f"{name}: there is no folder {root}")
    more = {} if name == "OxfordIIITPet" else {"loader": os.fspath}
    try:
        return getattr(datasets, name)(root, download=download, **arguments, **more)
    except TypeError as error:
        raise DatasetError(
            f"{name}: this torchvision is too old ({error}): pip install -U torchvision"
        ) from None
    except (RuntimeError, ValueError, OSError) as error:
        if download:
            raise DatasetError(f"{name} cannot be fetched into {root}: {error}") from error
        cure = (
            "it is not to be had from its makers any more; put it there"
            if name == "StanfordCars"
            else "pass --download (download=True) to fetch it, or name the folder it is in"
        )
        raise DatasetError(f"{name} is not in {root}, or not whole ({error}): {cure}") from error
