"""What a graph is made of: concepts, and the relations between them. Frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import SupportsFloat

from knowledge.errors import GraphError

__all__ = ["KINDS", "RELATIONS", "Concept", "Relation", "Text"]

KINDS = ("concept", "attribute", "part")
RELATIONS = ("is-a", "has-part", "has-attribute", "similar-to")
_GRADED = ("has-attribute", "similar-to")


def _check_text(value: object, what: str, *, empty: bool = False) -> None:
    if isinstance(value, str):
        if value.isascii():
            if empty or (value and not value.isspace()):
                return
        elif not value.isspace():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise GraphError(
                    f"{what} is {value!r}, which is no valid text ({error.reason}): "
                    f"read the file it comes from in its own encoding"
                ) from None
            return
    rule = "a text" if empty else "a text that is not blank"
    raise GraphError(f"{what} is {value!r}; it must be {rule}")


@dataclass(frozen=True, slots=True)
class Text:
    """A description, or a name, with a language and a source of its own.

    Parameters
    ----------
    text : str
        What it says.
    language : str, default="en"
        Code of the language (``"en"``, ``"de"``, ``"pt-BR"``).
    source : str
        Where it comes from: a book, a data set, a person.

    Raises
    ------
    GraphError
        If one of them is blank or no string.

    Examples
    --------
    >>> Text("Rotkehlchen", language="de", source="field notes").language
    'de'
    """

    text: str
    language: str = field(default="en", kw_only=True)
    source: str = field(kw_only=True)

    def __post_init__(self) -> None:
        for name in ("text", "language", "source"):
            _check_text(getattr(self, name), name)


@dataclass(frozen=True, slots=True)
class Concept:
    """Something that has a name: a species, a genus, an attribute, a part.

    Parameters
    ----------
    id : str
        What relations refer to; unique in a graph.
    kind : {"concept", "attribute", "part"}
        Which of the three it is. A name is looked for among those of one kind, so that orange the
        fruit and orange the colour do not get in each other's way.
    common, scientific, synonyms : sequence of str
        Names in English and in Latin, each from ``source``; the first is the preferred one.
    other_names : sequence of Text
        Names in other languages or from other sources.
    rank : str, default=""
        Level in the taxonomy (``"species"``, ``"family"``); empty if not known.
    descriptions : sequence of Text
        What it looks like.
    source : str
        Where the names and the rank come from.
    where : str, default=""
        File and line it was read from (``"birds.csv:12"``), for reports. Takes no part in
        comparisons.

    Raises
    ------
    GraphError
        If a field is blank, of another type, or ``kind`` is none of the three.

    Examples
    --------
    >>> robin = Concept("robin", common=["European robin"], scientific=["Erithacus rubecula"],
    ...                 rank="species", source="field notes")
    >>> robin.name
    'European robin'
    >>> robin.names
    ('European robin', 'Erithacus rubecula')
    """

    id: str
    kind: str = field(default="concept", kw_only=True)
    common: tuple[str, ...] = field(default=(), kw_only=True)
    scientific: tuple[str, ...] = field(default=(), kw_only=True)
    synonyms: tuple[str, ...] = field(default=(), kw_only=True)
    other_names: tuple[Text, ...] = field(default=(), kw_only=True)
    rank: str = field(default="", kw_only=True)
    descriptions: tuple[Text, ...] = field(default=(), kw_only=True)
    source: str = field(kw_only=True)
    where: str = field(default="", compare=False, kw_only=True)

    def __post_init__(self) -> None:
        _check_text(self.id, "the id of a concept")
        of = f"of concept {self.id!r}"
        if self.kind not in KINDS:
            raise GraphError(f"the kind {of} is {self.kind!r}; it must be one of {KINDS}")
        _check_text(self.rank, f"the rank {of}", empty=True)
        _check_text(self.source, f"the source {of}")
        _check_text(self.where, f"the place {of}", empty=True)
        for name in ("common", "scientific", "synonyms"):
            if getattr(self, name) != ():
                for text in self._to_tuple(name):
                    _check_text(text, f"{name} name {of}")
        for name in ("other_names", "descriptions"):
            if getattr(self, name) != ():
                for text in self._to_tuple(name):
                    if not isinstance(text, Text):
                        raise GraphError(f"{name} {of} has {text!r}; each must be a Text")

    def _to_tuple(self, name: str) -> tuple[object, ...]:
        value = getattr(self, name)
        if isinstance(value, str) or not isinstance(value, (tuple, list)):
            raise GraphError(
                f"{name} of concept {self.id!r} is {value!r}; it must be a list or a tuple, "
                f"such as [{value!r}]"
            )
        object.__setattr__(self, name, tuple(value))
        return tuple(value)

    @property
    def name(self) -> str:
        """The name to show: the first common one, else scientific, else the id."""
        return (*self.common[:1], *self.scientific[:1], self.id)[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, preferred ones first, without the id."""
        others = tuple(text.text for text in self.other_names)
        return self.common + self.scientific + self.synonyms + others


