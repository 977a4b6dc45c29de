"""The English article: "a tit", "an apple", "an hour", "a unicorn", "an F-16"."""

from __future__ import annotations

import re

__all__ = ["choose_article", "has_article"]

_ARTICLES = ("a", "an", "the")
# Letters whose names begin with a vowel sound: "an F-16", but "a U-boat".
_VOWEL_LETTERS = frozenset("AEFHILMNORSX")
_SILENT_H = re.compile(r"hour(?!i)|hono|honest|heir")
# A written vowel that is spoken "you" or "won".
_CONSONANT_SOUND = re.compile(
    r"eu|ewe|ouija|one(?![a-z])|once(?![a-z])|uni(?![mn]|dentif)"
    r"|u(?:bi|fo|gan|k(?![a-z])|kr|kulele|ran|rin|rol|ru|s(?:[abeu]|(?![a-z]))|te|ti|topi|vul)"
)
_SPOKEN_NUMBER = re.compile(r"8|1[18](?!\d)|1[18]\d{2}(?!\d)")
_LETTER = r"[^\W\d_]"
# Spelled out when spoken: F-16, A320, MD-80, BMW.
_ABBREVIATION = re.compile(
    rf"[A-Z](?!{_LETTER})|[A-Z]{{2,4}}(?=[\d-])|[B-DF-HJ-NP-TV-Z]{{2,}}(?!{_LETTER})"
)


def choose_article(name: str) -> str:
    """Choose "a" or "an" by how the first word of a name sounds.

    A rule of thumb with the usual exceptions, not a pronouncing dictionary.

    Parameters
    ----------
    name : str

    Returns
    -------
    "a" or "an"

    Examples
    --------
    >>> [choose_article(name) for name in ("tit", "apple", "hour", "unicorn", "F-16")]
    ['a', 'an', 'an', 'a', 'an']
    """
    word = re.sub(r"^[^\w]+", "", name)
    if _ABBREVIATION.match(word):
        return "an" if word[0] in _VOWEL_LETTERS else "a"
    word = word.casefold()
    if _SPOKEN_NUMBER.match(word) or _SILENT_H.match(word):
        return "an"
    # An accent does not change the sound: "an état".
    vowel = word != "" and word[0] in "aeiouàáâãäåæèéêëìíîïòóôõöøœùúû"
    return "an" if vowel and not _CONSONANT_SOUND.match(word) else "a"


def has_article(name: str) -> bool:
    """Whether a name brings its own article, as "the moon" does.

    Examples
    --------
    >>> has_article("the moon"), has_article("moon"), has_article("a")
    (True, False, False)
    """
    first, _, rest = name.partition(" ")
    return bool(rest) and first.casefold() in _ARTICLES
