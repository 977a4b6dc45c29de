"""The species of the field guide: what they are called and how they differ.

Nothing here draws. A species is a value for every visible attribute. Genera are
drawn at random; within a genus each species departs from the first one (the
"common" one) in one or two attributes, so that every species has a near twin.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ATTRIBUTES", "Species", "describe", "invent_species"]

ATTRIBUTES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "size": ("small", "medium", "large"),
        "bill shape": ("conical", "hooked", "needle", "curved", "dagger"),
        "bill colour": ("black", "yellow", "orange", "grey"),
        "back colour": ("brown", "grey", "olive", "blue", "black", "rufous"),
        "breast colour": ("white", "buff", "yellow", "orange", "grey"),
        "breast pattern": ("plain", "streaked", "spotted", "barred", "banded"),
        "crown": ("plain", "black", "white", "red", "yellow"),
        "crest": ("no", "pointed"),
        "eyebrow": ("no", "white"),
        "eye ring": ("no", "white", "yellow"),
        "throat": ("plain", "black", "white", "red"),
        "wing bars": ("no", "one", "two"),
        "tail shape": ("short", "long", "forked", "rounded"),
        "legs": ("black", "pink", "yellow", "red"),
    }
)
"""Every visible attribute and the values it takes, in the order of the sentence."""

_HEADS = (
    "tar",
    "wem",
    "pil",
    "dro",
    "sca",
    "fen",
    "mur",
    "hol",
    "ves",
    "kib",
    "lan",
    "oss",
    "quer",
    "ruf",
    "bram",
)
_TAILS = ("lin", "bit", "tern", "chat", "wick", "ling", "rail", "kin", "dow")
_LATIN = {
    "size": "magnitudine",
    "bill shape": "rostrata",
    "bill colour": "rostricolor",
    "back colour": "dorsalis",
    "breast colour": "ventralis",
    "breast pattern": "pectoralis",
    "crown": "capitata",
    "crest": "cristata",
    "eyebrow": "superciliosa",
    "eye ring": "ocularis",
    "throat": "gularis",
    "wing bars": "alaris",
    "tail shape": "caudata",
    "legs": "cruralis",
}


@dataclass(frozen=True, slots=True)
class Species:
    """One species of the field guide.

    Attributes
    ----------
    name : str
        Common name, unique in the guide, such as ``"hook-billed tarlin"``.
    scientific_name : str
        Latin-like binomial, unique in the guide.
    genus : str
        The second word of the common name.
    attributes : mapping of str to str
        A value for every key of `ATTRIBUTES`.
    novel : bool
        True for the species that no shipped weights were trained on.
    """

    name: str
    scientific_name: str
    genus: str
    attributes: Mapping[str, str]
    novel: bool

    @property
    def sentence(self) -> str:
        """What a birder would write in a notebook: every attribute in one sentence."""
        return describe(self.attributes)

    def differences(self, other: Species) -> dict[str, tuple[str, str]]:
        """Attributes in which two species differ, with both values.

        Parameters
        ----------
        other : Species

        Returns
        -------
        dict of str to (str, str)
            For each attribute that differs: the value here, the value there.
        """
        return {
            key: (value, other.attributes[key])
            for key, value in self.attributes.items()
            if value != other.attributes[key]
        }


def describe(attributes: Mapping[str, str]) -> str:
    """Put a bird's attributes into one English sentence.

    Parameters
    ----------
    attributes : mapping of str to str
        A value for every key of `ATTRIBUTES`.

    Returns
    -------
    str

    Examples
    --------
    >>> describe({key: values[0] for key, values in ATTRIBUTES.items()} | {"eyebrow": "white"})
    'a small brown bird with a conical black bill, a white eyebrow, a plain white breast,
    a short tail and black legs'
    """
    a = attributes
    breast = f"{_article(a['breast pattern'])} {a['breast pattern']} {a['breast colour']} breast"
    marks = [f"{_article(a['bill shape'])} {a['bill shape']} {a['bill colour']} bill"]
    marks += [f"a {a['crown']} crown"] * (a["crown"] != "plain")
    marks += ["a pointed crest"] * (a["crest"] != "no")
    marks += ["a white eyebrow"] * (a["eyebrow"] != "no")
    marks += [f"a {a['eye ring']} eye ring"] * (a["eye ring"] != "no")
    marks += [f"a {a['throat']} throat"] * (a["throat"] != "plain")
    marks += [breast]
    marks += [f"{a['wing bars']} white wing bar{'s' * (a['wing bars'] == 'two')}"] * (
        a["wing bars"] != "no"
    )
    marks += [f"a {a['tail shape']} tail"]
    return f"a {a['size']} {a['back colour']} bird with {', '.join(marks)} and {a['legs']} legs"


def invent_species(n_genera: int = 40, per_genus: int = 6, seed: int = 0) -> tuple[Species, ...]:
    """Make up the species of a guide.

    Parameters
    ----------
    n_genera : int, default=40
        Number of genera; at most 135, the number of names there are.
    per_genus : int, default=6
        Species in each genus; at most 10.
    seed : int, default=0
        Another seed gives another guide.

    Returns
    -------
    tuple of Species
        Genus by genus, the common species of each genus first. Every third
        species of a genus is novel.

    Raises
    ------
    ValueError
        If that many cannot be named.

    Examples
    --------
    >>> common, twin, *_ = invent_species()
    >>> len(common.differences(twin)) in (1, 2)
    True
    """
    if not (1 <= n_genera <= len(_HEADS) * len(_TAILS) and 1 <= per_genus <= 10):
        raise ValueError(
            f"no guide of {n_genera} genera with {per_genus} species each: "
            f"1 to {len(_HEADS) * len(_TAILS)} genera of 1 to 10 species can be named"
        )
    rng = np.random.default_rng([seed, 7301])
    genera = [head + tail for head in _HEADS for tail in _TAILS]
    rng.shuffle(genera)
    guide: list[Species] = []
    taken: set[tuple[str, ...]] = set()
    for genus in genera[:n_genera]:
        common = _draw_common(rng, taken)
        members: dict[str, dict[str, str]] = {f"common {genus}": common}
        while len(members) < per_genus:
            changed = dict(common)
            keys = [
                str(key)
                for key in rng.choice(list(ATTRIBUTES), size=int(rng.integers(1, 3)), replace=False)
            ]
            for key in keys:
                others = [value for value in ATTRIBUTES[key] if value != common[key]]
                changed[key] = str(rng.choice(others))
            name = f"{_epithet(keys[0], changed[keys[0]])} {genus}"
            if name not in members and tuple(changed.values()) not in taken:
                members[name] = changed
                taken.add(tuple(changed.values()))
        guide += _number(genus, members)
    return tuple(guide)


def _draw_common(rng: np.random.Generator, taken: set[tuple[str, ...]]) -> dict[str, str]:
    while True:
        common = {key: str(rng.choice(values)) for key, values in ATTRIBUTES.items()}
        if tuple(common.values()) not in taken:
            taken.add(tuple(common.values()))
            return common


def _number(genus: str, members: dict[str, dict[str, str]]) -> list[Species]:
    common = next(iter(members.values()))
    found: list[Species] = []
    latin: set[str] = set()
    for i, (name, attributes) in enumerate(members.items()):
        changed = [key for key in attributes if attributes[key] != common[key]]
        word = "_".join(_LATIN[key] for key in changed).replace("_", "-") or "communis"
        while word in latin:
            word = f"neo{word}"
        latin.add(word)
        found.append(
            Species(
                name,
                f"{genus.capitalize()}us {word}",
                genus,
                MappingProxyType(attributes),
                i % 3 == 2,
            )
        )
    return found


def _epithet(key: str, value: str) -> str:
    part = {
        "bill shape": "billed",
        "bill colour": "billed",
        "back colour": "backed",
        "breast colour": "breasted",
        "breast pattern": "breasted",
        "crown": "crowned",
        "throat": "throated",
        "tail shape": "tailed",
        "legs": "legged",
    }.get(key)
    if part:
        return f"{value}-{part}"
    return {
        "size": value,
        "crest": "crested" if value != "no" else "smooth-headed",
        "eyebrow": "white-browed" if value != "no" else "plain-browed",
        "eye ring": f"{value}-eyed" if value != "no" else "plain-eyed",
        "wing bars": f"{value}-barred" if value != "no" else "plain-winged",
    }[key]


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"
