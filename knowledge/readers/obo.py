"""Ontologies in the OBO format: terms with their names, synonyms, definitions and is_a.

Other relationships and obsolete terms are passed over. A rank comes from
``property_value: has_rank``, as in the NCBI taxonomy.

References
----------
OBO flat file format 1.4: https://owlcollab.github.io/oboformat/doc/GO.format.obo-1_4.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from knowledge.readers.contents import clean_lines
from knowledge.readers.draft import Draft

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from knowledge.graph import KnowledgeGraph
    from knowledge.readers.sample import Sample

__all__ = ["matches", "read"]

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_Tags = list[tuple[int, str, str]]


def matches(sample: Sample) -> bool:
    """Whether it begins with the version of the format or a term."""
    return any(line.startswith(("format-version:", "[Term]")) for line in sample.lines[:1])


def read(path: Path) -> KnowledgeGraph:
    """Read the terms; see the module."""
    draft = Draft(path)
    parents = []
    for line, stanza, tags in _stanzas(draft):
        if stanza != "Term" or any((t, v) == ("is_obsolete", "true") for _, t, v in tags):
            continue
        ids = [value for _, tag, value in tags if tag == "id"]
        if len(ids) != 1:
            raise draft.error(line, f"a term with {len(ids)} ids; it must have one: correct it")
        ranks = [v.split()[1:2] for _, t, v in tags if t == "property_value" and "has_rank" in v]
        draft.concept(
            line,
            ids[0],
            common=[_plain(value) for _, tag, value in tags if tag == "name"],
            synonyms=[_quoted(draft, n, value) for n, tag, value in tags if tag == "synonym"],
            descriptions=[
                draft.text(n, _quoted(draft, n, value)) for n, tag, value in tags if tag == "def"
            ],
            rank=ranks[0][0].rpartition(":")[2] if ranks and ranks[0] else "",
        )
        parents += [(n, ids[0], v.split("!")[0].strip()) for n, tag, v in tags if tag == "is_a"]
    for line, child, parent in parents:
        parent = parent.partition("{")[0].strip()  # without qualifiers
        if parent not in draft.graph:
            raise draft.error(
                line, f"{child!r} is_a {parent!r}, and no term has that id: add it, or take it out"
            )
        draft.relation(line, child, "is-a", parent)
    return draft.graph


def _stanzas(draft: Draft) -> Iterator[tuple[int, str, _Tags]]:
    start, name, tags = 1, "", _Tags()
    for line, text in clean_lines(draft.path):
        text = text.strip()
        if text.startswith("[") and text.endswith("]"):
            yield start, name, tags
            start, name, tags = line, text[1:-1], _Tags()
        elif not text.startswith("!"):
            tag, colon, value = text.partition(":")
            if not colon or (name and not value.strip()):
                raise draft.error(line, f"{text[:60]!r} is no 'tag: value': correct it")
            tags.append((line, tag, value.strip()))
    yield start, name, tags


def _quoted(draft: Draft, line: int, value: str) -> str:
    match = _QUOTED.match(value)
    if match is None:
        raise draft.error(line, f"{value[:60]!r} must begin with a text in quotes: add them")
    return _plain(match[1])


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda match: {"n": " ", "t": " ", "W": " "}.get(match[1], match[1]), text)
