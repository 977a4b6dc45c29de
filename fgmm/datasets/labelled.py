"""Pictures with the class of each, and what the classes are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from fgmm.errors import DatasetError
from fgmm.plurals import counted

__all__ = ["LabelledImages", "drop_small_classes"]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImages:
    """Pictures and the label of each; perhaps queries of their own; perhaps words.

    Parameters
    ----------
    name : str
        What the pictures are, in words.
    images : sequence of n pictures
        What `fgmm.embed_images` takes: paths, bytes, PIL images. One that draws or decodes
        when asked for an item is fine.
    labels : tuple of n str
    query_images, query_labels : sequence of m pictures, tuple of m str, optional
        Where queries come from other shops or another split; from the same pictures otherwise.
    texts : mapping of str to (mapping of str to str)
        Kinds of words and, of each, the words of every label. The first kind is the usual one.
    concept : str, optional
        What all the classes are: "flower".

    Raises
    ------
    DatasetError
        If there are no pictures, numbers differ, or a label has no words of some kind.

    Examples
    --------
    >>> from PIL import Image
    >>> pictures = [Image.new("RGB", (8, 8), colour) for colour in ("red", "tomato", "blue")]
    >>> found = LabelledImages("colours", pictures, ("warm", "warm", "cold"))
    >>> found.classes, len(found)
    (('cold', 'warm'), 3)
    """

    name: str
    images: Sequence[Any]
    labels: tuple[str, ...]
    query_images: Sequence[Any] | None = None
    query_labels: tuple[str, ...] | None = None
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    concept: str | None = None

    def __post_init__(self) -> None:
        if (self.query_images is None) != (self.query_labels is None):
            raise DatasetError(
                f"{self.name}: give query_images and query_labels together, or neither"
            )
        pools = [("", self.images, self.labels)]
        if self.query_images is not None and self.query_labels is not None:
            pools.append(("query ", self.query_images, self.query_labels))
        for what, images, labels in pools:
            if len(images) != len(labels):
                raise DatasetError(
                    f"{self.name}: {counted(len(images), what + 'picture')} and "
                    f"{counted(len(labels), 'label')}: give one label a picture"
                )
            if not labels:
                raise DatasetError(f"{self.name}: there are no {what}pictures")
        for kind, words in self.texts.items():
            missing = [label for label in self.classes if label not in words]
            if missing:
                raise DatasetError(
                    f"{self.name}: class {missing[0]!r} has no {kind} ({len(missing)} without)"
                )

    def __len__(self) -> int:
        return len(self.labels) + len(self.query_labels or ())

    @property
    def classes(self) -> tuple[str, ...]:
        """Every label of either pool, sorted."""
        return tuple(sorted({*self.labels, *(self.query_labels or ())}))

    def keep(self, classes: Sequence[str]) -> LabelledImages:
        """Give the pictures of some classes only.

        Parameters
        ----------
        classes : sequence of str

        Returns
        -------
        LabelledImages
        """
        images, labels = _pick(self.images, self.labels, classes)
        if self.query_images is None or self.query_labels is None:
            return replace(self, images=images, labels=labels)
        asked, answers = _pick(self.query_images, self.query_labels, classes)
        return replace(self, images=images, labels=labels, query_images=asked, query_labels=answers)


class _Part(Sequence[Any]):
    """Some items of a sequence, taken from it only when they are asked for."""

    def __init__(self, whole: Sequence[Any], rows: list[int]) -> None:
        self.whole, self.rows = whole, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: Any) -> Any:
        return self.whole[self.rows[at]]


def _pick(
    images: Sequence[Any], labels: tuple[str, ...], classes: Sequence[str]
) -> tuple[Sequence[Any], tuple[str, ...]]:
    wanted = set(classes)
    rows = [row for row, label in enumerate(labels) if label in wanted]
    return _Part(images, rows), tuple(labels[row] for row in rows)


class Labelled(Protocol):
    """What can be judged by its labels: pictures, or their vectors."""

    @property
    def name(self) -> str:
        """What it is, in words."""

    @property
    def labels(self) -> tuple[str, ...]:
        """One a picture."""

    @property
    def query_labels(self) -> tuple[str, ...] | None:
        """One a picture of the other pool."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class, also one that has no picture."""

    def keep(self, classes: Sequence[str]) -> Any:
        """Give some classes only."""


AnyLabelled = TypeVar("AnyLabelled", bound=Labelled)


def drop_small_classes(
    dataset: AnyLabelled, shots: int, queries: int
) -> tuple[AnyLabelled, dict[str, tuple[int, int]]]:
    """Leave out classes too small for an episode.

    Parameters
    ----------
    dataset : LabelledImages or EmbeddedDataset
    shots, queries : int
        Pictures of a class in the support of an episode, and asked about. From one pool a
        class needs their sum; from two, each in its own.

    Returns
    -------
    dataset : LabelledImages or EmbeddedDataset
        The same where nothing is left out.
    dropped : dict of str to (int, int)
        Of each class left out, how many pictures it has to show and to ask about.

    Raises
    ------
    DatasetError
        If no class is left.

    Examples
    --------
    >>> found = LabelledImages("letters", ["1", "2", "3"], ("a", "a", "b"))
    >>> kept, dropped = drop_small_classes(found, shots=1, queries=1)
    >>> kept.classes, dropped
    (('a',), {'b': (1, 1)})
    """
    have = Counter(dataset.labels)
    ask = have if dataset.query_labels is None else Counter(dataset.query_labels)
    dropped = {}
    for label in dataset.classes:
        counts = have[label], ask[label]
        enough = (
            counts[0] >= shots + queries
            if dataset.query_labels is None
            else counts[0] >= shots and counts[1] >= queries
        )
        if not enough:
            dropped[label] = counts
    if not dropped:
        return dataset, {}
    if len(dropped) == len(dataset.classes):
        raise DatasetError(
            f"{dataset.name}: none of the {counted(len(dropped), 'class')} has "
            f"{counted(shots, 'picture')} to show and {counted(queries, 'other')} to ask about: "
            "ask for fewer"
        )
    return dataset.keep([c for c in dataset.classes if c not in dropped]), dropped
