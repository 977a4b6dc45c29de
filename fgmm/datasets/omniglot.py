"""Omniglot: handwritten characters, and the 20 official one-shot runs."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from fgmm.datasets.labelled import LabelledImages
from fgmm.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = ["PUBLISHED", "OneShotRun", "error_interval", "ink", "read_omniglot", "read_runs"]

PUBLISHED = (
    ("people", 4.5, "Lake et al. 2015"),
    ("modified Hausdorff distance", 38.8, "the data's own demo"),
)
"""Published errors in the same 20 runs, in percent: what, how many, who says so."""

_LARGEST = 1 << 20  # bytes of a file in the archives: real ones have some 300
_RESAMPLES = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class OneShotRun:
    """One run: one picture of each of 20 characters, and as many to name.

    Parameters
    ----------
    name : str
        "run01" to "run20".
    training : tuple of k bytes
        PNG files, a picture a class.
    test : tuple of bytes
        PNG files.
    answers : tuple of int
        Of each test picture, which training picture shows the same character.
    """

    name: str
    training: tuple[bytes, ...]
    test: tuple[bytes, ...]
    answers: tuple[int, ...]


def read_runs(path: str | Path) -> tuple[OneShotRun, ...]:
    """Read the official runs from their archive.

    Parameters
    ----------
    path : path
        ``all_runs.zip``, as published.

    Returns
    -------
    tuple of OneShotRun
        By name; as published, 20 of them, alphabet by alphabet twice.

    Raises
    ------
    DatasetError
        If there is no such file, or it is something else.

    References
    ----------
    Lake, Salakhutdinov, Tenenbaum: Human-level concept learning through probabilistic program
    induction. Science 350, 2015.
    """
    with _opened(path) as archive:
        keys = {PurePosixPath(name): name for name in archive.namelist()}
        lists = sorted(key for key in keys if key.name == "class_labels.txt")
        lists = [key for key in lists if "__MACOSX" not in key.parts]
        if not lists:
            raise DatasetError(f"{path} holds no class_labels.txt: give Omniglot's all_runs.zip")
        return tuple(_read_run(archive, keys, one) for one in lists)


def _read_run(
    archive: zipfile.ZipFile, keys: dict[PurePosixPath, str], labels: PurePosixPath
) -> OneShotRun:
    home = labels.parent
    lines = _content(archive, keys[labels]).decode("ascii", "replace").split("\n")
    pairs = [line.split() for line in lines if line.strip()]
    if any(len(pair) != 2 for pair in pairs) or not pairs:
        raise DatasetError(f"{labels}: a line is no pair of a test and a training picture")
    training = sorted(k for k in keys if k.parent == home / "training" and k.suffix == ".png")
    number = {key: at for at, key in enumerate(training)}
    above = home.parent  # paths in the list begin with the run's own folder
    try:
        answers = tuple(number[above / right] for _, right in pairs)
        test = tuple(_content(archive, keys[above / asked]) for asked, _ in pairs)
    except KeyError as error:
        raise DatasetError(f"{labels} names {error.args[0]}, which is not there") from None
    return OneShotRun(
        home.name, tuple(_content(archive, keys[key]) for key in training), test, answers
    )


def read_omniglot(root: Path, sets: Sequence[int] = (1, 2)) -> LabelledImages:
    """Read the two small background sets, five alphabets each, or one of them.

    Parameters
    ----------
    root : Path
        Holds ``images_background_small1.zip`` and ``images_background_small2.zip``.
    sets : sequence of int, default=(1, 2)
        Which. Greek and Latin are in both.

    Returns
    -------
    LabelledImages
        One pool, 20 pictures of each character; labels are "alphabet/character". No words.

    Raises
    ------
    DatasetError
        If none of those archives is there, or one is something else.
    """
    archives = [root / f"images_background_small{i}.zip" for i in sets]
    if not any(path.is_file() for path in archives):
        raise DatasetError(f"omniglot: there is no {archives[0]}")
    found: dict[str, bytes] = {}
    for path in archives:
        if path.is_file():
            with _opened(path) as archive:
                for name in archive.namelist():
                    place = re.search(r"([^/]+/character\d+/[^/]+)\.png$", name)
                    if place and "__MACOSX" not in name:
                        found[place[1]] = _content(archive, name)
    order = sorted(found)
    return LabelledImages(
        "Omniglot, small background sets",
        [found[key] for key in order],
        tuple(key.rpartition("/")[0] for key in order),
    )


def ink(pictures: Sequence[bytes], side: int | None = None) -> Tensor:
    """Turn characters into vectors of pixels.

    Parameters
    ----------
    pictures : sequence of n bytes
        Black on white.
    side : int, optional
        Shrink to ``side`` x ``side`` by averaging areas. By default the pixels as they are,
        105 x 105, each 0 or 1.

    Returns
    -------
    Tensor of shape (n, pixels)
        float32; 1 is ink.
    """
    import torch
    from PIL import Image

    from fgmm.images import read_image

    rows = []
    for picture in pictures:
        image = read_image(picture).convert("L")
        if side is not None:
            image = image.resize((side, side), Image.Resampling.BOX)
        rows.append(1 - np.asarray(image, dtype=np.float32).ravel() / 255)
    return torch.from_numpy(np.stack(rows))


def error_interval(errors: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the mean error, by a bootstrap over runs.

    Parameters
    ----------
    errors : sequence of float
        One a run.

    Returns
    -------
    (float, float)

    Examples
    --------
    >>> error_interval([0.25, 0.25, 0.25])
    (0.25, 0.25)
    """
    values = np.asarray(errors)
    drawn = np.random.default_rng(0).integers(len(values), size=(_RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(1), (0.025, 0.975))
    return float(low), float(high)


def _opened(path: str | Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise DatasetError(f"omniglot: there is no {path}") from None
    except zipfile.BadZipFile as error:
        raise DatasetError(f"{path} is no zip archive ({error})") from None


def _content(archive: zipfile.ZipFile, name: str) -> bytes:
    size = archive.getinfo(name).file_size
    if size > _LARGEST:
        raise DatasetError(f"{archive.filename}: {name} has {size:,} bytes: that is no character")
    return archive.read(name)
