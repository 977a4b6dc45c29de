"""What was done to a library, and where its species stood: enough to take a change back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fgmm.errors import LibraryError
from fgmm.library.names import checked_name

if TYPE_CHECKING:
    from fgmm.library.collection import Collection
    from fgmm.library.species import Species

__all__ = ["HistoryEntry", "Place", "detail_text", "difference", "placed", "places_of", "restored"]


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change of a library.

    Parameters
    ----------
    number : int
        From 1, in the order they were made.
    when : str
        In UTC, as `fgmm.library.utc_now` writes it.
    what : str
        In a word or two: ``"add_species"``, ``"undo"``.
    detail : mapping
        What the caller noted; of an undo ``{"change": number}``. Empty once it was forgotten.
    undone : bool
        Whether it was taken back.
    forgotten : bool
        Whether a later `forget` removed what is needed to take it back.
    final : bool
        Whether it was never to be taken back: what a copy began with.
    """

    number: int
    when: str
    what: str
    detail: Mapping[str, Any]
    undone: bool = False
    forgotten: bool = False
    final: bool = False

    @property
    def can_be_undone(self) -> bool:
        """Whether it can be taken back: a change that was not, nor forgotten, nor final."""
        over = self.undone or self.forgotten or self.final
        return not over and self.what not in ("undo", "forget")


@dataclass(frozen=True, slots=True)
class Place:
    """A species and where it stands among the others; positions grow, with gaps."""

    position: int
    species: Species


def places_of(collection: Collection) -> dict[str, Place]:
    """Number the species of a collection, by id."""
    return {one.id: Place(at, one) for at, one in enumerate(collection)}


def difference(before: Mapping[str, Place], after: Collection) -> dict[str, Place | None]:
    """Find what has to change for a collection to take the place of what was there.

    Parameters
    ----------
    before : mapping of str to Place
        By id.
    after : Collection

    Returns
    -------
    dict of str to Place or None
        By id, only what differs: what is there afterwards, None where nothing is.
    """
    changed: dict[str, Place | None] = dict.fromkeys(
        key for key in before if key not in after.species
    )
    last = max((place.position for place in before.values()), default=-1)
    at = -1
    for key, species in after.species.items():
        place = before.get(key)
        # One that came before what now precedes it goes to the end, and so do new ones.
        if place is None or place.position <= at:
            at = last = max(last, at) + 1
            changed[key] = Place(at, species)
            continue
        at = place.position
        if place.species is not species and place.species != species:
            changed[key] = Place(at, species)
    return changed


def placed(places: Mapping[str, Place], changed: Mapping[str, Place | None]) -> dict[str, Place]:
    """Put what is changed into its places; by id, in the order of positions."""
    kept = {key: place for key, place in places.items() if key not in changed}
    kept |= {key: place for key, place in changed.items() if place is not None}
    return dict(sorted(kept.items(), key=lambda item: item[1].position))


def restored(
    collection: Collection, places: Mapping[str, Place], changed: Mapping[str, Place | None]
) -> Collection:
    """Put species as they were into a collection whose species stand at ``places``."""
    species = {key: None if place is None else place.species for key, place in changed.items()}
    return collection.with_species(species, order=placed(places, changed))


def detail_text(what: str, detail: Mapping[str, Any]) -> str:
    """Write a change's detail as JSON.

    Raises
    ------
    LibraryError
        If ``what`` is no word or ``detail`` holds something that JSON cannot.
    """
    checked_name(what, "the name of a change")
    try:
        if not isinstance(detail, Mapping):
            raise TypeError(f"a {type(detail).__name__}")
        return json.dumps(dict(detail), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise LibraryError(
            f"the detail of {what!r} cannot be written down ({error}): it is a mapping of texts, "
            "numbers and lists"
        ) from error
