"""Pictures of classes that a graph knows, as ``fgmm joint`` takes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from fgmm.command.class_names import name_classes
from fgmm.command.graph_argument import find_classes, list_unknown
from fgmm.command.picture_marks import mark_pictures
from fgmm.command.terminal import note
from fgmm.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from torch import Tensor

    from fgmm.datasets import LabelledImages
    from fgmm.embedding.results import Failure
    from fgmm.embeddings import Embeddings
    from fgmm.encoders.base import ImageEncoder, Layer
    from knowledge import KnowledgeGraph

__all__ = [
    "SPLIT_SETS",
    "EncodedPictures",
    "Pool",
    "embed_pools",
    "find_concepts",
    "keep_back",
    "open_pictures",
]

SPLIT_SETS = ("fieldguide", "flowers", "grocery")
"""Named sets that have base classes to train on, and novel ones."""


@dataclass(frozen=True)
class Pool:
    """Pictures, and the concept of each.

    Parameters
    ----------
    images : sequence of n pictures
    concepts : tuple of n str or None
        Ids; None for a picture that is left out.
    """

    images: Sequence[Any]
    concepts: tuple[str | None, ...]


@dataclass(frozen=True)
class EncodedPictures:
    """Vectors of pictures, and the concept of each.

    Parameters
    ----------
    features : Embeddings of n rows
        In the layer that was asked for.
    joint : Embeddings of n rows, or None
        In the space of texts.
    concepts : tuple of n str
    failures : tuple of Failure
    left_out : int
        How many were left out for being among ``known``.
    marks : tuple of n str
        As `fgmm.command.picture_marks.mark_pictures` gives them.
    """

    features: Embeddings
    joint: Embeddings | None
    concepts: tuple[str, ...]
    failures: tuple[Failure, ...]
    left_out: int
    marks: tuple[str, ...]


def open_pictures(source: str, data: Path | None, classes: Any, names: Path | None) -> Any:
    """Open labelled pictures as ``fgmm evaluate`` does.

    Parameters
    ----------
    source : str
        A folder of folders, or the name of a set.
    data : Path or None
        Where named sets lie.
    classes : {"novel", "base"}
        Which classes of a set that has both.
    names : Path or None
        A file of what classes are called.

    Returns
    -------
    LabelledImages
    """
    from fgmm.datasets import open_dataset

    given = open_dataset(source, data=data, classes=classes if source in SPLIT_SETS else None)
    return given if names is None else name_classes(given, names)


def find_concepts(dataset: LabelledImages, graph: KnowledgeGraph, skip: bool) -> dict[str, str]:
    """Find the concept of each class.

    Parameters
    ----------
    dataset : LabelledImages
    graph : KnowledgeGraph
    skip : bool
        Leave out classes that the graph does not know; otherwise they are an error.

    Returns
    -------
    dict of str to str
        Labels to ids.

    Raises
    ------
    typer.BadParameter
        If a class is not known, or two are one concept.
    """
    from fgmm.datasets.folder import plain_words

    called = dataset.texts.get("name", {})
    named = {
        label: [plain_words(label), *([called[label]] if label in called else [])]
        for label in dataset.classes
    }
    cure = "Say with --names FILE what the graph calls them"
    found, unknown = find_classes(graph, named, option="PICTURES", cure=cure)
    told = f"the graph does not know {len(unknown)} of {counted(len(named), 'class')}"
    if unknown and not skip:
        raise typer.BadParameter(
            f"{told}: {list_unknown(unknown)}. {cure}, or leave them out with --skip-unknown",
            param_hint="PICTURES",
        )
    if unknown:
        note("note", f"{told}, which are left out: {list_unknown(unknown)}")
    return found


def keep_back(labels: Sequence[str], every: int) -> list[bool]:
    """Tell which pictures to keep back: of each class every so many-th, in their order.

    Parameters
    ----------
    labels : sequence of n str
    every : int
        5 keeps back the fifth, the tenth and so on; 0 none.

    Returns
    -------
    list of n bool

    Examples
    --------
    >>> keep_back(["a", "a", "b", "a", "b"], every=2)
    [False, True, False, False, True]
    """
    met: Counter[str] = Counter()
    kept = []
    for label in labels:
        met[label] += 1
        kept.append(bool(every) and met[label] % every == 0)
    return kept


def embed_pools(
    pools: Sequence[Pool],
    model: ImageEncoder,
    layer: Layer,
    *,
    words: bool = False,
    known: Collection[str] = (),
    batch_size: int = 32,
    cache: bool = True,
) -> EncodedPictures:
    """Encode the pictures of some pools once, one pool after the other.

    Parameters
    ----------
    pools : sequence of Pool
    model : ImageEncoder
    layer : {"joint", "features"}
    words : bool, default=False
        Encode them in the joint layer too.
    known : collection of str
        What `mark_pictures` gave for pictures that are to be left out.
    batch_size : int, default=32
    cache : bool, default=True
        Keep vectors for the next run.

    Returns
    -------
    EncodedPictures

    Raises
    ------
    DatasetError
        If no picture is left.
    """
    import torch

    from fgmm.embedding import embed_images
    from fgmm.embeddings import Embeddings
    from fgmm.errors import DatasetError

    how = {"encoder": model, "batch_size": batch_size, "cache": cache}
    known, left_out = set(known), 0
    parts: list[tuple[Tensor, Tensor | None]] = []
    concepts, marks = list[str](), list[str]()
    failures: list[Failure] = []
    space, joint_space = "", ""
    for pool in pools:
        rows = [row for row, concept in enumerate(pool.concepts) if concept is not None]
        mark_of = dict(zip(rows, mark_pictures(_Rows(pool.images, rows)), strict=True))
        new = [row for row in rows if mark_of[row] not in known]
        left_out += len(rows) - len(new)
        if not new:
            continue
        found = embed_images(_Rows(pool.images, new), layer=layer, **how)  # type: ignore[arg-type]
        failures += found.failures
        if not len(found):
            continue
        kept = [new[position] for position in found.positions]
        concepts += [str(pool.concepts[row]) for row in kept]
        marks += [mark_of[row] for row in kept]
        features, space, joint = found.vectors, found.space, None
        if words and layer == "joint":
            joint, joint_space = features, space
        elif words:
            again = embed_images(_Rows(pool.images, kept), on_error="raise", **how)  # type: ignore[arg-type]
            joint, joint_space = again.vectors, again.space
        parts.append((features, joint))
    if not parts:
        why = f": {failures[0].error}" if failures else ""
        trained = f"; {left_out:,} were trained on" if left_out else ""
        raise DatasetError(f"there is no picture left to use{trained}{why}")
    joints = [joint for _, joint in parts if joint is not None]
    return EncodedPictures(
        Embeddings(torch.cat([features for features, _ in parts]), space),
        Embeddings(torch.cat(joints), joint_space) if joints else None,
        tuple(concepts),
        tuple(failures),
        left_out,
        tuple(marks),
    )


class _Rows(Sequence[Any]):
    """Some items of a sequence, taken from it only when they are asked for."""

    def __init__(self, whole: Sequence[Any], rows: list[int]) -> None:
        self.whole, self.rows = whole, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: Any) -> Any:
        return self.whole[self.rows[at]]
