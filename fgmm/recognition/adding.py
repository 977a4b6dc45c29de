"""The part of a recogniser that learns many species as one change."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fgmm.errors import ImageError, LibraryError
from fgmm.library.additions import Addition, add_all, other_names
from fgmm.library.photos import Photos
from fgmm.plurals import counted
from fgmm.progress import ProgressBar
from fgmm.recognition.additions import Additions
from fgmm.recognition.changing import Changing
from fgmm.recognition.gathering import Gathered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fgmm.library import Collection

__all__ = ["Adding"]

_logger = logging.getLogger(__name__)
_NAMES_NOTED = 3


class Adding(Changing):
    """Adds many species: what a `fgmm.Recognizer` does in one change, and takes back in one."""

    def add_all(
        self,
        species: Mapping[str, Any] | Iterable[str],
        *,
        names: Mapping[str, Iterable[str]] | None = None,
        progress: bool | None = None,
    ) -> Additions:
        """Learn many species, or more photos of those that are there, as one change.

        One `undo` takes all of it back. A species whose photos cannot be used fails alone. When
        it is interrupted (Ctrl-C), the species whose photos were all encoded are kept.

        Parameters
        ----------
        species : mapping of str to pictures, or iterable of str
            Photos by name, each as `add_species` takes them; or names alone, for species that are
            known by their words. One that is there already gets the photos that it does not have.
        names : mapping of str to iterable of str, optional
            Other names, by name.
        progress : bool, optional
            False: no bar. By default there is one after two seconds, on a terminal.

        Returns
        -------
        Additions
            A sequence with a `fgmm.recognition.receipt.Receipt` for each species; ``failures``
            lists those that could not be added. It prints as a summary.

        Raises
        ------
        LibraryError
            If a name is given twice, is taken, or is no name.
        TextTooLong
            If a name is longer than the encoder reads.
        KeyboardInterrupt
            If it was interrupted; the message says what was kept.
        """
        given, others = _read_species(species, names)
        held = self._known()
        asked = [Addition(name, None, others.get(name, ())) for name in given]
        # what is wrong with names is told before any photo is encoded, also that one is too long
        named = add_all(self.collection, asked)
        if self._words is not None and len(named):
            self._words.vectors(named, progress=progress)
        found: list[tuple[Addition, Gathered]] = []
        failures: list[tuple[str, Exception]] = []
        stopped = False
        try:
            self._gather_all(asked, given, found, failures, progress)
        except KeyboardInterrupt:
            stopped = True
        told, old, new = self._keep_all(found)
        if stopped:
            done = len(found) + len(failures)
            if done == len(asked):
                raise KeyboardInterrupt(
                    f"stopped when all {len(asked):,} had been read; {len(told):,} species are kept"
                )
            kept = f"{len(told):,} species before it are kept" if told else "nothing is kept"
            raise KeyboardInterrupt(
                f"stopped at {asked[done].name!r}, {done + 1:,} of {len(asked):,}; {kept}; the "
                "same again goes on from there"
            )
        after = self._moment_of(new) if len(new) else None
        return Additions(self._as_it_was(held, old), after, told, failures)

    def _gather_all(
        self,
        asked: list[Addition],
        given: Mapping[str, Any],
        found: list[tuple[Addition, Gathered]],
        failures: list[tuple[str, Exception]],
        progress: bool | None,
    ) -> None:
        """Encode the photos of one species after the other, into ``found`` or ``failures``."""
        here = self.collection
        digests: dict[str, tuple[str, str]] = {}
        with ProgressBar("Adding", len(asked), progress) as bar:
            for one in asked:
                photos = given[one.name]
                known = here.find(one.name).name if one.name in here else None
                try:
                    if photos is None:
                        gathered = Gathered(Photos.none(here.dim), ())
                    else:
                        gathered = self._gather(photos, known, False, digests)
                    if known is None:
                        self._check_recognisable(one.name, gathered.photos)
                except (ImageError, LibraryError) as error:
                    failures.append((one.name, error))
                else:
                    named = ((one.name, photo) for photo in gathered.names)
                    digests |= dict(zip(gathered.photos.digests, named, strict=True))
                    found.append((dataclasses.replace(one, photos=gathered.photos), gathered))
                    if photos is not None:
                        _logger.info("%s, %s", one.name, counted(len(gathered.photos), "new photo"))
                bar.advance(f", {one.name}")

    def _keep_all(
        self, found: list[tuple[Addition, Gathered]]
    ) -> tuple[list[tuple[str, Gathered]], Collection, Collection]:
        """Make the one change; give the species' names as the library has them, and `_change`'s."""
        before = self.collection
        if not found:
            return [], before, before
        additions = [one for one, _ in found]
        new = [one.name for one in additions if one.name not in before]
        photos = sum(len(gathered.photos) for _, gathered in found)
        detail: dict[str, Any] = {
            "species": len(new),
            "photos": photos,
            "names": new[:_NAMES_NOTED],
        }
        if also := other_names(before, add_all(before, additions)):
            detail |= {"also_of": len(also), "also": dict(list(also.items())[:_NAMES_NOTED])}
        thumbnails: dict[str, bytes] = {}
        for _, gathered in found:
            thumbnails |= gathered.thumbnails
        old, made = self._change(lambda now: add_all(now, additions), "add_all", detail, thumbnails)
        told = [(made.find(one.name).name, gathered) for one, gathered in found]
        return told, old, made


def _read_species(
    species: Mapping[str, Any] | Iterable[str], names: Mapping[str, Iterable[str]] | None
) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """Read what is given: photos by name, None where there are none; other names by name."""
    if isinstance(species, str):
        raise LibraryError(f"the species are one text, {species!r}: pass a list, [{species!r}]")
    if isinstance(species, Mapping):
        given = dict(species)
    else:
        listed = list(species)
        given = dict.fromkeys(listed)
        if len(given) < len(listed):
            twice = next(name for name in given if listed.count(name) > 1)
            raise LibraryError(f"{twice!r} is given twice: give each species once")
    others = dict(names or {})
    unknown = [name for name in others if name not in given]
    if unknown:
        raise LibraryError(
            f"other names are given for {unknown[0]!r}, which is none of the species: give them by "
            "the names the species are given by"
        )
    # a text in place of a list is refused where names are checked
    return given, {
        name: of if isinstance(of, str) else tuple(of)  # type: ignore[misc]
        for name, of in others.items()
    }
