"""Names of species as people type them: tidied, compared, the nearest to one that is missing."""

from __future__ import annotations

import difflib
import unicodedata
from typing import TYPE_CHECKING

from fgmm.errors import LibraryError
from fgmm.name_folding import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["checked_name", "nearest_name"]

_LONGEST = 300


def checked_name(name: object, what: str = "a species' name") -> str:
    """Tidy the spaces of a name, and refuse what is none.

    Parameters
    ----------
    name : object
        What was given.
    what : str
        What it is the name of, for the message.

    Returns
    -------
    str

    Raises
    ------
    LibraryError
        If it is no string, is empty, has more than 300 characters, or holds characters that are
        no text: control characters, halves of a surrogate pair.

    Examples
    --------
    >>> checked_name(" great   tit")
    'great tit'
    """
    if not isinstance(name, str):
        raise LibraryError(
            f"{what} is {name!r}, a {type(name).__name__}: names are strings; write {str(name)!r}"
        )
    tidy = " ".join(name.split())
    if not tidy:
        raise LibraryError(f"{what} is {name!r}, an empty text: give it at least one letter")
    if len(tidy) > _LONGEST:
        raise LibraryError(
            f"{what} has {len(tidy)} characters, {tidy[:30]!r}...: names have at most {_LONGEST}; "
            "give a longer text as the description"
        )
    if tidy.isprintable():  # nearly always; what else is no text is looked for one by one
        return tidy
    bad = [c for c in tidy if unicodedata.category(c) in {"Cc", "Cs"}]
    if bad:
        raise LibraryError(
            f"{what} is {tidy!r}: {bad[0]!r} is no character of a text; leave it out"
        )
    return tidy


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """Find the name that is most like one that is not there, or None if nothing is.

    Examples
    --------
    >>> nearest_name("graet tit", ["Great tit", "wren"])
    'Great tit'
    """
    by_fold = {fold_name(known): known for known in names}
    near = difflib.get_close_matches(fold_name(name), by_fold, n=1)
    return by_fold[near[0]] if near else None
