"""Changes as a library takes them: what to do, and what its history says of it.

``library.apply(*removing(library.collection, "wren"))`` is what `fgmm.Recognizer.remove` does, and
what ``fgmm species remove`` does without an encoder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fgmm.library import changes, descriptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fgmm.library.collection import Collection
    from fgmm.library.phrasing import Phrasing

__all__ = [
    "Act",
    "describing",
    "merging",
    "naming",
    "phrasing",
    "removing",
    "renaming",
]


class Act(NamedTuple):
    """What `LibraryFile.apply` and `MemoryLibrary.apply` take."""

    change: Callable[[Collection], Collection]
    what: str
    detail: dict[str, Any]


def removing(collection: Collection, name: str, digests: Iterable[str] | None = None) -> Act:
    """Remove a species, or some of its photos; see `fgmm.library.changes.remove`."""
    known = collection.find(name).name
    detail: dict[str, Any] = {"name": known}
    unwanted = None if digests is None else set(digests)
    if unwanted is not None:
        detail["photos"] = len(unwanted)
    return Act(lambda now: changes.remove(now, known, unwanted), "remove", detail)


def renaming(collection: Collection, old: str, new: str) -> Act:
    """Give a species another name; see `fgmm.library.changes.rename`."""
    known = collection.find(old).name
    detail = {"name": known, "new": new}
    return Act(lambda now: changes.rename(now, known, new), "rename", detail)


def merging(collection: Collection, into: str, other: str) -> Act:
    """Make two species one; see `fgmm.library.changes.merge`."""
    kept, gone = collection.find(into).name, collection.find(other).name
    detail = {"name": kept, "other": gone}
    return Act(lambda now: changes.merge(now, kept, gone), "merge", detail)


def naming(collection: Collection, name: str, names: Iterable[str]) -> Act:
    """Give a species other names; see `fgmm.library.descriptions.add_names`."""
    known = collection.find(name).name
    listed = names if isinstance(names, str) else tuple(names)
    detail = {"name": known, "names": listed}
    return Act(lambda now: descriptions.add_names(now, known, listed), "add_names", detail)


def describing(collection: Collection, name: str, description: str | None) -> Act:
    """Say what a species looks like; see `fgmm.library.descriptions.describe`."""
    known = collection.find(name).name
    detail = {"name": known, "description": description}
    return Act(lambda now: descriptions.describe(now, known, description), "describe", detail)


def phrasing(new: Phrasing) -> Act:
    """Put something else around names."""
    detail = {"concept": new.concept, "templates": new.templates}
    return Act(lambda now: now.with_phrasing(new), "set_words", detail)
