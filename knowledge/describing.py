"""Sentences from attributes: what tells a concept from its like comes first.

The distinction of a trait is its strength in the concept less its mean strength in the others,
from -1 to 1; what nobody spoke of counts as 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from knowledge.concept import Concept
from knowledge.errors import GraphError
from knowledge.matrices import AttributeMatrix, Trait
from knowledge.phrases import Phrase, compose, read_phrase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from knowledge.concept import Relation
    from knowledge.graph import KnowledgeGraph

__all__ = ["Sentence", "describe"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A phrase about a concept, and the facts it says.

    Parameters
    ----------
    text : str
        In English, without a full stop: ``"a flower with a dark disc"``.
    facts : tuple of Relation
        What it says, the most distinguishing first; each with its source.

    Examples
    --------
    >>> from knowledge import Relation
    >>> red = Relation("robin", "has-attribute", "red", part="breast", source="notes")
    >>> print(Sentence("a bird with a red breast", (red,)))
    a bird with a red breast
    """

    text: str
    facts: tuple[Relation, ...]

    def __str__(self) -> str:
        return self.text


def describe(
    graph: KnowledgeGraph,
    concept: str | Concept,
    *,
    among: Iterable[str | Concept] | AttributeMatrix | None = None,
    max_words: int = 20,
    count: int | None = None,
    word: str | None = None,
    least: float = 0.5,
) -> list[Sentence]:
    """Say in words what a concept looks like, the most distinguishing attributes first.

    Sentences are filled one after the other with attributes, its own and inherited ones. None is
    said twice. The same graph always gives the same sentences.

    Parameters
    ----------
    graph : KnowledgeGraph
        Where the facts are.
    concept : str or Concept
        What to describe.
    among : iterable of str or Concept, or AttributeMatrix, optional
        What it should be told from; it may be among them itself. A matrix made before, with a row
        for the concept, saves time where many concepts are described. Its siblings if not given;
        if it has none, those of its parents, and so on up.
    max_words : int, default=20
        Words in a sentence at most. An attribute that needs more is left out.
    count : int, optional
        Sentences at most. As many as there is something to say, if not given.
    word : str, optional
        What it is, as in "a bird with ...". The name of its root if not given, and ``"thing"`` if
        it has no parents.
    least : float, default=0.5
        Only attributes of at least this strength are said, above 0 and at most 1.

    Returns
    -------
    list of Sentence
        Empty if there is nothing to say.

    Raises
    ------
    ConceptNotFound, AmbiguousName
        As in `KnowledgeGraph.find`.
    GraphError
        If a number is out of its range, ``word`` is blank, or a lineage is a circle.

    Examples
    --------
    >>> from knowledge import load_pack
    >>> flowers = load_pack("flowers")
    >>> (sentence,) = describe(flowers, "black-eyed Susan", max_words=12, count=1)
    >>> sentence.text
    'a daisy-like flower with a dark disc and yellow petals'
    >>> sentence.facts[0].target, sentence.facts[0].source
    ('attribute: dark', 'fgmm project, unreviewed')
    """
    if max_words < 1 or (count is not None and count < 1):
        raise GraphError(
            f"max_words is {max_words!r} and count is {count!r}; each must be 1 or more"
        )
    if not 0 < least <= 1:
        raise GraphError(
            f"least is {least!r}; it is the least strength worth saying: give more than 0 and at "
            f"most 1"
        )
    if word is not None and not word.strip():
        raise GraphError(f"word is {word!r}; give what it is, such as 'bird', or leave it out")
    found = graph[graph._id(concept)]
    said = _facts(graph, found)
    read = {trait: _read(graph, trait) for trait in said}
    noun = word or _word(graph, found)
    sentences: list[Sentence] = []
    text, traits = "", list[Trait]()
    for trait in _order(graph, found, among, said, least):
        alone = compose(noun, [read[trait]])
        if len(alone.split()) > max_words:
            continue
        longer = compose(noun, [read[t] for t in [*traits, trait]])
        if len(longer.split()) <= max_words:
            text, traits = longer, [*traits, trait]
            continue
        sentences.append(_sentence(text, traits, said))
        if len(sentences) == count:
            return sentences
        text, traits = alone, [trait]
    return [*sentences, _sentence(text, traits, said)] if traits else sentences


def _sentence(text: str, traits: list[Trait], said: dict[Trait, list[Relation]]) -> Sentence:
    return Sentence(text, tuple(fact for trait in traits for fact in said[trait]))


def _facts(graph: KnowledgeGraph, concept: Concept) -> dict[Trait, list[Relation]]:
    """What is said of each trait by the nearest in the lineage that speaks of it."""
    found: dict[Trait, list[Relation]] = {}
    for owner in reversed(graph.lineage(concept)):
        own: dict[Trait, list[Relation]] = {}
        for fact in graph.relations(owner, kind="has-attribute"):
            own.setdefault(Trait(fact.target, fact.part), []).append(fact)
        found |= own
    return found


def _order(
    graph: KnowledgeGraph,
    concept: Concept,
    among: Iterable[str | Concept] | AttributeMatrix | None,
    said: dict[Trait, list[Relation]],
    least: float,
) -> list[Trait]:
    """Traits worth saying, by distinction, then by strength, then in the graph's order."""
    if isinstance(among, AttributeMatrix):
        matrix = among
    else:
        others = _others(graph, concept) if among is None else among
        if isinstance(others, (str, Concept)):
            raise GraphError(f"among is {others!r}; give a list of concepts")
        ids = dict.fromkeys([concept.id, *(graph._id(other) for other in others)])
        matrix = AttributeMatrix.of(graph, (graph[id] for id in ids), inherited=True)
    (row,) = matrix.rows([concept])
    # As many as there are traits, not concepts times traits: what is not stored is 0.
    total = np.asarray(matrix.strengths.sum(axis=0), dtype=np.float64).ravel()
    own = np.zeros(len(total))
    begin, end = matrix.strengths.indptr[row : row + 2]
    own[matrix.strengths.indices[begin:end]] = matrix.strengths.data[begin:end]
    distinction = own - (total - own) / max(len(matrix.concepts) - 1, 1)
    # Sums of floats differ in their last bits; what is equal on paper must be a tie.
    keys = zip(-distinction.round(9), -own, range(len(own)), strict=True)
    ordered = [matrix.traits[i] for _, strength, i in sorted(keys) if -strength >= least]
    return [trait for trait in ordered if trait in said]


def _others(graph: KnowledgeGraph, concept: Concept) -> tuple[Concept, ...]:
    for level in graph.lineage(concept):
        siblings = graph.siblings(level)
        if siblings:
            return siblings
    return ()


def _read(graph: KnowledgeGraph, trait: Trait) -> Phrase:
    names = [graph[id].name if id in graph else id for id in trait if id]
    return read_phrase(*names)


def _word(graph: KnowledgeGraph, concept: Concept) -> str:
    root = graph.lineage(concept)[-1]
    return root.name if root.id != concept.id else "thing"
