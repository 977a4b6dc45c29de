"""Attributes in English: which word goes where in "a small bird with a hooked bill".

An attribute is read by its name and its part alone:

- an adjective goes before its part, or before the word for the whole: "a hooked bill", "a small
  bird";
- what names its part is taken apart first: "hooked bill" of the bill, "bill longer than head";
- what begins with a preposition goes behind, and so does what has one in it: "a flower on a tall
  stem", "a fruit pointed at both ends";
- what begins with an article, or is said of the whole and ends in a plural or a part's name, is a
  thing it has: "with a dark ring", "with white spots", "with a red breast", "with a tail".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from knowledge.names import fold_plural

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Phrase", "compose", "is_plural", "read_phrase"]

_NUMBERS = {"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "many", "several"}
_SIZES = {"tiny", "small", "medium", "large", "big", "huge", "long", "short", "tall"}
_COLOURS = frozenset(
    str.split(
        "beige black blue bronze brown buff cream crimson gold golden gray green grey iridescent "
        "lilac magenta maroon multicoloured olive orange pink purple red rufous scarlet silver "
        "tan turquoise violet white yellow"
    )
)
_BEHIND = frozenset(
    str.split(
        "above about among around at behind below beneath beside between by close during from "
        "growing hanging in inside into like longer near of on outside over shorter than through "
        "under without"
    )
)
_INSIDE = {"at", "by", "from", "in", "on", "to", "with"}
_PARTS = frozenset(
    str.split(
        "back band bar beak belly bill breast cap centre center collar crest crown disc disk ear "
        "eye eyebrow face flower forehead fruit handle head horn label leaf leg lid lip mark "
        "mask mouth nape neck nose patch petal ring spot stalk stem stripe tail throat tip wing"
    )
)
_ARTICLES = ("a", "an", "the")
_PLURALS = {"antennae", "feet", "geese", "mice", "pinnae", "teeth"}
_UNCOUNTED = {"bark", "down", "flesh", "foliage", "fur", "hair", "plumage", "skin", "wool"}
_ASPECT = re.compile(r"\s+(?:(?:primary|overall|main)\s+)?(?:colou?r|shape|size)$")
_A_NOT_AN = re.compile(r"(?:eu|one\b|once\b|ubi|uni(?!n|m)|us[aeu]|ut[ei])")
_AN_NOT_A = re.compile(r"(?:[aeiou]|hono|hour|heir|(?:8|11|18)(?!\d))")


class Phrase(NamedTuple):
    """One attribute, ready to be joined with others.

    Parameters
    ----------
    noun : str
        What it is said of; empty for the whole.
    role : {"before", "behind", "thing"}
        Whether it goes before the noun, behind it, or stands for itself.
    text : str
        The words.
    """

    noun: str
    role: str
    text: str


def read_phrase(attribute: str, part: str = "") -> Phrase:
    """Tell what an attribute says of a part, by their names.

    Parameters
    ----------
    attribute : str
        Such as ``"hooked"``, ``"hooked bill"``, ``"bill: hooked"`` or ``"on a tall stem"``.
    part : str, default=""
        Such as ``"bill"``; empty for the whole.

    Returns
    -------
    Phrase
        Where its words go.

    Examples
    --------
    >>> read_phrase("curved (up or down) bill", "bill")
    Phrase(noun='bill', role='before', text='curved')
    >>> read_phrase("bill longer than head", "bill")
    Phrase(noun='bill', role='behind', text='longer than the head')
    >>> read_phrase("blue primary color")
    Phrase(noun='', role='before', text='blue')
    """
    text = " ".join(re.sub(r"\([^)]*\)", " ", attribute.replace("_", " ")).split()) or attribute
    head, _, value = text.rpartition(":")
    about = _ASPECT.sub("", f" {head.lower().strip()}").strip()
    if value.strip() and fold_plural(about) in ("", fold_plural(part.lower())):
        text = value.strip()
    text = _ASPECT.sub("", text) or text
    text = re.sub(r"\b(as|than) (?=[a-z]+$)", r"\1 the ", text)
    noun, text = _take_noun(text, part) if part else ("", text)
    words = text.split()
    if not words:
        return Phrase("", "thing", noun)
    first = words[0].lower()
    if first == "with" and len(words) > 1:
        return Phrase("", "thing", " ".join(words[1:]))
    if first in _ARTICLES:
        return Phrase("", "thing", f"{text} on the {noun}" if noun else text)
    if (first in _BEHIND and len(words) > 1) or _INSIDE.intersection(words[1:-1]):
        return Phrase(noun, "behind", text)
    if not noun and is_plural(text):
        return Phrase("", "thing", text)
    if not noun and words[-1].lower() in _PARTS:
        return Phrase("", "thing", f"{_article(text)} {text}")
    return Phrase(noun, "before", text)


def compose(word: str, phrases: Iterable[Phrase]) -> str:
    """Join phrases to one noun phrase about a thing.

    Parameters
    ----------
    word : str
        What the whole is called: ``"bird"``.
    phrases : iterable of Phrase
        Those of the same noun come together where the first of them stood.

    Returns
    -------
    str
        Without a full stop.

    Examples
    --------
    >>> compose("bird", [read_phrase("hooked", "bill"), read_phrase("small"),
    ...                  read_phrase("black", "bill"), read_phrase("in a tree")])
    'a small bird with a hooked black bill, in a tree'
    """
    nouns: dict[str, list[Phrase]] = {"": []}
    for phrase in phrases:
        # A thing is a group of its own.
        key = f"\n{phrase.text}" if phrase.role == "thing" else phrase.noun
        nouns.setdefault(key, []).append(phrase)
    whole = nouns.pop("")
    things = [
        of[0].text if key.startswith("\n") else _noun_phrase(key, of) for key, of in nouns.items()
    ]
    text = _noun_phrase(word, [phrase for phrase in whole if phrase.role == "before"])
    if things:
        text += f" with {_and(things)}"
    behind = [phrase.text for phrase in whole if phrase.role == "behind"]
    if behind:
        text += (", " if things else " ") + _and(behind)
    return text


def _take_noun(text: str, part: str) -> tuple[str, str]:
    """Part as the attribute has it, and what is left: "spotted wings" of the wing."""
    words = text.split()
    size = len(part.split())
    for n in (size, size + 1):
        last = " ".join(words[-n:])
        bare = last.removesuffix(" pattern") if n > size else last
        if n <= len(words) and fold_plural(bare.lower()) == fold_plural(part.lower()):
            return last, " ".join(words[:-n])
    if fold_plural(" ".join(words[:size]).lower()) == fold_plural(part.lower()):
        return part, " ".join(words[size:])
    return part, text


def _noun_phrase(noun: str, phrases: list[Phrase]) -> str:
    """Article, adjectives in their order, noun, and what stands behind it."""
    before = sorted((p.text for p in phrases if p.role == "before"), key=_place)
    colours = [text for text in before if _place(text) == 3]
    before = [*before[: len(before) - len(colours)], *([_and(colours)] if colours else [])]
    numbered = bool(before) and before[0].split()[0].lower() in _NUMBERS
    if numbered and before[0].split()[0].lower() not in ("no", "one") and not is_plural(noun):
        noun += "s"
    text = " ".join([*before, noun])
    if not (numbered or is_plural(noun) or noun.split()[-1].lower() in _UNCOUNTED):
        text = f"{_article(text)} {text}"
    behind = [p.text for p in phrases if p.role == "behind"]
    return f"{text} {_and(behind)}" if behind else text


def _place(adjective: str) -> int:
    """English puts number before size before the rest before colour."""
    words = adjective.lower().split()
    if words[0] in _NUMBERS:
        return 0
    if words[-1] in _SIZES or words[-1].endswith("-sized"):
        return 1
    colour = words[-1] in _COLOURS or words[-1].endswith(("-coloured", "-colored"))
    return 3 if colour else 2


def is_plural(text: str) -> bool:
    """Tell by its last word whether a noun is a plural.

    Parameters
    ----------
    text : str
        Such as ``"long legs"``.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_plural("long legs"), is_plural("grass"), is_plural("feet")
    (True, False, True)
    """
    last = text.split()[-1].lower()
    return last in _PLURALS or (
        len(last) > 3 and last.endswith("s") and not last.endswith(("ss", "us", "is"))
    )


def _article(text: str) -> str:
    lower = text.lower()
    return "an" if _AN_NOT_A.match(lower) and not _A_NOT_AN.match(lower) else "a"


def _and(texts: list[str]) -> str:
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
