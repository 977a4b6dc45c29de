"""What is put around the names of a library's species, kept with it so that it says the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fgmm.errors import LibraryError
from fgmm.library.names import checked_name

__all__ = ["Phrasing", "dump_phrasing", "load_phrasing"]


@dataclass(frozen=True, slots=True)
class Phrasing:
    """How names become texts.

    Parameters
    ----------
    reads_words : bool, optional
        Whether the library's encoder reads texts at all; None where that is not known.
    concept : str, optional
        What kind of thing all species are, such as "bird".
    templates : tuple of str, optional
        Sentences that names are put into; the usual ones if not given.

    Raises
    ------
    LibraryError
        If one of them is not so.

    Examples
    --------
    >>> Phrasing(True, " garden  bird").concept
    'garden bird'
    """

    reads_words: bool | None = None
    concept: str | None = None
    templates: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.reads_words not in (None, True, False):
            raise LibraryError(f"whether words are read is {self.reads_words!r}: yes, no, or None")
        if self.concept is not None:
            object.__setattr__(self, "concept", checked_name(self.concept, "the concept"))
        given: object = self.templates
        if given is None:
            return
        if not isinstance(given, tuple) or not given or not all(map(_is_template, given)):
            raise LibraryError(
                f"the templates are {given!r}: they are texts with {{}} for the name, or None"
            )


def _is_template(given: object) -> bool:
    return isinstance(given, str) and "{}" in given and "\\udc" not in ascii(given)


def dump_phrasing(phrasing: Phrasing) -> dict[str, Any]:
    """Give plain values, ready for JSON."""
    templates = None if phrasing.templates is None else list(phrasing.templates)
    return {
        "reads_words": phrasing.reads_words,
        "concept": phrasing.concept,
        "templates": templates,
    }


def load_phrasing(told: Any) -> Phrasing:
    """Read what `dump_phrasing` gave, or its JSON.

    Raises
    ------
    LibraryError
        If it is something else; ValueError, TypeError, LookupError too.
    """
    read = json.loads(told) if isinstance(told, str) else told
    templates = read["templates"]
    return Phrasing(
        read["reads_words"], read["concept"], None if templates is None else tuple(templates)
    )
