"""Many species at once, as one change."""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fgmm.errors import LibraryError
from fgmm.library.given_photos import new_photos
from fgmm.library.photos import Photos
from fgmm.library.species import Species
from fgmm.name_folding import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fgmm.library.collection import Collection

__all__ = ["Addition", "add_all", "other_names"]


@dataclass(frozen=True, slots=True, eq=False)
class Addition:
    """What is to be known of a species, new or not.

    Parameters
    ----------
    name : str
    photos : Photos or None
    names : tuple of str
        Other names.
    id : str
        Of the species if it is new; a random one that was never used, if not given.
    """

    name: str
    photos: Photos | None = None
    names: tuple[str, ...] = ()
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


def add_all(collection: Collection, additions: Iterable[Addition]) -> Collection:
    """Add species; one that is there gets the photos and other names that it does not have.

    Parameters
    ----------
    collection : Collection
    additions : iterable of Addition

    Returns
    -------
    Collection

    Raises
    ------
    LibraryError
        If a name is given twice or is another species', or a photo is; nothing has happened.

    Examples
    --------
    >>> from fgmm.library import Collection
    >>> birds = add_all(Collection("fake/1", 2, "fake"), [Addition("wren"), Addition("great tit")])
    >>> birds = add_all(birds, [Addition("Wren", names=("Zaunkönig",)), Addition("dodo")])
    >>> [one.name for one in birds], birds.find("wren").names
    (['wren', 'great tit', 'dodo'], ('Zaunkönig',))
    """
    changed: dict[str, Species | None] = {}
    spelt: dict[str, str] = {}
    for one in additions:
        known = collection.find(one.name) if one.name in collection else None
        key = one.id if known is None else known.id
        folded = fold_name(str(one.name if known is None else known.name))
        if folded in spelt:
            raise LibraryError(
                f"{one.name!r} is given twice (also as {spelt[folded]!r}): names are told apart by "
                "more than case and spaces; give each species once"
            )
        spelt[folded] = one.name
        photos = Photos.none(collection.dim) if one.photos is None else one.photos
        new, _ = new_photos(collection, None if known is None else known.name, photos)
        if known is None:
            changed[key] = Species(key, one.name, one.names, photos=new)
        elif len(new) or set(map(fold_name, one.names)) - set(map(fold_name, known.all_names)):
            changed[key] = dataclasses.replace(
                known, names=(*known.names, *one.names), photos=known.photos.joined(new)
            )
    return collection.with_species(changed)


def other_names(before: Collection, after: Collection) -> dict[str, tuple[str, ...]]:
    """List the other names that species got which were there before.

    Parameters
    ----------
    before, after : Collection
        Of a change that takes no species away.

    Returns
    -------
    dict of str to tuple of str
        By the species' name, as it was before.

    Examples
    --------
    >>> from fgmm.library import Collection
    >>> birds = add_all(Collection("fake/1", 2, "fake"), [Addition("wren"), Addition("dodo")])
    >>> other_names(birds, add_all(birds, [Addition("wren", names=("Wren", "Zaunkönig"))]))
    {'wren': ('Zaunkönig',)}
    """
    found = {}
    for one in before:
        now = after.species.get(one.id, one)
        if more := tuple(name for name in now.names if name not in one.names):
            found[one.name] = more
    return found
