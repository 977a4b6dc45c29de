"""A species: a frozen value."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from fgmm.errors import LibraryError
from fgmm.library.names import checked_name
from fgmm.name_folding import fold_name

if TYPE_CHECKING:
    from fgmm.library.photos import Photos

__all__ = ["Species"]

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Species:
    """A species: what it is called, what is known of it, and its photos.

    Parameters
    ----------
    id : str
        Stable and never used again: letters, digits, ``-`` and ``_``, at most 64.
    name : str
    names : tuple of str
        Other names. One that is the name again, but for case and spaces, is left out.
    description : str or None
        A sentence or more.
    attributes : mapping of str to float
        How strongly it has each attribute of a knowledge graph; finite.
    parent : str or None
        What it is a kind of: a name or concept, not another species' id.
    photos : Photos
        No digest twice.

    Raises
    ------
    LibraryError
        If one of them is not so.

    Examples
    --------
    >>> from fgmm.library import Photos
    >>> wren = Species("w", "wren", names=("Zaunkönig", "Wren"), photos=Photos.none(2))
    >>> wren.names
    ('Zaunkönig',)
    """

    id: str
    name: str
    names: tuple[str, ...] = ()
    description: str | None = None
    attributes: Mapping[str, float] = field(default_factory=dict)
    parent: str | None = None
    photos: Photos = field(kw_only=True)

    __hash__ = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not _ID.fullmatch(self.id):
            raise LibraryError(
                f"a species' id is {self.id!r}: it is of letters, digits, '-' and '_', at most 64"
            )
        name = checked_name(self.name)
        given: object = self.names
        if isinstance(given, str):
            raise LibraryError(
                f"the other names of {name!r} are one text, {given!r}: pass [{given!r}]"
            )
        others = {fold_name(n): n for n in (checked_name(n, "another name") for n in self.names)}
        others.pop(fold_name(name), None)
        if not (self.description is None or isinstance(self.description, str)):
            raise LibraryError(
                f"the description of {name!r} is {self.description!r}: it is a text, or None"
            )
        parent = (
            None if self.parent is None else checked_name(self.parent, f"the parent of {name!r}")
        )
        if len(set(self.photos.digests)) < len(self.photos):
            twice = next(
                d for i, d in enumerate(self.photos.digests) if d in self.photos.digests[:i]
            )
            raise LibraryError(f"the photo {twice} of {name!r} is there twice: keep it once")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "names", tuple(others.values()))
        object.__setattr__(self, "parent", parent)
        object.__setattr__(self, "description", (self.description or "").strip() or None)
        object.__setattr__(self, "attributes", _checked_attributes(name, self.attributes))

    @property
    def all_names(self) -> tuple[str, ...]:
        """The name, then the others."""
        return (self.name, *self.names)


def _checked_attributes(name: str, attributes: Mapping[str, float]) -> Mapping[str, float]:
    if not isinstance(attributes, Mapping):
        raise LibraryError(
            f"the attributes of {name!r} are {attributes!r}: they are a mapping, such as "
            "{'red bill': 1.0}"
        )
    checked = {}
    for key, value in attributes.items():
        attribute = checked_name(key, f"an attribute of {name!r}")
        if not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
            raise LibraryError(
                f"the attribute {attribute!r} of {name!r} is {value!r}: it is a finite number"
            )
        checked[attribute] = float(value)
    return MappingProxyType(checked)