@dataclass(frozen=True, slots=True)
class Relation:
    """One fact about two concepts, read from left to right: a robin is-a bird.

    Parameters
    ----------
    subject : str
        Id of the concept the fact is about: the child, the whole.
    kind : {"is-a", "has-part", "has-attribute", "similar-to"}
        What joins the two.
    target : str
        Id of the parent, the part, the attribute or the look-alike.
    strength : float, default=1.0
        How far it holds, from 0 (known not to) to 1; a share or a probability. Only has-attribute
        and similar-to may be less than 1.
    part : str, default=""
        Id of the part that has the attribute; empty for the whole.
    source : str
        Where the fact comes from.
    where : str, default=""
        File and line it was read from (``"birds.csv:12"``), for reports. Takes no part in
        comparisons.

    Raises
    ------
    GraphError
        If a field is blank, of another type or out of range.

    Examples
    --------
    >>> red = Relation("robin", "has-attribute", "red", strength=0.95, part="breast",
    ...                source="field notes")
    >>> red.strength
    0.95
    """

    subject: str
    kind: str
    target: str
    strength: float = field(default=1.0, kw_only=True)
    part: str = field(default="", kw_only=True)
    source: str = field(kw_only=True)
    where: str = field(default="", compare=False, kw_only=True)

    def __post_init__(self) -> None:
        _check_text(self.subject, "the subject of a relation")
        _check_text(self.target, f"the target of a relation of {self.subject!r}")
        what = f"relation {self.subject!r} {self.kind} {self.target!r}"
        if self.kind not in RELATIONS:
            raise GraphError(f"{what} is of kind {self.kind!r}; it must be one of {RELATIONS}")
        _check_text(self.source, f"the source of {what}")
        _check_text(self.part, f"the part of {what}", empty=True)
        _check_text(self.where, f"the place of {what}", empty=True)
        if self.part and self.kind != "has-attribute":
            raise GraphError(
                f"{what} has the part {self.part!r}; only has-attribute takes one: leave it out"
            )
        if type(self.strength) is not float:
            self._to_float(what)
        if not 0 <= self.strength <= 1:
            raise GraphError(
                f"{what} has strength {self.strength}; it must lie between 0 and 1: "
                f"divide percentages by 100"
            )
        if self.strength != 1 and self.kind not in _GRADED:
            raise GraphError(
                f"{what} has strength {self.strength}; {self.kind} holds or does not: "
                f"leave the strength or the relation out"
            )

    def _to_float(self, what: str) -> None:
        given: object = self.strength
        if not isinstance(given, SupportsFloat) or isinstance(given, bool):
            raise GraphError(f"{what} has strength {given!r}; it must be a number from 0 to 1")
        object.__setattr__(self, "strength", float(given))
