"""Packs: graphs this project wrote itself, kept as tables that a botanist can read.

Each pack is a folder of three files, values between tabs, the first line naming the columns.

``classes.tsv``
    A class a line: its number in the data set the pack is about, its names (the first common name
    is the preferred one), its rank, its parent among the groups, one column for each side of its
    looks, and the classes it is mistaken for. A cell lists words, each with a strength from 0 to 1
    if it is not 1: ``pink 0.9, white 0.3``. ``pink@bracts`` is said of another part than the
    column's own. The strength is how usual it is among photographs of the class.
``words.tsv``
    Which words a column may hold, the part each is about, and what the attribute is called.
``groups.tsv``
    What is above the classes: families, genera; kinds and sections.

No word may be used that is not listed. Nothing has been checked by anybody outside the project,
and each fact says so.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

from knowledge.concept import Concept, Relation, Text
from knowledge.errors import ConceptNotFound, FormatError
from knowledge.graph import KnowledgeGraph
from knowledge.names import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    # Column and word, to the attribute's id and the part's name.
    _Words = dict[tuple[str, str], tuple[str, str]]

__all__ = ["SOURCE", "load_pack", "pack_names"]

SOURCE = "fgmm project, unreviewed"
"""Source of every fact in a pack."""

_DATA_SETS = {"flowers": "oxford-flower", "grocery": "grocery-store"}
_NAMED = ("number", "common", "synonyms", "scientific", "rank", "parent", "similar")
_LIKENESS = 0.6
_CELL = re.compile(r"(?P<word>[^@]+?)(?:@(?P<part>[\w ]+?))?(?: (?P<strength>[01]\.\d+))?")


def pack_names() -> tuple[str, ...]:
    """Names of the packs there are.

    Returns
    -------
    tuple of str
        Sorted.

    Examples
    --------
    >>> pack_names()
    ('flowers', 'grocery')
    """
    return tuple(sorted(_DATA_SETS))


def load_pack(name: str) -> KnowledgeGraph:
    """Make the graph of a pack.

    Classes are found by their names, by those of the data set, and by its numbers:
    ``oxford-flower-49``, ``grocery-store-8``.

    Parameters
    ----------
    name : {"flowers", "grocery"}
        Which: the 102 flowers of Oxford, or the 81 products of the Grocery Store set.

    Returns
    -------
    KnowledgeGraph
        A new one; change it as you like. Each fact says in which file and line it stands.

    Raises
    ------
    ConceptNotFound
        If there is no pack of that name.

    Examples
    --------
    >>> flowers = load_pack("flowers")
    >>> [concept.name for concept in flowers.lineage("ox-eye daisy")]
    ['oxeye daisy', 'Leucanthemum', 'daisy family', 'flower']
    >>> flowers.attributes("oxford-flower-49", part="part: petals")["attribute: white"]
    1.0
    """
    if name not in _DATA_SETS:
        hint = suggest(name, pack_names())
        if name == "fieldguide":  # a pack by name in the terminal; it is drawn and not written
            hint = "; the field guide's graph is fgmm.fieldguide.graph()"
        raise ConceptNotFound(
            f"no pack is called {name!r}{hint}; there are {', '.join(pack_names())}"
        )
    folder = resources.files(__package__).joinpath(name)
    graph = KnowledgeGraph()
    _add_groups(graph, folder)
    words = _add_words(graph, folder)
    _add_classes(graph, folder, words, _DATA_SETS[name])
    return graph


def _rows(folder: Traversable, file: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Place and cells of each line but the first."""
    lines = folder.joinpath(file).read_text(encoding="utf-8").splitlines()
    columns = lines[0].split("\t")
    for number, line in enumerate(lines[1:], 2):
        where = f"{folder.name}/{file}:{number}"
        cells = line.split("\t")
        if len(cells) != len(columns):
            raise FormatError(
                f"{where}: {len(cells)} cells; there must be {len(columns)}, with a tab between "
                f"one and the next: {', '.join(columns)}"
            )
        yield where, dict(zip(columns, cells, strict=True))


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(", ")) if cell else ()


def _add_groups(graph: KnowledgeGraph, folder: Traversable) -> None:
    for where, row in _rows(folder, "groups.tsv"):
        group = Concept(
            row["id"],
            common=_listed(row["common"]),
            scientific=_listed(row["scientific"]),
            rank=row["rank"],
            source=SOURCE,
            where=where,
        )
        graph.add(group)
        if row["parent"]:
            graph.add(Relation(group.id, "is-a", row["parent"], source=SOURCE, where=where))


def _add_words(graph: KnowledgeGraph, folder: Traversable) -> _Words:
    found = {}
    for where, row in _rows(folder, "words.tsv"):
        name = row["attribute"]
        found[row["column"], row["word"]] = _id(graph, "attribute", name, where), row["part"]
    return found


def _id(graph: KnowledgeGraph, kind: str, name: str, where: str) -> str:
    """Id of the attribute or part of this name; it is added where it is new."""
    id = f"{kind}: {name}" if name else ""
    if id and id not in graph:
        graph.add(Concept(id, kind=kind, common=(name,), source=SOURCE, where=where))
    return id


def _add_classes(graph: KnowledgeGraph, folder: Traversable, words: _Words, data_set: str) -> None:
    alike = []
    for where, row in _rows(folder, "classes.tsv"):
        number = Text(f"{data_set}-{row['number']}", language="zxx", source=SOURCE)
        names = _listed(row["common"])
        new = Concept(
            names[0],
            common=names,
            scientific=_listed(row["scientific"]),
            synonyms=_listed(row["synonyms"]),
            other_names=(number,),
            rank=row["rank"],
            source=SOURCE,
            where=where,
        )
        graph.add(new, Relation(new.id, "is-a", row["parent"], source=SOURCE, where=where))
        for column in (key for key in row if key not in _NAMED):
            for cell in _listed(row[column]):
                graph.add(_attribute(graph, new, column, cell, words))
        alike += [(new, other) for other in _listed(row["similar"])]
    for new, other in alike:
        graph.add(
            Relation(
                new.id,
                "similar-to",
                graph.find(other).id,
                strength=_LIKENESS,
                source=SOURCE,
                where=new.where,
            )
        )


def _attribute(
    graph: KnowledgeGraph, owner: Concept, column: str, cell: str, words: _Words
) -> Relation:
    match = _CELL.fullmatch(cell)
    if match is None or (column, match["word"]) not in words:
        raise FormatError(
            f"{owner.where}: {cell!r} in column {column!r}: write a word of words.tsv, then a "
            f"strength such as 0.8 if it is not 1"
        )
    attribute, part = words[column, match["word"]]
    return Relation(
        owner.id,
        "has-attribute",
        attribute,
        strength=float(match["strength"] or 1),
        part=_id(graph, "part", match["part"] or part, owner.where),
        source=SOURCE,
        where=owner.where,
    )
