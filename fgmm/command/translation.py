"""Messages of the library in the words of the command line: options in place of parameters."""

from __future__ import annotations

import re

__all__ = ["translate"]

_WORDS = (
    (r"pass encoder='([^']+)' to have", r"give --encoder \1 to have"),
    (r"add one, recognizer\.add_species\(\.\.\.\)", "add one, fgmm species add NAME PHOTOS"),
    (r"see what `fgmm\.library\.verify` finds", "see what fgmm verify finds"),
    (r"create it, or look for its name", "fgmm species add makes one; or look for its name"),
    (r"leave coverage out", "leave --coverage out"),
    (r"leave encoder= out", "leave --encoder out"),
    (r"; pass max_pixels=\d+ if it is meant", "; make it smaller"),
    (r", or load the encoder with on_long='truncate'", ""),
    (r"pass its files, see fgmm\.images\.find_images", "give its files"),
)
_PATTERNS = tuple((re.compile(python), words) for python, words in _WORDS)


def translate(message: str) -> str:
    """Say what a message of the library says in words of the command line.

    Parameters
    ----------
    message : str

    Returns
    -------
    str
        The message itself where it speaks of no Python.

    Examples
    --------
    >>> translate("no species is known yet: add one, recognizer.add_species(...)")
    'no species is known yet: add one, fgmm species add NAME PHOTOS'
    """
    for pattern, words in _PATTERNS:
        message = pattern.sub(words, message)
    return message
