"""Any file or folder to a graph, and a graph to a file."""

from __future__ import annotations

import importlib
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge import jsonl
from knowledge.errors import FormatError, GraphError, UnclearFormat
from knowledge.readers import FORMATS
from knowledge.readers.mistakes import find_mistake
from knowledge.readers.sample import Sample

if TYPE_CHECKING:
    import os

    from knowledge.graph import KnowledgeGraph

__all__ = ["read_graph", "write_graph"]

# What no file may say; all else that validate finds is for the user to judge.
_CURES = {
    "cycle": "take one of these relations out",
    "dangling-id": "add the concept, or take the relation out",
    "duplicate-relation": "take one out",
    "self-loop": "take it out",
}
# Names of files of other formats than the one that is written.
_OTHERS = frozenset(
    [".csv", ".graphml", ".json", ".nwk", ".obo", ".owl", ".rdf", ".tsv", ".ttl", ".xlsx", ".xml"]
)
_MOST_LISTED = 4


def read_graph(path: str | os.PathLike[str], format: str | None = None) -> KnowledgeGraph:
    r"""Read a graph from a local file or folder; nothing is ever fetched.

    Parameters
    ----------
    path : str or path
        The file; for CUB and AwA the folder.
    format : str, optional
        ``"jsonl"``, ``"table"``, ``"cub"``, ``"awa"``, ``"parent-child"``, ``"newick"``,
        ``"descriptors"``, ``"darwin-core"``, ``"checklist"``, ``"graphml"``, ``"node-link"``,
        ``"obo"`` or ``"rdf"``, each explained in its module in `knowledge.readers`. Told by
        content if not given.

    Returns
    -------
    KnowledgeGraph
        Every fact has a source, and a place (``"birds.csv:12"``) in ``where``.

    Raises
    ------
    FormatError
        If the format is not known; or the file is not what it should be, with file, line and
        cure: circles and unknown ids are refused as well, except in JSON lines, which give back
        what was written.
    UnclearFormat
        If the content does not say which format it is of.
    GraphError
        If ``path`` is no path.
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "birds.csv")
    ...     _ = path.write_text("concept,red breast\nrobin,0.95\n")
    ...     graph = read_graph(path)
    >>> graph.attributes("robin")
    {'red breast': 0.95}
    """
    path = _checked(path)
    if format is None:
        format = _format_of(path)
    elif format not in FORMATS:
        near = get_close_matches(str(format), FORMATS, 1)
        hint = f": did you mean {near[0]!r}?" if near else ""
        raise FormatError(f"{format!r} is no format; it must be one of {', '.join(FORMATS)}{hint}")
    graph: KnowledgeGraph = importlib.import_module(FORMATS[format]).read(path)
    if format != "jsonl":
        for finding in graph.validate():
            if finding.kind in _CURES:
                where = finding.where or f"{path}:1"
                raise FormatError(f"{where}: {finding.message}: {_CURES[finding.kind]}")
    return graph


def write_graph(graph: KnowledgeGraph, path: str | os.PathLike[str]) -> None:
    """Write a graph as JSON lines, the same bytes for the same graph; see `knowledge.jsonl`.

    Parameters
    ----------
    graph : KnowledgeGraph
        What to write.
    path : str or path
        Where to; a file there is replaced once all has been written.

    Raises
    ------
    FormatError
        If a key of the user's own holds what JSON would not give back, or the path is a folder
        or ends like a file of another format.

    Examples
    --------
    >>> import tempfile
    >>> from knowledge import Concept, KnowledgeGraph
    >>> graph = KnowledgeGraph()
    >>> graph.add(Concept("rose", rank="genus", source="garden"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_graph(graph, f"{folder}/roses.jsonl")
    ...     read_graph(f"{folder}/roses.jsonl") == graph
    True
    """
    path = _checked(path)
    if path.is_dir():
        raise FormatError(
            f"{path}: a folder; a graph is written to one file: give {path / 'graph.jsonl'}"
        )
    if path.suffix.lower() in _OTHERS:
        raise FormatError(
            f"{path}: {path.suffix} is the ending of another format; a graph is written as JSON "
            f"lines: call it {path.with_suffix('.jsonl').name}"
        )
    jsonl.write(graph, path)


def _checked(path: object) -> Path:
    if not isinstance(path, (str, PathLike)):
        cure = "give the path of a file or folder"
        if hasattr(path, "adjacency"):  # of networkx, of whatever kind
            cure = "take it in by KnowledgeGraph.from_networkx(graph), edges from child to parent"
        raise GraphError(f"a {type(path).__name__} is no path: {cure}")
    if path == "":
        raise GraphError("the path is empty: give that of a file or folder, '.' for this folder")
    return Path(path)


def _fitting(sample: Sample) -> tuple[str, ...]:
    homes = FORMATS.items()
    return tuple(name for name, home in homes if importlib.import_module(home).matches(sample))


def _format_of(path: Path) -> str:
    sample = Sample.of(path)
    fitting = _fitting(sample)
    if path.is_dir() and len(fitting) != 1:
        inside = [p for p in sorted(path.iterdir()) if p.is_dir() and _fitting(Sample.of(p))]
        if len(inside) > 1:
            listed = " or ".join(map(str, inside[:_MOST_LISTED]))
            raise FormatError(f"{path}:1: {len(inside)} datasets inside: give one, {listed}")
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UnclearFormat(f"{path}:1: could be of {len(fitting)} formats", fitting)
    mistake = find_mistake(sample)
    if mistake:
        line, said = mistake
        raise FormatError(f"{path}:{line}: {said}")
    raise UnclearFormat(f"{path}:1: of no format that is known by its content", tuple(FORMATS))
