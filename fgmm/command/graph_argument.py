"""A graph that is named on the command line: ``--knowledge``."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from knowledge import KnowledgeGraph

__all__ = ["GRAPH_HELP", "open_graph"]

_FIELD_GUIDE = "fieldguide"

GRAPH_HELP = (
    "What is known of the classes: a file or folder with a graph (CSV, JSON, newick, CUB, ...), "
    "or flowers, grocery, fieldguide, which come with fgmm."
)
"""What commands say of the option."""


def open_graph(given: str) -> KnowledgeGraph:
    """Open a graph by the name of a pack, or read it from a file or folder.

    Parameters
    ----------
    given : str
        ``"flowers"``, ``"grocery"``, ``"fieldguide"``, or what `knowledge.read_graph` reads.
        Names come first: a folder called like one is ``"./grocery"``.

    Returns
    -------
    KnowledgeGraph

    Raises
    ------
    typer.BadParameter
        If there is no such file and no pack of that name.
    FormatError
        If the file is not what it should be.

    Examples
    --------
    >>> open_graph("flowers").find("ox-eye daisy").name
    'oxeye daisy'
    """
    from knowledge import load_pack, pack_names, read_graph

    if given in pack_names():
        return load_pack(given)
    if given == _FIELD_GUIDE:
        from fgmm.fieldguide import graph

        return graph()
    if not Path(given).exists():
        names = sorted((*pack_names(), _FIELD_GUIDE))
        near = difflib.get_close_matches(given.lower(), names, 1)
        hint = f"did you mean {near[0]}?" if near else "give the path of a file or a folder"
        raise typer.BadParameter(
            f"there is no file or folder {given}, and no pack of that name; packs are "
            f"{', '.join(names)}: {hint}",
            param_hint="--knowledge",
        )
    return read_graph(given)
