"""A graph that is named on the command line: ``--knowledge``."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fgmm.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from knowledge import KnowledgeGraph

__all__ = ["GRAPH_HELP", "find_classes", "list_unknown", "open_graph"]

_FIELD_GUIDE = "fieldguide"
_SHOWN = 3  # of classes that cannot be found

GRAPH_HELP = (
    "What is known of the classes: a file or folder with a graph (CSV, JSON, newick, CUB, ...), "
    "or flowers, grocery, fieldguide, which come with fgmm. FORMAT:PATH, such as "
    "table:birds.tsv, where the content does not say the format."
)
"""What commands say of the option."""


def open_graph(given: str) -> KnowledgeGraph:
    """Open a graph by the name of a pack, or read it from a file or folder.

    Parameters
    ----------
    given : str
        ``"flowers"``, ``"grocery"``, ``"fieldguide"``, or what `knowledge.read_graph` reads.
        Names come first: a folder called like one is ``"./grocery"``. Then paths, then
        ``"FORMAT:PATH"`` with a format of `knowledge.read_graph`.

    Returns
    -------
    KnowledgeGraph

    Raises
    ------
    typer.BadParameter
        If there is no such file and no pack of that name, or the content does not say the format.
    FormatError
        If the file is not what it should be.

    Examples
    --------
    >>> open_graph("flowers").find("ox-eye daisy").name
    'oxeye daisy'
    """
    from knowledge import load_pack, pack_names, read_graph
    from knowledge.errors import UnclearFormat

    if given in pack_names():
        return load_pack(given)
    if given == _FIELD_GUIDE:
        from fgmm.fieldguide import graph

        return graph()
    path, format = _split(given)
    if not path or not Path(path).exists():
        names = sorted((*pack_names(), _FIELD_GUIDE))
        near = difflib.get_close_matches(given.lower(), names, 1)
        hint = f"did you mean {near[0]}?" if near else "give the path of a file or a folder"
        raise typer.BadParameter(
            f"there is no file or folder {path}, and no pack of that name; packs are "
            f"{', '.join(names)}: {hint}",
            param_hint="--knowledge",
        )
    try:
        return read_graph(path, format)
    except UnclearFormat as error:
        raise typer.BadParameter(
            f"{error.what}: say which before the path, such as {error.formats[0]}:{path}; it may "
            f"be {', '.join(error.formats)}",
            param_hint="--knowledge",
        ) from None


def _split(given: str) -> tuple[str, str | None]:
    """Path and format of ``FORMAT:PATH``; a path that is there may have a colon itself."""
    from knowledge.readers import FORMATS

    format, sign, path = given.partition(":")
    if not sign or Path(given).exists():
        return given, None
    if format not in FORMATS:
        if not path or not Path(path).exists():
            return given, None
        near = difflib.get_close_matches(format.lower(), FORMATS, 1)
        hint = f"did you mean {near[0]}:{path}?" if near else f"formats are {', '.join(FORMATS)}"
        raise typer.BadParameter(f"{format!r} is no format: {hint}", param_hint="--knowledge")
    return path, format


def find_classes(
    graph: KnowledgeGraph, named: Mapping[str, Sequence[str]], *, option: str, cure: str
) -> tuple[dict[str, str], list[str]]:
    """Find the concept of each class by its label, else by its names.

    Parameters
    ----------
    graph : KnowledgeGraph
    named : mapping of str to sequence of str
        Labels, and the names of each.
    option, cure : str
        What the user gave the classes by, and what to do where none is found, for the message.

    Returns
    -------
    found : dict of str to str
        Labels to ids.
    unknown : list of str
        Of each class that the graph does not know, what to say of it.

    Raises
    ------
    AmbiguousName
        If a name is that of several concepts.
    typer.BadParameter
        If two classes are one concept, or none is known.

    Examples
    --------
    >>> graph = open_graph("flowers")
    >>> find_classes(graph, {"049": ["ox-eye daisy"]}, option="--names", cure="say")
    ({'049': 'oxeye daisy'}, [])
    """
    from knowledge.errors import ConceptNotFound

    found: dict[str, str] = {}
    unknown: list[str] = []
    label_of: dict[str, str] = {}
    for label, names in named.items():
        said = ""
        for name in dict.fromkeys((label, *names)):
            try:
                found[label] = graph.find(name).id
                break
            except ConceptNotFound as error:
                said = str(error)  # that of the last name, which is the most like one
        else:
            unknown.append(said if label in said else f"class {label!r}: {said}")
            continue
        if (other := label_of.setdefault(found[label], label)) != label:
            raise typer.BadParameter(
                f"{other!r} and {label!r} are one thing in this graph, {found[label]!r}: give one "
                "of them",
                param_hint=option,
            )
    if unknown and not found:
        raise typer.BadParameter(
            f"the graph knows none of the {counted(len(named), 'class')}: "
            f"{list_unknown(unknown)}. {cure}",
            param_hint=option,
        )
    return found, unknown


def list_unknown(unknown: Sequence[str]) -> str:
    """Name the first few classes that a graph does not know.

    Examples
    --------
    >>> list_unknown(["no a", "no b", "no c", "no d"])
    'no a; no b; no c; and 1 more'
    """
    more = [f"and {len(unknown) - _SHOWN} more"] if len(unknown) > _SHOWN else []
    return "; ".join([*unknown[:_SHOWN], *more])
