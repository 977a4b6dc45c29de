"""What ``fgmm classify`` is given besides pictures: labels, a graph, what was learned of it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import typer

from fgmm.command.graph_argument import open_graph
from fgmm.command.label_list import read_label_file, split_labels

if TYPE_CHECKING:
    from pathlib import Path

    from fgmm.candidates import CandidateTexts
    from fgmm.joint import JointEmbedding
    from knowledge import KnowledgeGraph

__all__ = ["check_knowledge", "check_library_options", "choose_labels", "find_graph"]


def choose_labels(
    labels: str | None, labels_file: Path | None, library: Path | None
) -> CandidateTexts:
    """Read the labels; a library needs none."""
    if library is not None and labels is None and labels_file is None:
        return []
    if (labels is None) == (labels_file is None):
        wrong = (
            "both --labels and --labels-file" if labels else "neither --labels nor --labels-file"
        )
        raise typer.BadParameter(
            f"{wrong} given; one of them says what the pictures may show", param_hint="--labels"
        )
    if labels_file is not None:
        return read_label_file(labels_file)
    return split_labels(labels or "")


def check_library_options(library: Path | None, coverage: float | None, *, together: bool) -> None:
    """Check what only a library can answer."""
    for option, given in (("--coverage", coverage is not None), ("--together", together)):
        if given and library is None:
            raise typer.BadParameter(
                "only a library can answer this: name one by --library, or leave it out",
                param_hint=option,
            )
    if coverage is not None and not 0 < coverage < 1:
        raise typer.BadParameter(
            f"{coverage:g} is no share: give more than 0 and less than 1, such as 0.9",
            param_hint="--coverage",
        )
    if coverage is not None and together:
        raise typer.BadParameter(
            "the photos are judged one by one, and that says nothing of several pictures "
            "together: leave one of the two out",
            param_hint="--coverage",
        )


def find_graph(
    given: str | None, *, joint: Path | None, level: str | None, floor: float | None
) -> KnowledgeGraph | None:
    """Open the graph, and check what only makes sense with one."""
    if given is None:
        for option, value in (("--joint", joint), ("--level", level), ("--floor", floor)):
            if value is not None:
                raise typer.BadParameter(
                    "this needs a graph: name one by --knowledge, such as flowers",
                    param_hint=option,
                )
        return None
    if joint is not None and not joint.is_dir():
        raise typer.BadParameter(
            f"there is no folder {joint}: give one that fgmm joint train wrote",
            param_hint="--joint",
        )
    return open_graph(given)


def check_knowledge(
    graph: KnowledgeGraph, candidates: CandidateTexts, joint: Path | None, level: str | None
) -> JointEmbedding | None:
    """Find what is wrong with the labels and the rank before the encoder is loaded."""
    from fgmm.candidates import candidates_key, read_candidates
    from fgmm.class_knowledge.concepts import find_concepts

    ids = find_concepts(graph, read_candidates(candidates_key(candidates)), warn=False)
    above = (graph.lineage(id) for id in ids if id is not None)
    ranks = sorted({concept.rank for lineage in above for concept in lineage} - {""})
    if level is not None and level not in ranks:
        near = difflib.get_close_matches(level, ranks, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise typer.BadParameter(
            f"nothing above these labels has the rank {level}; there are "
            f"{', '.join(ranks) or 'none'}{hint}",
            param_hint="--level",
        )
    if joint is None:
        return None
    from fgmm.joint import JointEmbedding

    return JointEmbedding.load(joint)
