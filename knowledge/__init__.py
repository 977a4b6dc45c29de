"""Concepts, attributes, parts and taxonomies as one graph.

Start with `KnowledgeGraph`: add `Concept` and `Relation` to it, or hand over a networkx graph.
The package knows networkx, numpy and scipy, and never torch or a picture.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from knowledge.adjacency import Adjacency
    from knowledge.ancestry import common_ancestor, taxonomy_distances
    from knowledge.backoff import Answer, back_off
    from knowledge.concept import Concept, Relation, Text
    from knowledge.describing import Sentence, describe
    from knowledge.descriptor_linter import DescriptorFinding, lint_descriptors
    from knowledge.graph import KnowledgeGraph
    from knowledge.information_gain import Question
    from knowledge.lookalikes import Difference, Lookalike, find_lookalikes, tell_apart
    from knowledge.matrices import AttributeMatrix, Trait
    from knowledge.packs.tables import load_pack, pack_names
    from knowledge.propagation import convolve, propagate
    from knowledge.questions import Inquiry
    from knowledge.reading import read_graph, write_graph
    from knowledge.taxonomy import Taxonomy
    from knowledge.validation import Finding

_HOME = {
    "Adjacency": "knowledge.adjacency",
    "Answer": "knowledge.backoff",
    "AttributeMatrix": "knowledge.matrices",
    "Concept": "knowledge.concept",
    "DescriptorFinding": "knowledge.descriptor_linter",
    "Difference": "knowledge.lookalikes",
    "Finding": "knowledge.validation",
    "Inquiry": "knowledge.questions",
    "KnowledgeGraph": "knowledge.graph",
    "Lookalike": "knowledge.lookalikes",
    "Question": "knowledge.information_gain",
    "Relation": "knowledge.concept",
    "Sentence": "knowledge.describing",
    "Taxonomy": "knowledge.taxonomy",
    "Text": "knowledge.concept",
    "Trait": "knowledge.matrices",
    "back_off": "knowledge.backoff",
    "common_ancestor": "knowledge.ancestry",
    "convolve": "knowledge.propagation",
    "describe": "knowledge.describing",
    "find_lookalikes": "knowledge.lookalikes",
    "lint_descriptors": "knowledge.descriptor_linter",
    "load_pack": "knowledge.packs.tables",
    "pack_names": "knowledge.packs.tables",
    "propagate": "knowledge.propagation",
    "read_graph": "knowledge.reading",
    "taxonomy_distances": "knowledge.ancestry",
    "tell_apart": "knowledge.lookalikes",
    "write_graph": "knowledge.reading",
}

__all__ = [
    "Adjacency",
    "Answer",
    "AttributeMatrix",
    "Concept",
    "DescriptorFinding",
    "Difference",
    "Finding",
    "Inquiry",
    "KnowledgeGraph",
    "Lookalike",
    "Question",
    "Relation",
    "Sentence",
    "Taxonomy",
    "Text",
    "Trait",
    "back_off",
    "common_ancestor",
    "convolve",
    "describe",
    "find_lookalikes",
    "lint_descriptors",
    "load_pack",
    "pack_names",
    "propagate",
    "read_graph",
    "taxonomy_distances",
    "tell_apart",
    "write_graph",
]

__distribution__ = "fgmm"  # fgmm reads this line to tell its own package from a namesake


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'knowledge' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
