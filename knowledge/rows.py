"""Which row of a matrix belongs to which concept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from knowledge.concept import Concept
from knowledge.errors import ConceptNotFound, GraphError
from knowledge.names import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from knowledge.graph import KnowledgeGraph

__all__ = ["distinct_ids", "find_rows", "read_only"]


def distinct_ids(graph: KnowledgeGraph, concepts: Iterable[str | Concept]) -> tuple[str, ...]:
    """Ids of concepts given by id, by name or by themselves; each may be given once."""
    if isinstance(concepts, (str, Concept)):
        raise GraphError(f"concepts are {concepts!r}; give a list of them, such as [{concepts!r}]")
    found: dict[str, str | Concept] = {}
    for concept in concepts:
        id = graph._id(concept)
        if id in found:
            raise GraphError(
                f"{found[id]!r} and {concept!r} are the same concept, {id!r}: give it once"
            )
        found[id] = concept
    return tuple(found)


def find_rows(ids: tuple[str, ...], concepts: Iterable[str | Concept]) -> NDArray[np.intp]:
    """Number of the row of each concept, given by id or by itself."""
    if isinstance(concepts, (str, Concept)):
        raise GraphError(f"concepts are {concepts!r}; give a list of them, such as [{concepts!r}]")
    row = {id: i for i, id in enumerate(ids)}
    wanted = [c.id if isinstance(c, Concept) else c for c in concepts]
    for id in wanted:
        if id not in row:
            near = suggest(id, ids) if isinstance(id, str) else ""
            raise ConceptNotFound(
                f"{id!r} is none of the {len(ids)} rows here{near}: rows go by ids, and "
                f"graph.find(name).id gives that of a name; or make it with this concept"
            )
    return np.array([row[id] for id in wanted], dtype=np.intp)


def read_only(matrix: Any) -> Any:
    """Sort a sparse matrix and let nobody change it."""
    matrix.sort_indices()
    for array in (matrix.data, matrix.indices, matrix.indptr):
        array.setflags(write=False)
    return matrix
