"""What a graph says of classes as columns of numbers: attributes, ancestors, descriptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from knowledge import AttributeMatrix
from knowledge.phrases import compose, read_phrase
from knowledge.question_wording import say_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from knowledge import KnowledgeGraph, Trait

__all__ = ["Columns", "read_columns"]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What is said of k classes, a column each.

    Parameters
    ----------
    says : tuple of str
        What a column says, for people: "yellow petals".
    texts : tuple of str
        The same for an encoder: "a flower with yellow petals".
    about : tuple of str
        The part it is said of, by id; empty for the whole.
    strengths : scipy.sparse.csr_array, shape (k, columns)
        0 to 1. What nobody spoke of is not stored; a 0 that somebody stated is.
    """

    says: tuple[str, ...]
    texts: tuple[str, ...]
    about: tuple[str, ...]
    strengths: Any


def read_columns(graph: KnowledgeGraph, ids: Sequence[str | None], word: str) -> Columns:
    """Read attributes of classes, their own and inherited; of a class that has none, descriptions.

    Parameters
    ----------
    graph : KnowledgeGraph
    ids : sequence of k str or None
        None is a class the graph does not know: an empty row.
    word : str
        What they are: "flower".

    Returns
    -------
    Columns

    Examples
    --------
    >>> from knowledge import load_pack
    >>> columns = read_columns(load_pack("flowers"), ["sunflower", None], "flower")
    >>> columns.says[0], columns.texts[0]
    ('orange petals', 'a flower with orange petals')
    >>> columns.strengths.shape[0], columns.strengths[[1]].nnz
    (2, 0)
    """
    present = [id for id in ids if id is not None]
    matrix = AttributeMatrix.of(graph, present, inherited=True)
    stated = np.diff(matrix.strengths.indptr) > 0
    places = np.flatnonzero([id is not None for id in ids])
    told = matrix.strengths.tocoo()
    rows, cols = [*places[told.row]], [*told.col]
    values = [*told.data]
    says = [say_in_words(graph, trait) for trait in matrix.traits]
    texts = [_text(graph, trait, word) for trait in matrix.traits]
    for place, id, has in zip(places, present, stated, strict=True):
        for description in () if has else graph.descriptions(id):
            rows.append(place)
            cols.append(len(says))
            values.append(1.0)
            says.append(description.text)
            texts.append(description.text)
    shape = (len(ids), len(says))
    about = [trait.part for trait in matrix.traits]
    about += [""] * (len(says) - len(about))
    return Columns(
        tuple(says),
        tuple(texts),
        tuple(about),
        sparse.csr_array((values, (rows, cols)), shape=shape),
    )


def _text(graph: KnowledgeGraph, trait: Trait, word: str) -> str:
    named = (graph[id].name if id in graph else id for id in trait if id)
    return compose(word, [read_phrase(*named)])
