"""A folder of folders: each inner folder is a class, named by its folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from fgmm.datasets.labelled import LabelledImages
from fgmm.errors import DatasetError, ImageError
from fgmm.images import find_images

if TYPE_CHECKING:
    import os

__all__ = ["plain_words", "read_folder"]


def read_folder(path: str | os.PathLike[str]) -> LabelledImages:
    """Read a folder of folders.

    Parameters
    ----------
    path : path
        The pictures of a class, at any depth, lie in one folder in it. ImageNet's layout, that
        of CUB-200-2011's and Stanford Dogs' ``images`` too.

    Returns
    -------
    LabelledImages
        Labels are names of folders. Words (kind ``"name"``) are the same without a leading
        number or code ("001.Black_footed_Albatross", "n02085620-Chihuahua") and with spaces for
        underscores and hyphens.

    Raises
    ------
    DatasetError
        If there is no such folder, or fewer than two folders in it hold a picture.

    Examples
    --------
    >>> read_folder("no/such/folder")
    Traceback (most recent call last):
    fgmm.errors.DatasetError: there is no folder no/such/folder
    """
    folder = Path(path)
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {folder}")
    images: list[Path] = []
    labels: list[str] = []
    inside = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    for one in inside:
        found = list(_pictures(one))
        images += found
        labels += [one.name] * len(found)
    if len(set(labels)) < 2:
        raise DatasetError(
            f"{folder} holds {len(inside)} folders and {len(set(labels))} of them with pictures: "
            "give a folder with a folder of pictures for each class, two or more"
        )
    names = {label: plain_words(label) for label in labels}
    return LabelledImages(folder.name, images, tuple(labels), texts={"name": names})


def _pictures(folder: Path) -> list[Path]:
    try:
        return list(find_images(folder))
    except ImageError:  # nothing in it
        return []


def plain_words(label: str) -> str:
    """Read a folder's or file's name as words.

    Parameters
    ----------
    label : str

    Returns
    -------
    str
        The label itself where nothing is left of it.

    Examples
    --------
    >>> plain_words("001.Black_footed_Albatross"), plain_words("n02085620-Chihuahua")
    ('Black footed Albatross', 'Chihuahua')
    >>> plain_words("Golden-Delicious"), plain_words("042")
    ('Golden Delicious', '042')
    """
    code = re.match(r"(?:\d+|n\d{6,})[.\-_ ]+(?=\S)", label)
    words = label[code.end() :] if code else label
    return " ".join(re.split(r"[\s_\-]+", words)).strip() or label
