"""Changes of what is said of a species: its other names, what it looks like."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from fgmm.errors import LibraryError
from fgmm.name_folding import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fgmm.library.collection import Collection

__all__ = ["add_names", "describe"]


def add_names(collection: Collection, name: str, names: Iterable[str]) -> Collection:
    """Give a species other names, beside those it has.

    Parameters
    ----------
    collection : Collection
    name : str
    names : iterable of str
        Those it has already make no difference.

    Returns
    -------
    Collection

    Raises
    ------
    SpeciesNotFound, LibraryError
        If no species is called ``name``; if one is no name, another species', or none are given.

    Examples
    --------
    >>> from fgmm.library import Collection, add_species
    >>> birds = add_species(Collection("fake/1", 2, "fake"), "wren")
    >>> add_names(birds, "wren", ["Zaunkönig", "WREN"]).find("wren").names
    ('Zaunkönig',)
    """
    species = collection.find(name)
    if isinstance(names, str):
        raise LibraryError(
            f"the other names of {species.name!r} are one text, {names!r}: pass [{names!r}]"
        )
    given = tuple(names)
    if not given:
        raise LibraryError(f"no other name of {species.name!r} is given: give at least one")
    known = set(map(fold_name, species.all_names))
    more = [one for one in given if not isinstance(one, str) or fold_name(one) not in known]
    changed = dataclasses.replace(species, names=(*species.names, *more))
    return collection.with_species({species.id: changed})


def describe(collection: Collection, name: str, description: str | None) -> Collection:
    """Say what a species looks like, in place of what was said before.

    Parameters
    ----------
    collection : Collection
    name : str
    description : str or None
        None, or an empty text: nothing is said.

    Returns
    -------
    Collection

    Raises
    ------
    SpeciesNotFound, LibraryError
        If no species is called ``name``; if it is no text.

    Examples
    --------
    >>> from fgmm.library import Collection, add_species
    >>> birds = add_species(Collection("fake/1", 2, "fake"), "wren")
    >>> describe(birds, "wren", "small and brown").find("wren").description
    'small and brown'
    """
    species = collection.find(name)
    changed = dataclasses.replace(species, description=description)
    return collection.with_species({species.id: changed})
