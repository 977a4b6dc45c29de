"""Concepts that look alike, and what tells two apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from knowledge.errors import GraphError

if TYPE_CHECKING:
    from knowledge.concept import Concept
    from knowledge.matrices import AttributeMatrix, Trait

__all__ = ["Difference", "Lookalike", "find_lookalikes", "tell_apart"]


class Lookalike(NamedTuple):
    """A concept that resembles another.

    Parameters
    ----------
    concept : str
        Its id.
    similarity : float
        Cosine between the strengths of the two, 0 (nothing shared) to 1.

    Examples
    --------
    >>> Lookalike("wren", 0.5).similarity
    0.5
    """

    concept: str
    similarity: float


class Difference(NamedTuple):
    """A trait that two concepts have in different measure.

    Parameters
    ----------
    trait : Trait
        Which attribute, of which part.
    first, second : float
        Strength in each of the two, 0 to 1.

    Examples
    --------
    >>> from knowledge import Trait
    >>> Difference(Trait("red", "breast"), 0.9, 0.0).trait.attribute
    'red'
    """

    trait: Trait
    first: float
    second: float


def find_lookalikes(
    matrix: AttributeMatrix, concept: str | Concept, n: int = 5
) -> tuple[Lookalike, ...]:
    """Find the concepts whose traits are most like those of one.

    A cosine between rows, so that how much is known of a concept does not matter; what nobody
    spoke of counts as 0.

    Parameters
    ----------
    matrix : AttributeMatrix
        What concepts look like.
    concept : str or Concept
        One of its rows, by id.
    n : int, default=5
        How many.

    Returns
    -------
    tuple of Lookalike
        The most similar first; equal ones in the order of the rows. Without the concept itself
        and those that share nothing with it.

    Raises
    ------
    ConceptNotFound
        If it is none of the rows.
    GraphError
        If ``n`` is less than 1, or the matrix has no traits.

    Examples
    --------
    >>> from knowledge import AttributeMatrix, Concept, KnowledgeGraph, Relation
    >>> graph = KnowledgeGraph()
    >>> for bird, traits in [("robin", ["red", "small"]), ("wren", ["small"]), ("heron", ["tall"])]:
    ...     graph.add(Concept(bird, source="notes"))
    ...     graph.add(*(Relation(bird, "has-attribute", t, source="notes") for t in traits))
    >>> find_lookalikes(AttributeMatrix.of(graph), "robin")
    (Lookalike(concept='wren', similarity=0.707),)
    """
    if n < 1:
        raise GraphError(f"n is {n!r}; ask for 1 look-alike or more")
    (row,) = matrix.rows([concept])
    if not matrix.traits:
        raise GraphError(
            "the matrix has no traits, so nothing looks alike: make it of a graph with "
            "has-attribute relations, with inherited=True if they are said of what is above"
        )
    strengths = matrix.strengths
    own = np.zeros(strengths.shape[1])
    begin, end = strengths.indptr[row : row + 2]
    own[strengths.indices[begin:end]] = strengths.data[begin:end]
    lengths = np.sqrt(strengths.power(2).sum(axis=1)) * np.linalg.norm(own)
    products = strengths @ own
    cosines = np.divide(products, lengths, out=np.zeros_like(products), where=products > 0)
    cosines[row] = 0
    if n < len(cosines):  # sort only those that can be among the first n, ties included
        likely = np.flatnonzero(cosines >= np.partition(cosines, -n)[-n])
    else:
        likely = np.arange(len(cosines))
    best = likely[np.argsort(-cosines[likely], kind="stable")][:n]
    return tuple(
        Lookalike(matrix.concepts[i], min(float(cosines[i]), 1.0)) for i in best if cosines[i] > 0
    )


def tell_apart(
    matrix: AttributeMatrix,
    first: str | Concept,
    second: str | Concept,
    n: int | None = None,
    *,
    unknown: float | None = 0.0,
) -> tuple[Difference, ...]:
    """List the traits that tell two concepts apart, the most telling first.

    Parameters
    ----------
    matrix : AttributeMatrix
        What concepts look like.
    first, second : str or Concept
        Two of its rows, by id.
    n : int, optional
        How many at most. All if not given.
    unknown : float or None, default=0.0
        Strength of what nobody spoke of, as in `AttributeMatrix.dense`; None to leave out traits
        that are known of one of the two only.

    Returns
    -------
    tuple of Difference
        By how far the strengths lie apart; equal ones in the order of the traits. Never a trait
        that both have alike.

    Raises
    ------
    ConceptNotFound
        If one of them is none of the rows.
    GraphError
        If both are the same, ``n`` is less than 1, or ``unknown`` is no strength.

    Examples
    --------
    >>> from knowledge import AttributeMatrix, Concept, KnowledgeGraph, Relation
    >>> graph = KnowledgeGraph()
    >>> for bird, colour in [("robin", "red"), ("wren", "brown")]:
    ...     graph.add(Concept(bird, source="notes"),
    ...               Relation(bird, "has-attribute", colour, strength=0.9, source="notes"),
    ...               Relation(bird, "has-attribute", "small", source="notes"))
    >>> for difference in tell_apart(AttributeMatrix.of(graph), "robin", "wren"):
    ...     print(difference.trait.attribute, difference.first, difference.second)
    brown 0.0 0.9
    red 0.9 0.0
    """
    if n is not None and n < 1:
        raise GraphError(f"n is {n!r}; ask for 1 difference or more, or leave it out for all")
    pair = matrix.select([first, second])
    if pair.concepts[0] == pair.concepts[1]:
        raise GraphError(f"both are {pair.concepts[0]!r}, and nothing tells it from itself")
    strengths = pair.dense(0.0 if unknown is None else unknown)  # (2, traits)
    apart = np.abs(strengths[0] - strengths[1])
    if unknown is None:
        apart[np.bincount(pair.strengths.indices, minlength=len(apart)) < 2] = 0
    order = [i for i in np.argsort(-apart, kind="stable") if apart[i] > 0][:n]
    return tuple(
        Difference(pair.traits[i], float(strengths[0, i]), float(strengths[1, i])) for i in order
    )
