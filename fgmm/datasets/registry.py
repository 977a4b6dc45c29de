"""Sets to evaluate on, by name."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fgmm.datasets.flowers import read_flowers
from fgmm.datasets.folder import read_folder
from fgmm.datasets.grocery import read_grocery
from fgmm.datasets.omniglot import read_omniglot
from fgmm.datasets.plates import read_field_guide
from fgmm.datasets.torchvision_sets import TORCHVISION_SETS, read_torchvision
from fgmm.errors import DatasetError

if TYPE_CHECKING:
    from fgmm.datasets.labelled import LabelledImages

__all__ = ["Classes", "data_root", "dataset_names", "open_dataset"]

Classes = Literal["novel", "base"]

_SPLIT = ("fieldguide", "flowers", "grocery")  # that have novel and base classes


def dataset_names() -> tuple[str, ...]:
    """Names that `open_dataset` knows, besides folders.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> dataset_names()[:4]
    ('fieldguide', 'flowers', 'grocery', 'omniglot')
    """
    return (*_SPLIT, "omniglot", *(f"torchvision:{name}" for name in TORCHVISION_SETS))


def data_root(given: str | os.PathLike[str] | None, source: str) -> Path:
    """Find the folder that data lie in.

    Parameters
    ----------
    given : path, optional
        By default what the environment variable ``FGMM_DATA`` says.
    source : str
        What is looked for, for the message.

    Returns
    -------
    Path

    Raises
    ------
    DatasetError
        If neither says so.
    """
    place = given or os.environ.get("FGMM_DATA")
    if not place:
        raise DatasetError(
            f"{source}: where is it? Give the folder it is in as --data (data=), or as the "
            "environment variable FGMM_DATA"
        )
    return Path(place)


def open_dataset(
    source: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    classes: Classes | None = None,
    download: bool = False,
) -> LabelledImages:
    """Open a set by name, or a folder of folders.

    Parameters
    ----------
    source : str or path
        ``"grocery"``, ``"flowers"``, ``"fieldguide"``, ``"omniglot"``, ``"torchvision:NAME"``,
        or a folder. Names come first: a folder called like one is ``"./grocery"``.
    data : path, optional
        Where the sets lie: ``<data>/grocery`` and so on; torchvision's root. By default what
        ``FGMM_DATA`` says. The field guide needs none.
    classes : {"novel", "base"}, optional
        For the first three: classes no shipped weight has seen (the default), or the others.
    download : bool, default=False
        Let torchvision fetch what is missing.

    Returns
    -------
    LabelledImages

    Raises
    ------
    DatasetError
        If there is no such set, it is not there, or an argument does not fit it.

    Examples
    --------
    >>> open_dataset("fieldguide").name
    'field guide, novel species'
    >>> open_dataset("grocrey")
    Traceback (most recent call last):
    fgmm.errors.DatasetError: there is no folder grocrey, and no set of that name; did you mean ...
    """
    name = os.fspath(source)
    if classes is not None and name not in _SPLIT:
        raise DatasetError(f"{name} has no {classes} classes: only {', '.join(_SPLIT)} have")
    if download and not name.startswith("torchvision:"):
        raise DatasetError(f"{name} cannot be fetched: only torchvision:NAME can")
    if name == "fieldguide":
        return read_field_guide(classes or "novel")
    if name == "grocery":
        return read_grocery(data_root(data, name) / name, classes or "novel")
    if name == "flowers":
        return read_flowers(data_root(data, name) / name, classes or "novel")
    if name == "omniglot":
        return read_omniglot(data_root(data, name) / name)
    if name.startswith("torchvision:"):
        wanted = name.partition(":")[2]
        return read_torchvision(wanted, data_root(data, name), download=download)
    if not Path(name).is_dir():
        raise DatasetError(f"there is no folder {name}, and no set of that name{_hint(name)}")
    return read_folder(name)


def _hint(name: str) -> str:
    bare = {one.rpartition(":")[2].lower(): one for one in reversed(dataset_names())}
    near = difflib.get_close_matches(name.lower(), bare, n=1)
    if near:
        return f"; did you mean {bare[near[0]]}?"
    return f": sets are {', '.join(dataset_names())}"
