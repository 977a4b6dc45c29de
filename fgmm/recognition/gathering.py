"""From pictures to a library's photos: each content once, each encoded once, or refused."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fgmm.errors import ImageError, LibraryError
from fgmm.images import read_image
from fgmm.library import Photos
from fgmm.library.thumbnails import make_thumbnail
from fgmm.recognition.sources import content_of, list_sources, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fgmm.library import Collection
    from fgmm.recognition.layers import PictureLayers

__all__ = ["Gathered", "Refused", "gather_photos"]

Why = Literal["unreadable", "twice", "known", "taken"]


@dataclass(frozen=True, slots=True)
class Refused:
    """A picture that was not used.

    Parameters
    ----------
    name : str
        Its path, or "#3" for the fourth picture given.
    why : {"unreadable", "twice", "known", "taken"}
        It cannot be read; an earlier file of the same call is the same; the species has it
        already; another species has it.
    reason : str
        The same in words.
    """

    name: str
    why: Why
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Photos of one species, ready to be added.

    Parameters
    ----------
    photos : Photos
    names : tuple of str
        What each is called in messages.
    refused : tuple of Refused
        In the order they were given.
    thumbnails : mapping of str to bytes
        JPEG files by digest, where they are wanted.
    """

    photos: Photos
    names: tuple[str, ...]
    refused: tuple[Refused, ...] = ()
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)


def gather_photos(
    images: Any,
    layers: PictureLayers,
    collection: Collection,
    name: str | None,
    *,
    given: Mapping[str, tuple[str, str]] | None = None,
    thumbnails: bool = False,
    progress: bool | None = None,
) -> Gathered:
    """Encode pictures that are new; what is known already is not encoded again.

    Parameters
    ----------
    images : picture or pictures
        As `fgmm.classify` takes them.
    layers : PictureLayers
    collection : Collection
    name : str or None
        The species they are for; None for one that is yet to come.
    given : mapping of str to tuple of str and str, optional
        Photos that are being added to other species: species and photo, by digest.
    thumbnails : bool, default=False
        Make a small picture of each.
    progress : bool, optional
        False: no bar.

    Returns
    -------
    Gathered

    Raises
    ------
    ImageError
        If pictures were given and not one of them can be read.
    LibraryError
        If all that can be read are other species'.
    """
    listed = list_sources(images)
    here = None if name is None else collection.find(name)
    numbered = _each_file_once([images] if listed is None else listed)
    sources = [source for _, source in numbered]
    names = [origin_of(source) or f"#{at}" for at, source in numbered]
    refused: dict[int, Refused] = {}
    fresh: dict[str, tuple[int, Any]] = {}
    for at, source in enumerate(sources):
        try:
            digest, ready = content_of(source, names[at])
        except ImageError as error:
            refused[at] = Refused(names[at], "unreadable", str(error))
            continue
        holder = collection.holder(digest)
        if holder is not None and here is not None and holder.id == here.id:
            refused[at] = Refused(names[at], "known", f"is a photo of {here.name!r} already")
        elif holder is not None:
            at_home = dict(zip(holder.photos.digests, holder.photos.origins, strict=True))
            called = f", {at_home[digest]}" if at_home[digest] else ""
            told = f"is a photo of {holder.name!r} already{called}; a photo shows one species"
            refused[at] = Refused(names[at], "taken", told)
        elif given is not None and digest in given:
            other, first = given[digest]
            told = f"is the same picture as {first}, of {other!r}; a photo shows one species"
            refused[at] = Refused(names[at], "taken", told)
        elif digest in fresh:
            told = f"is the same picture as {names[fresh[digest][0]]}"
            refused[at] = Refused(names[at], "twice", told)
        else:
            fresh[digest] = (at, ready)
    places = [at for at, _ in fresh.values()]
    found = layers.embed([ready for _, ready in fresh.values()], progress=progress)
    for failure in found.failures:
        at = places[failure.position]
        refused[at] = Refused(names[at], "unreadable", str(failure.error))
    digests = list(fresh)
    kept = [places[position] for position in found.positions]
    left_out = tuple(refused[at] for at in sorted(refused))
    if sources and not kept:
        _refuse_nothing_left(left_out)
    photos = Photos(
        found.vectors.numpy(),
        [digests[position] for position in found.positions],
        [origin_of(sources[at]) for at in kept],
    )
    small = {}
    if thumbnails:
        pictures = (read_image(fresh[digest][1]) for digest in photos.digests)
        small = dict(zip(photos.digests, map(make_thumbnail, pictures), strict=True))
    return Gathered(photos, tuple(names[at] for at in kept), left_out, small)


def _each_file_once(sources: list[Any]) -> list[tuple[int, Any]]:
    """Number what is given, without a path that came before: a folder and a file in it, say."""
    seen: set[str] = set()
    kept = []
    for at, source in enumerate(sources):
        if isinstance(source, (str, os.PathLike)):
            path = os.path.abspath(os.fsdecode(source))  # noqa: PTH100 (as text, whatever it is)
            if path in seen:
                continue
            seen.add(path)
        kept.append((at, source))
    return kept


def _refuse_nothing_left(refused: tuple[Refused, ...]) -> None:
    """Raise where a caller gave photos and none is of use; that all are known is no mistake."""
    n = len(refused)
    more = f" (and {n - 1} more)" if n > 1 else ""
    # the others are second copies of what cannot be read
    if not any(one.why in ("known", "taken") for one in refused):
        told = f"none of {n} photos can be read" if n > 1 else "the photo cannot be read"
        raise ImageError(f"{told}: {refused[0].reason}{more}")
    if not any(one.why == "known" for one in refused):
        first = next(one for one in refused if one.why == "taken")
        raise LibraryError(
            f"none of {n} photos can be added: {first.name} {first.reason}; merge the two species "
            "if they are one, or give other photos"
        )
