"""Names as people write them: folding, and an index from names to concepts.

Two names are the same if they differ in case, accents, hyphens, apostrophes or spaces only. Where
no name is the same in that sense, plurals are folded as well: ``irises`` finds ``iris``.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from knowledge.concept import Concept

__all__ = ["NameIndex", "fold", "fold_plural", "say_nearest", "suggest"]

# ' ` and the typographic ones: single quotes, acute, modifier letters, prime.
_APOSTROPHES = dict.fromkeys([0x27, 0x60, 0x2018, 0x2019, 0xB4, 0x2B9, 0x2BB, 0x2BC, 0x2032])
_BETWEEN = re.compile(r"[^0-9a-z]+")
# Letters that Unicode does not take apart, and the sign of a hybrid.
_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "\u0131": "i", "\u00d7": " x "}
)
# Plurals that no rule gives, and words that only look like one.
_IRREGULAR = {
    "cacti": "cactus",
    "chilis": "chili",
    "emus": "emu",
    "feet": "foot",
    "fungi": "fungus",
    "geese": "goose",
    "gladioli": "gladiolus",
    "gnus": "gnu",
    "hippopotami": "hippopotamus",
    "kiwis": "kiwi",
    "kudus": "kudu",
    "lens": "lens",
    "men": "man",
    "mice": "mouse",
    "narcissi": "narcissus",
    "octopi": "octopus",
    "okapis": "okapi",
    "oxen": "ox",
    "teeth": "tooth",
    "women": "woman",
    "zucchinis": "zucchini",
}
# Endings and what takes their place, in a form that singular and plural share (rose and roses
# become ros, leaf and leaves leav): the first that fits is taken.
_ENDINGS = (
    (re.compile(r"(?<=..)(ies|ie)$"), "y"),
    (re.compile(r"(?<=..)(ves|ve|(?<!f)fe|(?<!f)fs?)$"), "v"),
    (re.compile(r"(?<=..)(?:(?<=[sxzo])|(?<=[cs]h))es?$"), ""),
    (re.compile(r"(?<=..)ae$"), "a"),
    (re.compile(r"(?<=..)(?<![sui])s$"), ""),
)


def fold(name: str) -> str:
    """Give the form that spellings of one name share.

    Parameters
    ----------
    name : str
        A name in any script.

    Returns
    -------
    str
        Lower case, without accents and apostrophes, words joined by single spaces.

    Examples
    --------
    >>> fold("Brewer’s Black-bird") == fold("BREWERS  BLACK BIRD")
    True
    >>> fold("Rüppell's Vulture")
    'ruppells vulture'
    """
    if name.isascii():
        text = _BETWEEN.sub(" ", name.replace("'", "").replace("`", "").lower()).strip()
    else:
        text = unicodedata.normalize("NFKD", name.translate(_APOSTROPHES)).casefold()
        # Accents of Latin, Greek and Cyrillic; other scripts' marks change the word.
        text = unicodedata.normalize("NFKD", text).translate(_LETTERS)
        kept = (
            " " if unicodedata.category(letter)[0] not in "LNM" else letter
            for letter in text
            if not "\u0300" <= letter <= "\u036f"
        )
        text = unicodedata.normalize("NFC", " ".join("".join(kept).split()))
    return text or name.strip().casefold()  # a name of signs alone


def fold_plural(folded: str) -> str:
    """Give the form that a folded name and its plural share; it is not always a word.

    Parameters
    ----------
    folded : str
        What `fold` gave.

    Returns
    -------
    str
        Each word in the form its singular and plural share.

    Examples
    --------
    >>> fold_plural("birds of paradise") == fold_plural("bird of paradise")
    True
    >>> fold_plural("leaves"), fold_plural("leaf")
    ('leav', 'leav')
    """
    return " ".join(map(_stem, folded.split(" ")))


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    word = _IRREGULAR.get(word, word)
    if len(word) > 2 and word != "lens":
        for ending, other in _ENDINGS:
            stem = ending.sub(other, word)
            if stem != word:
                return stem
    return word


def suggest(name: str, known: Iterable[str]) -> str:
    """Say which of some ids or words look like a name, as the end of a message.

    Parameters
    ----------
    name : str
        What was asked for.
    known : iterable of str
        What there is.

    Returns
    -------
    str
        At most three, the nearest first; empty where nothing is near.

    Examples
    --------
    >>> suggest("Sunflowr", ["rose", "sunflower"])
    "; the nearest is 'sunflower'"
    """
    folded: dict[str, str] = {}
    for word in known:
        folded.setdefault(fold(word), word)
    found = _Grams(folded).nearest(fold(name), 3) if folded else []
    return say_nearest([folded[word] for word in found])


def say_nearest(names: list[str]) -> str:
    """Name the nearest, as the end of a message; empty if there are none.

    Examples
    --------
    >>> say_nearest(["rose", "oak"])
    "; the nearest are 'rose', 'oak'"
    """
    verb = "the nearest are" if len(names) > 1 else "the nearest is"
    return f"; {verb} {', '.join(map(repr, names))}" if names else ""


class NameIndex:
    """From names to ids of concepts of one kind; grows, never shrinks."""

    def __init__(self) -> None:
        self._ids: dict[str, list[str]] = {}
        self._plurals: dict[str, list[str]] | None = None
        self._grams: _Grams | None = None

    def add(self, concept: Concept) -> None:
        """Take in a concept under its id and all its names."""
        for folded in {fold(name) for name in (concept.id, *concept.names)}:
            self._ids.setdefault(folded, []).append(concept.id)
        self._plurals = self._grams = None

    def ids(self, name: str) -> list[str]:
        """Ids of all concepts that bear this name, or, if none does, its singular or plural."""
        folded = fold(name)
        found = self._ids.get(folded)
        if found is None:
            if self._plurals is None:
                self._plurals = {}
                for known, ids in self._ids.items():
                    self._plurals.setdefault(fold_plural(known), []).extend(ids)
            found = self._plurals.get(fold_plural(folded), [])
        return list(dict.fromkeys(found))

    def nearest(self, name: str, n: int = 3) -> list[str]:
        """At most ``n`` folded names that look like this one, the nearest first."""
        if not self._ids:
            return []
        if self._grams is None:
            self._grams = _Grams(self._ids)
        return self._grams.nearest(fold(name), n)

    def shared(self) -> dict[str, list[str]]:
        """Folded names that more than one concept bears, each with their ids."""
        return {name: ids for name, ids in self._ids.items() if len(ids) > 1}


class _Grams:
    """Which names have which groups of three letters: a first sieve for likeness."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        sizes = np.array([len(name) + 3 for name in self._names])
        rows = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        inside = rows[:-2] == rows[2:]  # not across the end of a name
        codes = self._codes(self._names)[inside]
        order = np.argsort(codes, kind="stable")
        self._rows = rows[:-2][inside][order]
        self._starts = np.searchsorted(codes[order], np.arange(2**16 + 1))
        self._sizes = (sizes - 2).astype(np.float64)

    @staticmethod
    def _codes(names: list[str]) -> np.ndarray:
        """One number in 16 bits for each group of three; two groups seldom share one."""
        text = "".join(f"  {name} " for name in names).encode("utf-32-le", "surrogatepass")
        letters = np.frombuffer(text, dtype=np.uint32)
        mixed = letters[:-2] * 961 + letters[1:-1] * 31 + letters[2:]
        return mixed.astype(np.uint16)

    def nearest(self, name: str, n: int, *, sieve: int = 50, floor: float = 0.6) -> list[str]:
        """Names by likeness of difflib, of the ``sieve`` that share most groups of letters."""
        name = name[:200]
        grams = np.unique(self._codes([name]))
        spans = [
            self._rows[self._starts[gram] : self._starts[gram + 1]] for gram in map(int, grams)
        ]
        shared = np.bincount(np.concatenate(spans), minlength=len(self._names))
        dice = 2 * shared / (self._sizes + len(grams))
        best = np.argsort(-dice, kind="stable")[:sieve]
        scored = []
        for known in (self._names[row] for row in best if shared[row]):
            likeness = SequenceMatcher(None, name, known[:200]).ratio()
            if likeness >= floor:
                scored.append((-likeness, known))
        return [known for _, known in sorted(scored)[:n]]
