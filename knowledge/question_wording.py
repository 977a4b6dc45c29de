"""Traits as questions and as statements: "Does it have yellow petals?", "yellow petals"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from knowledge.phrases import compose, is_plural, read_phrase

if TYPE_CHECKING:
    from knowledge.graph import KnowledgeGraph
    from knowledge.matrices import Trait

__all__ = ["ask_in_words", "say_in_words"]


def ask_in_words(graph: KnowledgeGraph, trait: Trait) -> str:
    """Ask someone who sees the thing whether it has a trait.

    Parameters
    ----------
    graph : KnowledgeGraph
        Has the names of attribute and part; where it does not, their ids are taken for names.
    trait : Trait
        What to ask about.

    Returns
    -------
    str
        In English. What is missing is asked for as such: "Is it without a crest?" can be
        answered with yes and no, which "Does it have no crest?" cannot.

    Examples
    --------
    >>> from knowledge import KnowledgeGraph, Trait
    >>> none = KnowledgeGraph()
    >>> for trait in (Trait("yellow", "petals"), Trait("daisy-like"), Trait("in a cluster"),
    ...               Trait("a dark ring"), Trait("no", "crest"), Trait("longer than head", "bill"),
    ...               Trait("habitat: forest")):
    ...     print(ask_in_words(none, trait))
    Does it have yellow petals?
    Is it daisy-like?
    Is it in a cluster?
    Does it have a dark ring?
    Is it without a crest?
    Is its bill longer than the head?
    Is its habitat forest?
    """
    attribute, part = _names(graph, trait)
    phrase = read_phrase(attribute, part)
    if (
        phrase.role == "before" and not phrase.noun and ": " in phrase.text
    ):  # a column of its own, and the value in it
        about, _, value = phrase.text.partition(": ")
        return f"{'Are' if is_plural(about) else 'Is'} its {about} {value}?"
    if phrase.noun and phrase.role == "behind":
        return f"{'Are' if is_plural(phrase.noun) else 'Is'} its {phrase.noun} {phrase.text}?"
    said = _said(attribute, part)
    if said.startswith("the "):  # a word, a name, a sign
        return f"Does it have {said} on it?"
    if (phrase.noun or phrase.role == "thing") and not said.startswith("without "):
        return f"Does it have {said}?"
    return f"Is it {said}?"


def say_in_words(graph: KnowledgeGraph, trait: Trait) -> str:
    """Name a trait, as an item of a list.

    Parameters
    ----------
    graph : KnowledgeGraph
        Has the names of attribute and part; where it does not, their ids are taken for names.
    trait : Trait
        What to name.

    Returns
    -------
    str
        In English.

    Examples
    --------
    >>> from knowledge import KnowledgeGraph, Trait
    >>> none = KnowledgeGraph()
    >>> for trait in (Trait("hooked", "bill"), Trait("no", "crest"), Trait("two", "wing bar"),
    ...               Trait("small")):
    ...     print(say_in_words(none, trait))
    a hooked bill
    without a crest
    two wing bars
    small
    """
    return _said(*_names(graph, trait))


def _names(graph: KnowledgeGraph, trait: Trait) -> tuple[str, str]:
    attribute, part = (graph[id].name if id and id in graph else id for id in trait)
    return attribute, part


def _said(attribute: str, part: str) -> str:
    phrase = read_phrase(attribute, part)
    if not phrase.noun:
        return "medium-sized" if phrase.text == "medium" else phrase.text
    if phrase.role == "before" and phrase.text.lower() == "no":
        return f"without {compose(phrase.noun, [])}"
    return compose(phrase.noun, [phrase._replace(noun="")])
