"""Tables of concepts and attributes: CSV or TSV, wide or long.

The first row names the columns, the first column holds the concept. Wide, a column an attribute::

    concept,common,rank,parent,red breast,hooked bill
    robin,European robin,species,,0.95,0

Long, a row a fact; all columns after ``attribute`` may be missing::

    concept,attribute,strength,part,source
    robin,red,0.95,breast,field notes

Strengths are numbers from 0 to 1, percentages with their sign (``95%``), or yes and no, true and
false, which are 1 and 0; a blank cell says nothing. A wide table may also have the columns common,
scientific, rank, parent (another row's concept) and source.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from knowledge.readers.contents import records
from knowledge.readers.draft import Draft, is_strength
from knowledge.readers.sample import Sample

if TYPE_CHECKING:
    from pathlib import Path

    from knowledge.graph import KnowledgeGraph

__all__ = ["matches", "names_columns", "read"]

_OTHERS = {"taxonid", "scientificname", "child"}
_WIDE = ("common", "scientific", "rank", "parent", "source")
_LONG = ("strength", "part", "source")


def matches(sample: Sample) -> bool:
    """Whether the first row names columns and, in a wide table, others hold numbers."""
    if not sample.delimiter or sample.text[0] in "{[<(@" or _OTHERS & {*sample.columns}:
        return False
    if "attribute" in sample.columns[1:]:
        return True
    try:
        rows = [*csv.reader(sample.lines, delimiter=sample.delimiter)]
    except csv.Error:
        return False
    return names_columns(rows[0]) and any(is_strength(cell) for row in rows[1:] for cell in row[1:])


def names_columns(row: list[str]) -> bool:
    """Whether a row has no number, and something else than strengths behind its first cell."""
    numbers = any(is_strength(cell, words=False) for cell in row)
    return not numbers and not all(map(is_strength, row[1:]))


def read(path: Path) -> KnowledgeGraph:
    """Read an attribute table; see the module."""
    delimiter = Sample.of(path).delimiter or ","
    draft = Draft(path)
    attributes: list[str] | None = None
    names: dict[str, str] = {}
    long = False
    for line, record in records(path, delimiter):
        if attributes is None:
            _refuse_comment(draft, record)
            names = {name.casefold(): name for name in list(record)[1:]}
            long = "attribute" in names
            known = ("attribute", *_LONG) if long else _WIDE
            attributes = [name for low, name in names.items() if low not in known]
            if len(names) != len(record) - 1 or (long and attributes) or not (long or attributes):
                raise draft.error(
                    1,
                    f"the columns are {', '.join(record)}: a long table has concept, attribute, "
                    f"{', '.join(_LONG)}; a wide one an attribute a column, beside "
                    f"{', '.join(_WIDE)}: rename or remove the others",
                )
            for attribute in attributes:
                draft.concept(1, attribute, kind="attribute")
        concept = next(iter(record.values()))
        if not concept:
            raise draft.error(line, "the first cell is blank; it must be a concept: fill it in")
        given = {low: record[name] for low, name in names.items()}
        if long:
            _take_fact(draft, line, concept, given)
        else:
            _take_concept(draft, line, concept, given, {a: record[a] for a in attributes})
    if attributes is None:
        raise draft.error(1, "no row follows the names of the columns: add one a concept")
    return draft.graph


def _take_fact(draft: Draft, line: int, concept: str, given: dict[str, str]) -> None:
    draft.mention(line, concept)
    if not given["attribute"]:
        raise draft.error(line, "the attribute is blank: name one, or take the row out")
    draft.mention(line, given["attribute"], "attribute")
    part = given.get("part", "")
    if part:
        draft.mention(line, part, "part")
    strength = draft.strength(line, given.get("strength") or "1")
    source = given.get("source", "")
    draft.relation(
        line,
        concept,
        "has-attribute",
        given["attribute"],
        strength=strength,
        part=part,
        source=source,
    )


def _take_concept(
    draft: Draft, line: int, concept: str, given: dict[str, str], strengths: dict[str, str]
) -> None:
    names = {key: [given[key]] for key in ("common", "scientific") if given.get(key)}
    source = given.get("source", "")
    draft.concept(line, concept, rank=given.get("rank", ""), source=source, **names)
    if given.get("parent"):
        draft.relation(line, concept, "is-a", given["parent"], source=source)
    for attribute, cell in strengths.items():
        if cell:
            strength = draft.strength(line, cell)
            draft.relation(
                line, concept, "has-attribute", attribute, strength=strength, source=source
            )


def _refuse_comment(draft: Draft, record: dict[str, str]) -> None:
    first = next(iter(record))
    if first.startswith("#"):
        raise draft.error(
            1, f"{first!r} begins with #, and comments are not read: take it out, so that the "
            f"first row names the columns"
        )  # fmt: skip
