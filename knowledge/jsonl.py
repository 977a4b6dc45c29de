"""A graph as JSON lines: one concept or relation a line, the same bytes for the same graph.

The first line names the format, its version and how many lines follow::

    {"concepts":1,"format":"fgmm-knowledge","relations":1,"version":1}
    {"id":"robin","rank":"species","source":"field notes"}
    {"relation":"is-a","source":"field notes","subject":"robin","target":"bird"}

Concepts come first, by id, then relations by subject, kind and target. Fields that have their
default are left out. Keys of a user's own are kept under ``"extra"``, those of the whole graph in
the first line. Where a fact was read from is not written: once read back, it comes from here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowledge.concept import Concept, Relation
from knowledge.errors import FormatError, GraphError
from knowledge.graph import KnowledgeGraph
from knowledge.plain_files import MAX_LINE_BYTES, numbered_lines, strict_json
from knowledge.plain_graph import EDGE_KEYS, NODE_KEYS, plain_concept, plain_relation, plain_texts

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["FORMAT", "VERSION", "read", "write"]

FORMAT = "fgmm-knowledge"
VERSION = 1

_CONCEPT_KEYS = frozenset(
    {
        "id",
        "kind",
        "common",
        "scientific",
        "synonyms",
        "other_names",
        "rank",
        "descriptions",
        "source",
        "extra",
    }
)
_RELATION_KEYS = frozenset({"subject", "relation", "target", "strength", "part", "source", "extra"})
_HEADER_KEYS = frozenset({"format", "version", "concepts", "relations", "extra"})


def write(graph: KnowledgeGraph, path: str | os.PathLike[str]) -> None:
    """Write a graph; the file is replaced only when all of it has been written.

    Parameters
    ----------
    graph : KnowledgeGraph
        What to write.
    path : str or path
        Where to; a file there is replaced.

    Raises
    ------
    FormatError
        If a key of the user's own holds what JSON would not give back.

    Examples
    --------
    >>> import tempfile
    >>> from knowledge import Concept, KnowledgeGraph
    >>> graph = KnowledgeGraph()
    >>> graph.add(Concept("rose", rank="genus", source="garden"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(graph, f"{folder}/roses.jsonl")
    ...     again = read(f"{folder}/roses.jsonl")
    >>> again == graph
    True
    """
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            for line in _lines(graph):
                if len(line) > MAX_LINE_BYTES // 4 and len(line.encode()) > MAX_LINE_BYTES:
                    raise FormatError(
                        f"{line[:60]!r}... would be longer than {MAX_LINE_BYTES} bytes, more than "
                        f"is read back: shorten its texts"
                    )
                file.write(line + "\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> KnowledgeGraph:
    r"""Read a graph that `write` wrote, or that was written by hand in the same form.

    Parameters
    ----------
    path : str or path
        A local file.

    Returns
    -------
    KnowledgeGraph
        Every fact carries the file and the line it was read from.

    Raises
    ------
    FormatError
        If the file is of another format or a newer version, cut short, too large, or a line is
        not what it should be; the message begins with file and line.
    OSError
        If the file cannot be opened.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "birds.jsonl")
    ...     _ = path.write_text('{"format": "fgmm-knowledge", "version": 1}\n'
    ...                         '{"id": "robin", "source": "field notes"}\n')
    ...     read(path).find("Robin").id
    'robin'
    """
    graph = KnowledgeGraph()
    header: dict[str, Any] | None = None
    counts = {"concepts": 0, "relations": 0}
    place = f"{path}:1"
    for number, line in numbered_lines(path):
        place = f"{path}:{number}"
        try:
            data = strict_json(line)
            if not isinstance(data, dict):
                raise FormatError("a line must hold one JSON object, {...}")
            if header is None:
                header = _header(data)
                graph._graph.graph.update(header.get("extra", {}))
            else:
                counts[_take(graph, data, place)] += 1
        except (FormatError, GraphError) as error:
            raise FormatError(f"{place}: {error}") from None
    if header is None:
        raise FormatError(f"{place}: the file is empty; its first line must be a header")
    for name, n in counts.items():
        if header.get(name, n) != n:
            raise FormatError(
                f"{place}: the file has {n} {name}, its first line says {header[name]}: it was cut "
                f"short or edited; get it again, or take the number out of the first line"
            )
    return graph


def _lines(graph: KnowledgeGraph) -> Iterator[str]:
    inner = graph._graph
    concepts = graph.concepts(kind=None)
    edges = [
        (data["relation"], _extra(data, "relation", f"an edge from {start!r} to {end!r}"))
        for start, end, data in inner.edges(data=True)
    ]
    header: dict[str, Any] = {
        "format": FORMAT, "version": VERSION, "concepts": len(concepts), "relations": len(edges)
    }  # fmt: skip
    yield _dump(header | _extra(inner.graph, "", "the graph"))
    for concept in sorted(concepts, key=lambda concept: concept.id):
        id = concept.id
        plain = {"id": id, **plain_concept(concept), **_extra(inner.nodes[id], "concept", repr(id))}
        plain.pop("where", None)
        yield _dump(plain)
    for _, line in sorted(
        ((fact.subject, fact.kind, fact.target, fact.part), _dump(_plain(fact) | extra))
        for fact, extra in edges
    ):
        yield line


def _plain(fact: Relation) -> dict[str, Any]:
    plain = {"subject": fact.subject, "target": fact.target, **plain_relation(fact)}
    plain.pop("where", None)
    return plain


def _dump(data: dict[str, Any]) -> str:
    return json.dumps(
        data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def _extra(data: dict[Any, Any], ours: str, what: str) -> dict[str, Any]:
    """A user's own keys, under "extra"; an error if JSON would change them."""
    extra = {key: value for key, value in data.items() if not ours or key != ours}
    if not extra:
        return {}
    try:
        kept = json.loads(_dump(extra)) == extra
        _dump(extra).encode()
    except (TypeError, ValueError, RecursionError):
        kept = False
    if not kept:
        raise FormatError(
            f"{what} has keys of your own that JSON cannot hold: {str(extra)[:200]}: only strings, "
            f"numbers, booleans, None, lists and dicts with string keys are written; convert them"
        )
    return {"extra": extra}


def _check_keys(data: dict[str, Any], known: frozenset[str], needed: tuple[str, ...]) -> None:
    missing = [name for name in needed if name not in data]
    if missing:
        raise FormatError(f"the key {missing[0]!r} is missing: add it")
    unknown = sorted(set(data) - known)
    if unknown:
        raise FormatError(
            f"the key {unknown[0]!r} is unknown here; known are {', '.join(sorted(known))}: put "
            f'your own under "extra"'
        )
    if not isinstance(data.get("extra", {}), dict):
        raise FormatError(f'"extra" is {data["extra"]!r}; it must be an object, {{...}}')


def _check_own(extra: dict[str, Any], ours: tuple[str, ...]) -> None:
    taken = sorted(set(extra) & set(ours))
    if taken:
        raise FormatError(f'"extra" has the key {taken[0]!r}, which is ours: rename it')


def _header(data: dict[str, Any]) -> dict[str, Any]:
    if data.get("format") != FORMAT:
        raise FormatError(
            f'the first line must be a header, {{"format":"{FORMAT}","version":{VERSION}}}: '
            f"add it, or read the file as what it is"
        )
    version = data.get("version")
    if type(version) is not int or version < 1:
        raise FormatError(
            f"the version is {version!r}; it must be a whole number from 1 to {VERSION}"
        )
    if version > VERSION:
        raise FormatError(
            f"written in version {version} of the format; this fgmm knows {VERSION} and older: "
            f"install a newer fgmm"
        )
    _check_keys(data, _HEADER_KEYS, ())
    return data


def _take(graph: KnowledgeGraph, data: dict[str, Any], place: str) -> str:
    """Add what one line says; "concepts" or "relations"."""
    extra = data.get("extra", {})
    if "id" in data:
        _check_keys(data, _CONCEPT_KEYS, ("source",))
        fields = {k: v for k, v in data.items() if k not in ("id", "extra")}
        for name in ("other_names", "descriptions"):
            if name in fields:
                fields[name] = plain_texts(fields[name], name)
        concept = Concept(data["id"], **fields, where=place)
        if concept.id in graph:
            first = graph[concept.id].where
            raise FormatError(f"the id {concept.id!r} is there already ({first}): take one out")
        graph.add(concept)
        _check_own(extra, (*NODE_KEYS, "concept"))
        graph._graph._node[concept.id].update(extra)
        return "concepts"
    _check_keys(data, _RELATION_KEYS, ("subject", "relation", "target", "source"))
    given = {k: data[k] for k in ("strength", "part", "source") if k in data}
    fact = Relation(data["subject"], data["relation"], data["target"], **given, where=place)
    graph.add(fact)
    if extra:
        _check_own(extra, EDGE_KEYS)
        edges = graph._graph._adj[fact.subject][fact.target]
        edges[next(reversed(edges))].update(extra)
    return "relations"
