"""Photos that are given to a library: which are new to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fgmm.errors import LibraryError

if TYPE_CHECKING:
    from fgmm.library.collection import Collection
    from fgmm.library.photos import Photos

__all__ = ["new_photos"]


def new_photos(collection: Collection, name: str | None, photos: Photos) -> tuple[Photos, Photos]:
    """Tell photos that are new to a species from those it has already.

    Parameters
    ----------
    collection : Collection
    name : str or None
        Of the species they are for; None for a species that is yet to come.
    photos : Photos

    Returns
    -------
    new : Photos
        The first of each content that the species does not have.
    known : Photos
        The others: those it has, and second copies among ``photos``.

    Raises
    ------
    SpeciesNotFound
        If no species is called ``name``.
    LibraryError
        If another species has one of them, or the vectors are of another length.

    Examples
    --------
    >>> from fgmm.library import Collection, Photos
    >>> photos = Photos([[1.0, 0.0], [1.0, 0.0]], ["ab" * 16] * 2, ["a.jpg", "copy.jpg"])
    >>> new, known = new_photos(Collection("fake/1", 2, "fake"), None, photos)
    >>> new.origins, known.origins
    (('a.jpg',), ('copy.jpg',))
    """
    here = None if name is None else collection.find(name)
    if photos.dim != collection.dim:
        raise LibraryError(
            f"the photos' vectors have {photos.dim} numbers and this library's have "
            f"{collection.dim}: encode the photos with {collection.encoder!r}"
        )
    new: dict[str, int] = {}
    known = []
    for at, digest in enumerate(photos.digests):
        holder = collection.holder(digest)
        if holder is not None and (here is None or holder.id != here.id):
            shown = photos.origins[at] or digest
            raise LibraryError(
                f"the photo {shown!r} is already one of {holder.name!r}: a photo shows one "
                f"species; remove it there first, leave it out, or merge the two species"
            )
        if holder is not None or digest in new:
            known.append(at)
        else:
            new[digest] = at
    return photos.select(new.values()), photos.select(known)
