"""Files of two columns, parent and child: iNaturalist's, WordNet's and CUB's trees come so.

Without a first row of names the two are parted by blanks, the parent first::

    bird robin
    bird gull

With one (``parent,child`` or ``child,parent``) by commas, tabs or semicolons, and may then
contain blanks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from knowledge.readers.contents import clean_lines, records
from knowledge.readers.draft import Draft
from knowledge.readers.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from knowledge.graph import KnowledgeGraph

__all__ = ["matches", "read"]


def matches(sample: Sample) -> bool:
    """Whether the columns are parent and child, or every line is two words."""
    if sorted(sample.columns) == ["child", "parent"]:
        return True
    if not sample.lines or sample.text[0] in "{[<(@#" or {",", ";"} & {sample.delimiter}:
        return False
    words = [line.split() for line in sample.lines]
    if any(len(pair) != 2 for pair in words):
        return False
    # A list of names with their numbers, such as classes.txt of CUB, looks alike.
    numbered = [first for first, _ in words] == [str(n + 1) for n in range(len(words))]
    named = {word.casefold() for word in words[0]} & {"attribute", "taxonid", "scientificname"}
    return not numbered and not named and not words[0][0].endswith(":")


def read(path: Path) -> KnowledgeGraph:
    """Read parents and children; see the module."""
    draft = Draft(path)
    for line, parent, child in _pairs(path, draft):
        draft.mention(line, child)
        draft.mention(line, parent)
        draft.relation(line, child, "is-a", parent)
    return draft.graph


def _pairs(path: Path, draft: Draft) -> Iterator[tuple[int, str, str]]:
    sample = Sample.of(path)
    if sorted(sample.columns) == ["child", "parent"]:
        for line, record in records(path, sample.delimiter):
            pair = {name.casefold(): cell for name, cell in record.items()}
            if not (pair["child"] and pair["parent"]):
                raise draft.error(line, "a cell is blank: fill it in, or take the row out")
            yield line, pair["parent"], pair["child"]
        return
    for line, text in clean_lines(path):
        words = text.split()
        if len(words) != 2:
            raise draft.error(
                line,
                f"{len(words)} words; a line must have two, parent and child: correct it, or "
                f"begin the file with the line parent,child and use commas",
            )
        yield line, words[0], words[1]
