"""Pictures of a model's own classes, and the collection in which they stand beside new species."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from fgmm.errors import ImageError, LibraryError, ModelError
from fgmm.library import Photos, Species
from fgmm.name_folding import fold_name
from fgmm.recognition.looking import look_at
from fgmm.recognition.sources import content_of, list_sources, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from fgmm.library import Collection
    from fgmm.recognition.layers import PictureLayers
    from fgmm.recognition.own_model import OwnModel

__all__ = ["Examples", "check_names", "gather_examples", "stand_beside"]

_FEWEST = 2  # of a class: one alone could not be judged by another


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Pictures of old classes, each of other content.

    Parameters
    ----------
    vectors : Tensor of shape (n, d)
        As a library keeps them.
    digests, origins : tuple of n str
    owners : Tensor of shape (n,), int64
        Which old class each is of: as the user says, or else the model.
    top : Tensor of shape (n,), float64
        Log-probability of the model's likeliest class.
    right : Tensor of shape (n,), bool
        Whether that is the class it is of.
    labelled : bool
        Whether the user said of which classes they are.
    """

    vectors: Tensor
    digests: tuple[str, ...]
    origins: tuple[str, ...]
    owners: Tensor
    top: Tensor
    right: Tensor
    labelled: bool

    @classmethod
    def none(cls, dim: int) -> Examples:
        """Give no pictures, of vectors of ``dim`` numbers."""
        empty, rows = torch.empty(0, dtype=torch.float64), torch.empty(0, dtype=torch.int64)
        return cls(torch.empty(0, dim), (), (), rows, empty, rows.bool(), labelled=False)

    def __len__(self) -> int:
        return len(self.digests)

    def select(self, rows: Sequence[int]) -> Examples:
        """Give some of them."""
        some = torch.tensor(rows, dtype=torch.int64)
        return Examples(
            self.vectors[some],
            tuple(self.digests[row] for row in rows),
            tuple(self.origins[row] for row in rows),
            self.owners[some],
            self.top[some],
            self.right[some],
            self.labelled,
        )

    def without(self, collection: Collection) -> Examples:
        """Leave out those that are photos of a species: they show it, whatever they were called."""
        rows = [row for row, one in enumerate(self.digests) if collection.holder(one) is None]
        return self if len(rows) == len(self) else self.select(rows)

    def groups(self, n_labels: int) -> list[list[int]]:
        """Give the rows of each old class."""
        found: list[list[int]] = [[] for _ in range(n_labels)]
        for row, owner in enumerate(self.owners.tolist()):
            found[owner].append(row)
        return found


def check_names(names: Iterable[object], labels: Iterable[str]) -> None:
    """Refuse a name that is a label of the model, case and spaces aside.

    Raises
    ------
    LibraryError
        If one is.

    Examples
    --------
    >>> check_names(["wren", "Daisy"], ["daisy", "rose"])
    Traceback (most recent call last):
    fgmm.errors.LibraryError: 'Daisy' is a label of your model, 'daisy': ...
    """
    known = {fold_name(label): label for label in labels}
    for name in names:
        label = known.get(fold_name(name)) if isinstance(name, str) else None
        if label is not None:
            raise LibraryError(
                f"{name!r} is a label of your model, {label!r}: it goes on answering that, and a "
                "new species needs another name"
            )


def stand_beside(
    collection: Collection, labels: Sequence[str], examples: Examples, *, words: bool
) -> tuple[Collection, list[int], list[int]]:
    """Put old classes behind the new species, so that both can be scored.

    An old class is known by its name where the encoder reads words, and by its examples where it
    has two or more. What is known by neither is not there.

    Parameters
    ----------
    collection : Collection
        The new species.
    labels : sequence of k str
        Old classes.
    examples : Examples
        None of them a photo of a new species.
    words : bool
        Whether the encoder reads words.

    Returns
    -------
    collection : Collection
        New species first.
    places : list of int
        Which label each species behind them is.
    alone : list of int
        Examples that are alone in their class. They are not among its photos.

    Raises
    ------
    LibraryError
        If a name is no name, or a species is called as a label.
    """
    check_names((name for one in collection for name in one.all_names), labels)
    changed: dict[str, Species | None] = {}
    places, alone = [], []
    for at, (label, rows) in enumerate(zip(labels, examples.groups(len(labels)), strict=True)):
        if 0 < len(rows) < _FEWEST:
            alone += rows
            rows = []
        if not rows and not words:
            continue
        own = examples.select(rows)
        photos = Photos(own.vectors.numpy(), own.digests, own.origins)
        changed[f"old-{at}"] = Species(f"old-{at}", label, photos=photos)
        places.append(at)
    return collection.with_species(changed), places, alone


def gather_examples(
    given: Any,
    model: OwnModel,
    layers: PictureLayers,
    failures: list[tuple[Any, Exception]],
    *,
    progress: bool | None = None,
) -> Examples:
    """Show pictures of old classes to the model and the encoder, each content once.

    It gives `Examples`.

    Parameters
    ----------
    given : pictures, or mapping of str to pictures, or None
        By label where that is known.
    model : OwnModel
    layers : PictureLayers
    failures : list
        What cannot be read is added to it: the input, and why.
    progress : bool, optional
        False: no bar.

    Raises
    ------
    ImageError
        If none can be read.
    ModelError
        If a label is none of the model's, or its answer is none.
    """
    if given is None:
        return Examples.none(layers.dim)
    labelled = isinstance(given, Mapping)
    found: dict[str, tuple[Any, int]] = {}
    for label, pictures in given.items() if labelled else [(None, given)]:
        owner = _place(label, model.labels) if labelled else -1
        listed = list_sources(pictures)
        for at, source in enumerate([pictures] if listed is None else listed):
            try:
                digest, ready = content_of(source, origin_of(source) or f"#{at}")
            except ImageError as error:  # noqa: PERF203  each fails alone
                failures.append((source, error))
            else:
                found.setdefault(digest, (ready, owner))
    seen = look_at([ready for ready, _ in found.values()], model, layers, progress=progress)
    failures += seen.failures
    if not seen.positions:
        first = f": {failures[0][1]}" if failures else ""
        raise ImageError(f"none of the examples can be read{first}; give pictures, or leave out")
    best = seen.said.argmax(1)
    digests, told = list(found), [owner for _, owner in found.values()]
    own = torch.tensor([told[at] for at in seen.positions]) if labelled else best
    return Examples(
        seen.kept,
        tuple(digests[at] for at in seen.positions),
        tuple(origin_of(found[digests[at]][0]) for at in seen.positions),
        own,
        seen.said.amax(1),
        best == own,
        labelled,
    )


def _place(label: Any, labels: Sequence[str]) -> int:
    if label not in labels:
        raise ModelError(
            f"{label!r} is no label of the model: its {len(labels)} labels begin with "
            f"{', '.join(map(repr, labels[:3]))}; examples are of its own classes"
        )
    return labels.index(label)
