"""Pairs from webdataset's shards: tar files of ``key.jpg`` and ``key.txt``.

Shards are read where they lie and at any place, not as a stream: that is what lets a training
go on after an interruption with the very batches it would have had.
"""

from __future__ import annotations

import glob
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fgmm.errors import DatasetError
from fgmm.images import SUFFIXES
from fgmm.plurals import counted
from fgmm.training.pairs import Pair, Pairs

if TYPE_CHECKING:
    import os

__all__ = ["ShardPicture", "read_shard_pairs"]


@dataclass(frozen=True, slots=True)
class ShardPicture:
    """A file within a tar file.

    Parameters
    ----------
    shard : Path
        The tar file.
    offset, size : int
        Where its bytes begin and how many there are.
    """

    shard: Path
    offset: int
    size: int

    def read(self, limit: int = -1) -> bytes:
        """Read it.

        Parameters
        ----------
        limit : int, default=-1
            Bytes at most; -1: all.

        Returns
        -------
        bytes
        """
        with self.shard.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size if limit < 0 else min(self.size, limit))


def read_shard_pairs(where: str | os.PathLike[str]) -> Pairs:
    """Read shards as webdataset writes them.

    Parameters
    ----------
    where : path or glob
        A tar file, a folder of them, or a pattern such as ``"birds-*.tar"``.

    Returns
    -------
    Pairs
        A pair a key: the picture is the file with the ending of one, texts are the lines of
        ``key.txt``, and ``key.cls``, where it is there, is the label. Other files are left alone.

    Raises
    ------
    DatasetError
        If there is no shard, one is compressed or damaged, or a picture has no text.
    """
    shards = _list_shards(Path(where))
    items: list[Pair] = []
    for shard in shards:
        items += _read_shard(shard)
    return Pairs(shards[0].name if len(shards) == 1 else f"{len(shards)} shards", tuple(items))


def _list_shards(where: Path) -> list[Path]:
    if where.is_dir():
        found = sorted(where.glob("*.tar"))
    elif where.is_file():
        found = [where]
    else:
        found = sorted(Path(one) for one in glob.glob(str(where)))  # noqa: PTH207 (absolute ones)
    if not found:
        raise DatasetError(f"there is no tar file {where}, and none in a folder of that name")
    return found


def _read_shard(shard: Path) -> list[Pair]:
    try:
        with tarfile.open(shard, "r:") as archive:  # no compression: places in it are read alone
            members = [one for one in archive if one.isfile()]
    except (tarfile.TarError, OSError) as error:
        raise DatasetError(
            f"{shard} is no plain tar file: {error}. Compressed ones cannot be read at any place: "
            "unpack them once, with gunzip"
        ) from error
    samples: dict[str, dict[str, ShardPicture]] = {}
    for member in members:
        folder, _, file = member.name.rpartition("/")
        stem, _, ending = file.partition(".")  # webdataset: a key ends at the first dot
        if file.startswith(".") or not ending:
            continue
        place = ShardPicture(shard, member.offset_data, member.size)
        samples.setdefault(f"{folder}/{stem}" if folder else stem, {})[ending.lower()] = place
    pairs, wordless = [], []
    for key, files in samples.items():
        picture = next(
            (f for e, f in files.items() if "." + e.rpartition(".")[2] in SUFFIXES), None
        )
        if picture is None:
            continue
        lines = _text(files["txt"]).splitlines() if "txt" in files else []
        texts = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
        label = _text(files["cls"]).strip() or None if "cls" in files else None
        name = f"{shard.name}/{key}"
        if not texts:
            wordless.append(name)
        pairs.append(Pair(picture, texts, label, name))
    if wordless and len(wordless) < len(pairs):
        raise DatasetError(
            f"{shard}: {counted(len(wordless), 'picture')} without a text, the first "
            f"{wordless[0]}: it needs a .txt of the same name"
        )
    return pairs


def _text(place: ShardPicture) -> str:
    return place.read().decode("utf-8", "replace")
