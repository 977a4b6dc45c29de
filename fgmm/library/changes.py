"""What can be done to a collection. Each gives a new one, or raises and nothing has happened."""

from __future__ import annotations

import dataclasses
import uuid
from typing import TYPE_CHECKING

from fgmm.errors import LibraryError
from fgmm.library.given_photos import new_photos
from fgmm.library.photos import Photos
from fgmm.library.species import Species
from fgmm.name_folding import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fgmm.library.collection import Collection

__all__ = ["add_photos", "add_species", "merge", "remove", "rename"]


def add_species(
    collection: Collection,
    name: str,
    photos: Photos | None = None,
    *,
    names: Iterable[str] = (),
    description: str | None = None,
    attributes: Mapping[str, float] | None = None,
    parent: str | None = None,
    id: str | None = None,
) -> Collection:
    """Add a species; without photos it is known by its words.

    Parameters
    ----------
    collection : Collection
    name : str
    photos : Photos, optional
        Second copies of one content are left out, see `fgmm.library.new_photos`.
    names : iterable of str
        Other names.
    description : str, optional
    attributes : mapping of str to float, optional
    parent : str, optional
        What it is a kind of.
    id : str, optional
        A random one that was never used, if not given.

    Returns
    -------
    Collection

    Raises
    ------
    LibraryError
        If a name is taken, a photo is another species', or something is not as `Species` and
        `Photos` want it.

    Examples
    --------
    >>> from fgmm.library import Collection, Photos
    >>> empty = Collection("fake/1", 2, "fake")
    >>> birds = add_species(empty, "wren", Photos([[0.0, 1.0]], ["ab" * 16]))
    >>> add_species(birds, "Wren")
    Traceback (most recent call last):
    fgmm.errors.LibraryError: 'Wren' is there already: add_photos('wren', ...) adds photos. ...
    """
    if name in collection:
        known = collection.find(name)
        also = "" if fold_name(name) == fold_name(known.name) else f", a name of {known.name!r}"
        raise LibraryError(
            f"{name!r} is there already{also}: add_photos({known.name!r}, ...) adds photos. Of "
            "another species, choose another name: case and spaces make no difference"
        )
    new, _ = new_photos(collection, None, Photos.none(collection.dim) if photos is None else photos)
    species = Species(
        uuid.uuid4().hex if id is None else id,
        name,
        names if isinstance(names, str) else tuple(names),  # type: ignore[arg-type]  # refused
        description,
        {} if attributes is None else attributes,
        parent,
        photos=new,
    )
    if species.id in collection.species:
        raise LibraryError(
            f"the id {species.id!r} belongs to {collection.species[species.id].name!r}: leave it "
            "out, and a new one is made"
        )
    return collection.with_species({species.id: species})


def add_photos(collection: Collection, name: str, photos: Photos) -> Collection:
    """Add photos to a species; those it has already are left out, see `fgmm.library.new_photos`.

    Parameters
    ----------
    collection : Collection
    name : str
    photos : Photos

    Returns
    -------
    Collection
        The same one if all photos are known.

    Raises
    ------
    SpeciesNotFound
        If no species is called ``name``.
    LibraryError
        If a photo is another species'.

    Examples
    --------
    >>> from fgmm.library import Collection, Photos
    >>> birds = add_species(Collection("fake/1", 2, "fake"), "wren")
    >>> add_photos(birds, "wren", Photos([[0.0, 1.0]], ["ab" * 16])).n_photos
    1
    """
    species = collection.find(name)
    new, _ = new_photos(collection, name, photos)
    if not len(new):
        return collection
    changed = dataclasses.replace(species, photos=species.photos.joined(new))
    return collection.with_species({species.id: changed})


def remove(collection: Collection, name: str, digests: Iterable[str] | None = None) -> Collection:
    """Remove a species, or some of its photos.

    Parameters
    ----------
    collection : Collection
    name : str
    digests : iterable of str, optional
        Photos to remove. A species that loses its last photo is still known by its words.

    Returns
    -------
    Collection

    Raises
    ------
    SpeciesNotFound
        If no species is called ``name``.
    LibraryError
        If it does not have one of the photos, or none are given.

    Examples
    --------
    >>> from fgmm.library import Collection, Photos
    >>> birds = Collection("fake/1", 2, "fake")
    >>> more = add_species(birds, "wren", Photos([[0.0, 1.0]], ["ab" * 16]))
    >>> remove(more, "wren", ["ab" * 16]).n_photos, remove(more, "wren") == birds
    (0, True)
    """
    species = collection.find(name)
    if digests is None:
        return collection.with_species({species.id: None})
    unwanted = {digests} if isinstance(digests, str) else set(digests)
    if not unwanted:
        raise LibraryError(
            f"no photo of {species.name!r} is named to be removed: give their digests, or leave "
            "them out to remove the species"
        )
    missing = sorted(unwanted - set(species.photos.digests))
    if missing:
        holder = collection.holder(missing[0])
        where = f"; it is one of {holder.name!r}" if holder else ""
        raise LibraryError(
            f"{species.name!r} has no photo {missing[0]!r}{where}: give digests of its photos"
        )
    kept = [at for at, digest in enumerate(species.photos.digests) if digest not in unwanted]
    changed = dataclasses.replace(species, photos=species.photos.select(kept))
    return collection.with_species({species.id: changed})


def rename(collection: Collection, name: str, new: str) -> Collection:
    """Give a species another name; the one it had is not kept.

    Parameters
    ----------
    collection : Collection
    name : str
    new : str
        May be one of its other names.

    Returns
    -------
    Collection

    Raises
    ------
    SpeciesNotFound, LibraryError
        If no species is called ``name``; if ``new`` is no name, or another species'.

    Examples
    --------
    >>> from fgmm.library import Collection
    >>> birds = add_species(Collection("fake/1", 2, "fake"), "wren")
    >>> rename(birds, "wren", "winter wren").find("winter wren").name
    'winter wren'
    """
    species = collection.find(name)
    return collection.with_species({species.id: dataclasses.replace(species, name=new)})


def merge(collection: Collection, into: str, other: str) -> Collection:
    """Make two species one: photos and names of both, and what else is known.

    The other's names become other names of ``into``. Where both have a description, a parent or
    a value of one attribute, that of ``into`` is kept.

    Parameters
    ----------
    collection : Collection
    into : str
        The species that stays, with its id and its place.
    other : str
        The species that is gone afterwards.

    Returns
    -------
    Collection

    Raises
    ------
    SpeciesNotFound, LibraryError
        If one of them is not there; if both are the same species.

    Examples
    --------
    >>> from fgmm.library import Collection
    >>> birds = add_species(Collection("fake/1", 2, "fake"), "wren")
    >>> birds = add_species(birds, "Troglodytes")
    >>> merge(birds, "wren", "Troglodytes").find("wren").names
    ('Troglodytes',)
    """
    kept, gone = collection.find(into), collection.find(other)
    if kept.id == gone.id:
        raise LibraryError(f"{into!r} and {other!r} are one species, {kept.name!r}: name two")
    both = dataclasses.replace(
        kept,
        names=(*kept.names, *gone.all_names),
        description=kept.description or gone.description,
        attributes={**gone.attributes, **kept.attributes},
        parent=kept.parent or gone.parent,
        photos=kept.photos.joined(gone.photos),
    )
    return collection.with_species({gone.id: None, kept.id: both})
