"""JSON lines, the form of this project; see `knowledge.jsonl`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from knowledge import jsonl

if TYPE_CHECKING:
    from pathlib import Path

    from knowledge.graph import KnowledgeGraph
    from knowledge.readers.sample import Sample

__all__ = ["matches", "read"]


def matches(sample: Sample) -> bool:
    """Whether the first line is the format's header."""
    first = sample.lines[0] if sample.lines else ""
    return first.lstrip().startswith("{") and f'"{jsonl.FORMAT}"' in first


def read(path: Path) -> KnowledgeGraph:
    """Read the lines; what is doubtful in them is kept, and reported by ``validate``."""
    return jsonl.read(path)
