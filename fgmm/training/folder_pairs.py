"""Pairs from a folder of pictures: captions beside them, or names of classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fgmm.datasets.folder import read_folder
from fgmm.errors import DatasetError, ImageError
from fgmm.images import find_images
from fgmm.plurals import counted
from fgmm.templates import check_concept, check_templates, texts_of
from fgmm.training.pairs import ListedPicture, Pair, Pairs

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from fgmm.datasets.labelled import LabelledImages
    from fgmm.templates import Templates

__all__ = ["pair_labelled", "read_captioned_folder", "read_folder_pairs"]


def read_folder_pairs(
    path: str | os.PathLike[str],
    *,
    templates: Templates | None = None,
    concept: str | None = None,
) -> Pairs:
    """Read a folder of pictures.

    Where a file ``tit.txt`` lies beside ``tit.jpg``, all pictures need one, and its lines are the
    picture's texts. Otherwise each folder in it is a class, and its name is what is said.

    Parameters
    ----------
    path : path
    templates, concept
        As in `fgmm.classify`; for names of classes.

    Returns
    -------
    Pairs

    Raises
    ------
    DatasetError
        If there is no such folder, no picture, or a picture without its captions.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {folder}")
    try:
        first = next(iter(find_images(folder)))
    except ImageError as error:
        raise DatasetError(str(error)) from error
    if any(image.with_suffix(".txt").is_file() for image in (first, *find_images(folder))):
        return read_captioned_folder(folder)
    return pair_labelled(read_folder(folder), templates=templates, concept=concept)


def read_captioned_folder(path: str | os.PathLike[str]) -> Pairs:
    """Read pictures with a text file of the same name beside each.

    Parameters
    ----------
    path : path
        Each line of a text file is a text of its picture; blank lines count for nothing.

    Returns
    -------
    Pairs
        Without labels.

    Raises
    ------
    DatasetError
        If a picture has no text.
    """
    folder = Path(path)
    pairs: list[Pair] = []
    without: list[Pair] = []
    for image in find_images(folder):
        beside = image.with_suffix(".txt")
        lines = beside.read_text(encoding="utf-8").splitlines() if beside.is_file() else []
        texts = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
        (pairs if texts else without).append(Pair(image, texts))
    if without:
        raise DatasetError(
            f"{folder}: {counted(len(without), 'picture')} without a text, the first "
            f"{without[0].title}: write {without[0].picture.with_suffix('.txt').name} beside it, "
            "a text a line"
        )
    return Pairs(folder.name, tuple(pairs))


def pair_labelled(
    dataset: LabelledImages,
    *,
    templates: Templates | None = None,
    concept: str | None = None,
    more: Mapping[str, Sequence[str]] | None = None,
) -> Pairs:
    """Pair labelled pictures with what their classes are called.

    Parameters
    ----------
    dataset : LabelledImages
        Only its first pool is taken. Names are its first kind of words, else its labels.
    templates, concept
        As in `fgmm.classify`; the set's own concept where there is none.
    more : mapping of str to sequence of str, optional
        Of each label, texts to add as they are.

    Returns
    -------
    Pairs
        With labels.

    Examples
    --------
    >>> from PIL import Image
    >>> from fgmm.datasets import LabelledImages
    >>> found = LabelledImages("owls", [Image.new("RGB", (8, 8))], ("owl",))
    >>> pair_labelled(found, concept="bird").texts
    ('owl, a bird', 'a photo of an owl, a bird.')
    """
    checked, kind = check_templates(templates), check_concept(concept or dataset.concept)
    names = next(iter(dataset.texts.values()), {label: label for label in dataset.classes})
    said = {
        label: tuple(
            dict.fromkeys((*texts_of((names[label],), checked, kind), *(more or {}).get(label, ())))
        )
        for label in dict.fromkeys(dataset.labels)
    }
    images = dataset.images
    if isinstance(images[0], (str, Path)):
        items = [Pair(images[row], said[label], label) for row, label in enumerate(dataset.labels)]
    else:  # perhaps drawn when asked for
        items = [
            Pair(ListedPicture(images, row), said[label], label, f"{label} #{row}")
            for row, label in enumerate(dataset.labels)
        ]
    return Pairs(dataset.name, tuple(items))
