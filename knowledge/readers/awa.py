"""Animals with Attributes (1 and 2): a folder of classes, predicates and their matrix.

Read are ``classes.txt``, ``predicates.txt`` and ``predicate-matrix-continuous.txt`` (percent; -1
is not known) or, where that is missing, ``predicate-matrix-binary.txt``.

References
----------
Y. Xian, C. H. Lampert, B. Schiele, Z. Akata. Zero-shot learning: a comprehensive evaluation of
the good, the bad and the ugly. IEEE TPAMI 41(9), 2019.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from knowledge.readers.draft import Draft
from knowledge.readers.matrix import entries, fill, find_file

if TYPE_CHECKING:
    from pathlib import Path

    from knowledge.graph import KnowledgeGraph
    from knowledge.readers.sample import Sample

__all__ = ["matches", "read"]

_PERCENT = "predicate-matrix-continuous.txt"
_BINARY = "predicate-matrix-binary.txt"
_SOURCE = "Animals with Attributes"


def matches(sample: Sample) -> bool:
    """Whether a folder has a matrix of classes and predicates."""
    return bool({_PERCENT, _BINARY} & sample.names)


def read(path: Path) -> KnowledgeGraph:
    """Read the folder; see the module."""
    draft = Draft(find_file(path, "classes.txt"), source=_SOURCE)
    animals = entries(draft)
    for line, name in animals:
        draft.concept(line, name, common=[name.replace("+", " ")])
    predicates = Draft(find_file(path, "predicates.txt"), source=_SOURCE, graph=draft.graph)
    attributes = entries(predicates)
    for line, name in attributes:
        predicates.concept(line, name, kind="attribute")
    percent = find_file(path, _PERCENT, needed=False)
    matrix = Draft(percent or find_file(path, _BINARY), source=_SOURCE, graph=draft.graph)
    columns = [(name, "") for _, name in attributes]
    unknown = "-1.00" if percent else ""
    fill(matrix, [name for _, name in animals], columns, percent=bool(percent), unknown=unknown)
    return draft.graph
