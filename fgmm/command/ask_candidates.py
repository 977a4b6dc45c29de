"""What ``fgmm ask`` checks before its encoder is loaded: picture, names, and the graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fgmm.command.graph_argument import find_classes, list_unknown
from fgmm.command.label_list import check_labels, read_label_file, split_labels
from fgmm.command.terminal import BAD, list_failures
from fgmm.plurals import counted

if TYPE_CHECKING:
    from fgmm.candidates import CandidateTexts
    from knowledge import Concept, Inquiry, KnowledgeGraph

__all__ = ["check_picture", "check_told", "find_candidates"]

_CURE = "Give names that the graph has"


def check_picture(image: str) -> None:
    """Refuse what is not one picture.

    Parameters
    ----------
    image : str
        A file.

    Raises
    ------
    typer.BadParameter
        If it is a folder.
    typer.Exit
        If it cannot be read; it is told why.
    """
    from fgmm.errors import ImageError
    from fgmm.images import read_image

    path = Path(image)
    if path.is_dir():
        raise typer.BadParameter(
            f"{image} is a folder: give one picture, not a folder", param_hint="PICTURE"
        )
    try:
        read_image(path)
    except ImageError as error:
        list_failures([(path, error)])
        raise typer.Exit(BAD) from None


def check_told(inquiry: Inquiry) -> None:
    """Refuse a graph that no question can come from.

    Parameters
    ----------
    inquiry : Inquiry
        About the candidates, before any answer.

    Raises
    ------
    typer.BadParameter
        If the graph says nothing of the candidates, or the same of all.
    """
    if (inquiry.yes != inquiry.yes[:1]).any():
        return
    among = f"these {counted(len(inquiry.concepts), 'name')}"
    if inquiry.traits:
        told = f"the graph says the same of all {among}: give names that it tells apart"
    else:
        told = (
            f"the graph does not say what any of {among} looks like, so there is nothing to ask: "
            "give one with attributes. What is above the names, fgmm classify --level can tell"
        )
    raise typer.BadParameter(told, param_hint="--knowledge")


def find_candidates(
    graph: KnowledgeGraph, labels: str | None, labels_file: Path | None
) -> tuple[CandidateTexts, dict[str, str]]:
    """Find what a picture may show in the graph.

    Parameters
    ----------
    graph : KnowledgeGraph
    labels : str or None
        As `fgmm.command.label_list.split_labels` takes them.
    labels_file : Path or None
        Neither: all that the graph has nothing below.

    Returns
    -------
    candidates : list of str, or dict
        What `fgmm.classify` takes.
    ids : dict of str to str
        The concept of each label.

    Raises
    ------
    typer.BadParameter
        If the graph lacks one, one is above another, or there are less than two.
    CandidateError
        If labels cannot be told apart.
    """
    candidates: CandidateTexts
    if labels is not None and labels_file is not None:
        raise typer.BadParameter(
            "both --labels and --labels-file given; give one of them, or neither for all that the "
            "graph knows",
            param_hint="--labels",
        )
    if labels is None and labels_file is None:
        ids = {_label(graph, leaf): leaf.id for leaf in graph.leaves()}
        candidates = {label: graph[id].name for label, id in ids.items()}
    else:
        candidates = (
            split_labels(labels or "") if labels_file is None else read_label_file(labels_file)
        )
        check_labels(candidates)
        named = candidates if isinstance(candidates, dict) else {label: [] for label in candidates}
        ids, unknown = find_classes(graph, named, option="--labels", cure=_CURE)
        if unknown:
            raise typer.BadParameter(f"{list_unknown(unknown)}. {_CURE}", param_hint="--labels")
        _refuse_ancestors(graph, ids)
    check_labels(candidates)
    if len(ids) < 2:
        raise typer.BadParameter(
            f"there is only one name, {next(iter(ids))!r}, and nothing to tell it from: give two "
            "or more",
            param_hint="--labels",
        )
    return candidates, ids


def _label(graph: KnowledgeGraph, leaf: Concept) -> str:
    """Its name; its id if something else is called so too. The encoder reads the name anyway."""
    from knowledge.errors import AmbiguousName

    try:
        return leaf.name if graph.find(leaf.name).id == leaf.id else leaf.id
    except AmbiguousName:
        return leaf.id


def _refuse_ancestors(graph: KnowledgeGraph, ids: dict[str, str]) -> None:
    """A thing and what is above it may both be right, and the answer is to be one of them."""
    named = {id: label for label, id in ids.items()}
    for label, id in ids.items():
        for above in graph.lineage(id)[1:]:
            if above.id in named:
                raise typer.BadParameter(
                    f"{label!r} is a kind of {named[above.id]!r} in this graph, so both would be "
                    "right, and only one can be the answer: give names of one level, such as the "
                    f"kinds of {named[above.id]!r} in its place",
                    param_hint="--labels",
                )
