"""Descriptors in the field's JSON: ``{"robin": ["a red breast", "a thin bill"], ...}``.

A class becomes a concept with its name as id and common name, a sentence a description in
English. What is wrong with the sentences themselves is told by `knowledge.lint_descriptors`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from knowledge.readers.contents import whole_text
from knowledge.readers.draft import Draft
from knowledge.readers.json_items import check_json, items

if TYPE_CHECKING:
    from pathlib import Path

    from knowledge.graph import KnowledgeGraph
    from knowledge.readers.sample import Sample

__all__ = ["matches", "read"]


def matches(sample: Sample) -> bool:
    """Whether it is an object whose first member, not a number, is a list of strings or empty."""
    return re.match(r'\{\s*"(?!\d+")([^"\\]|\\.)*"\s*:\s*\[\s*["\]]', sample.text) is not None


def read(path: Path) -> KnowledgeGraph:
    """Read the classes and their sentences; see the module."""
    draft = Draft(path)
    text = whole_text(path)
    if not isinstance(check_json(path, text), dict):
        raise draft.error(1, 'no {"class": ["sentence", ...], ...}: write it in this form')
    for line, at, name, sentences in items(text):
        if not isinstance(sentences, list):
            raise draft.error(
                line, f"{name!r} has {str(sentences)[:60]!r}; it must be a list: put it in [...]"
            )
        texts = [draft.text(n, sentence) for n, _, _, sentence in items(text, at, line)]
        draft.concept(line, name, common=[name], descriptions=texts)
    return draft.graph
