"""Checklists of taxa: a TSV or CSV file whose columns are terms of Darwin Core.

Known are taxonID, parentNameUsageID, acceptedNameUsageID, scientificName, vernacularName,
taxonRank and, where no row names a parent, kingdom, phylum, class, order, family and genus. A
taxon whose accepted name is another's becomes a synonym of that one.

References
----------
Darwin Core terms: https://dwc.tdwg.org/terms/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from knowledge.readers.contents import records
from knowledge.readers.draft import Draft
from knowledge.readers.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from knowledge.concept import Text
    from knowledge.graph import KnowledgeGraph

__all__ = ["add_taxa", "matches", "read"]

_RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")


def matches(sample: Sample) -> bool:
    """Whether a column is a taxon's id or its scientific name."""
    named = bool({"taxonid", "scientificname"} & {*sample.columns})
    return named and (bool(sample.delimiter) or len(sample.lines) > 1)


def read(path: Path) -> KnowledgeGraph:
    """Read a checklist; see the module."""
    sample = Sample.of(path)
    draft = Draft(path)
    quote = None if sample.delimiter == "\t" else '"'  # in tab-separated lists a quote is a quote
    rows = records(path, sample.delimiter or "\t", quote=quote)
    lowered = ((line, {k.casefold(): v for k, v in record.items()}) for line, record in rows)
    add_taxa(draft, lowered)
    return draft.graph


def add_taxa(
    draft: Draft,
    rows: Iterable[tuple[int, Mapping[str, str]]],
    common: Mapping[str, Sequence[str]] | None = None,
    texts: Mapping[str, Mapping[str, Sequence[Text]]] | None = None,
) -> None:
    """Add taxa to a draft.

    Parameters
    ----------
    draft : Draft
        Of the file.
    rows : iterable of (int, dict)
        A line and its terms, in lower case, with their values.
    common : dict of str to list of str, optional
        More English names by id.
    texts : dict of str to dict of str to list of Text, optional
        By id, what the fields ``other_names`` and ``descriptions`` hold.

    Raises
    ------
    FormatError
        If an id is missing, there twice or unknown.
    """
    taxa: dict[str, tuple[int, Mapping[str, str]]] = {}
    for line, row in rows:
        id = row.get("taxonid") or row.get("scientificname", "")
        if not id:
            raise draft.error(line, "neither taxonID nor scientificName: fill one in")
        if id in taxa:
            raise draft.error(
                line, f"the taxon {id!r} is there already, line {taxa[id][0]}: take one out"
            )
        taxa[id] = line, row
    accepted = {id: row.get("acceptednameusageid") or id for id, (_, row) in taxa.items()}
    synonyms: dict[str, list[str]] = {}
    for id, other in accepted.items():
        line, row = taxa[id]
        if other not in taxa or accepted[other] != other:
            why = "is in no row" if other not in taxa else "is itself a synonym"
            raise draft.error(
                line, f"the accepted name of {id!r} is {other!r}, which {why}: correct it"
            )
        if other != id and row.get("scientificname"):
            synonyms.setdefault(other, []).append(row["scientificname"])
    by_parent = any(row.get("parentnameusageid") for _, row in taxa.values())
    for id, (line, row) in taxa.items():
        if accepted[id] != id:
            continue
        names = [*filter(None, [row.get("vernacularname")]), *(common or {}).get(id, ())]
        draft.concept(
            line,
            id,
            common=list(dict.fromkeys(names)),
            scientific=[*filter(None, [row.get("scientificname")])],
            synonyms=synonyms.get(id, []),
            rank=row.get("taxonrank", "").casefold(),
            **(texts or {}).get(id, {}),
        )
        parent = row.get("parentnameusageid", "")
        if parent and parent not in taxa:
            raise draft.error(
                line, f"the parent of {id!r} is {parent!r}, which is in no row: add it, or blank it"
            )
        if parent:
            draft.relation(line, id, "is-a", accepted[parent])
    if not by_parent:
        _add_lineages(draft, {id: taxa[id] for id in taxa if accepted[id] == id})


def _add_lineages(draft: Draft, taxa: Mapping[str, tuple[int, Mapping[str, str]]]) -> None:
    """Make higher taxa of the columns kingdom to genus, and hang everything below them."""
    ids = {
        (row.get("taxonrank", "").casefold(), row.get("scientificname", "")): id
        for id, (_, row) in taxa.items()
    }
    parents: dict[str, str] = {}

    def hang(line: int, child: str, parent: str) -> None:
        if parents.setdefault(child, parent) != parent:
            raise draft.error(
                line, f"{child!r} belongs to {parent!r} here and to {parents[child]!r} in another "
                f"row: correct one"
            )  # fmt: skip
        if not any(draft.graph.relations(child, kind="is-a")):
            draft.relation(line, child, "is-a", parent)

    for id, (line, row) in taxa.items():
        above = ""
        for rank in _RANKS:
            name = row.get(rank, "")
            if not name:
                continue
            higher = ids.get((rank, name)) or f"{rank} {name}"
            if higher == id:
                break
            if higher not in draft.graph:
                draft.concept(line, higher, scientific=[name], rank=rank)
            if above:
                hang(line, higher, above)
            above = higher
        if above:
            hang(line, id, above)
