"""Concepts, attributes, parts and taxonomies as one graph.

Start with `KnowledgeGraph`: add `Concept` and `Relation` to it, or hand over a networkx graph.
The package knows networkx, numpy and scipy, and never torch or a picture.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from knowledge.concept import Concept, Relation, Text
    from knowledge.graph import KnowledgeGraph
    from knowledge.validation import Finding

_HOME = {
    "Concept": "knowledge.concept",
    "Finding": "knowledge.validation",
    "KnowledgeGraph": "knowledge.graph",
    "Relation": "knowledge.concept",
    "Text": "knowledge.concept",
}

__all__ = ["Concept", "Finding", "KnowledgeGraph", "Relation", "Text"]

__distribution__ = "fgmm"  # fgmm reads this line to tell its own package from a namesake


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'knowledge' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
