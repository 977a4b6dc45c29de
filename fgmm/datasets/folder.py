"""A folder of folders: each inner folder is a class, named by its folder."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from fgmm.datasets.labelled import LabelledImages
from fgmm.errors import DatasetError, ImageError
from fgmm.images import find_images
from fgmm.plurals import counted

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

__all__ = ["find_wordless", "plain_words", "read_folder"]

_log = logging.getLogger(__name__)


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
        underscores and hyphens. There are none if a name is a number or a code, such as
        "002": see `find_wordless`.

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
        found = _pictures(one)
        images += found
        labels += [one.name] * len(found)
    beside = len(_pictures(folder, recursive=False))
    if len(set(labels)) < 2:
        raise DatasetError(_too_few(folder, len(inside), len(set(labels)), beside))
    if beside:
        _log.warning(
            "left out: %s beside the folders in %s; only what lies in a folder has a class",
            counted(beside, "picture"),
            folder,
        )
    names = {label: plain_words(label) for label in labels}
    texts = {} if find_wordless(names) is not None else {"name": names}
    return LabelledImages(folder.name, images, tuple(labels), texts=texts)


def _too_few(folder: Path, inside: int, filled: int, beside: int) -> str:
    if beside and not inside:
        return (
            f"{folder} holds {counted(beside, 'picture')} and no folders: put each class into a "
            "folder of its own"
        )
    return (
        f"{folder} holds {counted(inside, 'folder')}, of which {filled} with pictures: give a "
        "folder with a folder of pictures for each class, two or more"
    )


def _pictures(folder: Path, *, recursive: bool = True) -> list[Path]:
    try:
        return list(find_images(folder, recursive=recursive))
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


def find_wordless(labels: Iterable[str]) -> str | None:
    """Find a label that is a number or a code, and says nothing in words.

    Parameters
    ----------
    labels : iterable of str

    Returns
    -------
    str or None
        The first without a letter, or of the form of WordNet's numbers.

    Examples
    --------
    >>> find_wordless(["001.Sooty_Tern", "7up"]), find_wordless(["tit", "002"])
    (None, '002')
    >>> find_wordless(["n02085620"])
    'n02085620'
    """
    for label in labels:
        words = plain_words(label)
        if not any(map(str.isalpha, words)) or re.fullmatch(r"n\d{6,}", words):
            return label
    return None
