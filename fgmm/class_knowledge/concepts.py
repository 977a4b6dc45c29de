"""Candidates found in a graph: by label first, then by their names."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fgmm.errors import CandidateError
from knowledge.errors import AmbiguousName, ConceptNotFound

if TYPE_CHECKING:
    from fgmm.candidates import Candidates
    from knowledge import KnowledgeGraph

__all__ = ["common_word", "find_concepts"]

_log = logging.getLogger("fgmm")
_SHOWN = 3


def find_concepts(
    graph: KnowledgeGraph, candidates: Candidates, *, warn: bool = True
) -> tuple[str | None, ...]:
    """Give the id of each candidate's concept.

    Parameters
    ----------
    graph : KnowledgeGraph
    candidates : Candidates
        A label that is an id or a name decides; otherwise the candidate's names do.
    warn : bool, default=True
        Name those that the graph does not know in a warning in the log.

    Returns
    -------
    tuple of str or None
        None for a candidate the graph does not know.

    Raises
    ------
    CandidateError
        If the graph knows none of them, if a name means several concepts, if the names of one
        candidate do, or if two candidates are one concept.

    Examples
    --------
    >>> from fgmm.candidates import candidates_key, read_candidates
    >>> from knowledge import load_pack
    >>> named = read_candidates(candidates_key({"daisy": "Leucanthemum vulgare", "?": "a thing"}))
    >>> find_concepts(load_pack("flowers"), named)
    ('oxeye daisy', None)
    """
    found: list[str | None] = []
    missing: list[str] = []
    for label, names in zip(candidates.labels, candidates.names, strict=True):
        ids, hint = _concepts_of(graph, label, names)
        if len(ids) > 1:
            raise CandidateError(
                f"the names of candidate {label!r} are of several concepts, {', '.join(ids)}: "
                "give names of one thing, or the concept's id as the label"
            )
        found.append(ids[0] if ids else None)
        if not ids:
            missing.append(hint)
    shown = "; ".join(missing[:_SHOWN])
    if len(missing) == len(found):
        raise CandidateError(
            f"the graph knows none of the {len(found)} candidates: {shown}. Give names it has, or "
            "its ids as labels, {id: [names]}, or leave knowledge out"
        )
    if missing and warn:
        _log.warning(
            "the graph does not know %d of %d candidates, which are judged by words alone: %s%s",
            len(missing),
            len(found),
            shown,
            " ..." if len(missing) > _SHOWN else "",
        )
    _refuse_shared(candidates.labels, found)
    return tuple(found)


def common_word(graph: KnowledgeGraph, ids: tuple[str | None, ...]) -> str:
    """Give the name of the one concept at the root of them all; "thing" if there are several.

    Examples
    --------
    >>> from knowledge import load_pack
    >>> common_word(load_pack("flowers"), ("oxeye daisy", "sunflower", None))
    'flower'
    """
    roots = {graph.lineage(id)[-1].id for id in ids if id is not None}
    root = graph[roots.pop()] if len(roots) == 1 else None
    return root.name if root is not None and root.id not in ids else "thing"


def _concepts_of(
    graph: KnowledgeGraph, label: str, names: tuple[str, ...]
) -> tuple[list[str], str]:
    """Ids that the label, or else the names, lead to; and what to say if there is none."""
    id, hint = _look_up(graph, label, label)
    if id is not None:
        return [id], ""
    found: list[str] = []
    for name in names:
        id, said = _look_up(graph, label, name)
        if id is not None:
            found.append(id)
        elif name != label:
            hint = f"candidate {label!r}: {said}"  # of the last name, which is the most like one
    return list(dict.fromkeys(found)), hint


def _look_up(graph: KnowledgeGraph, label: str, name: str) -> tuple[str | None, str]:
    try:
        return graph.find(name).id, ""
    except AmbiguousName as error:
        raise CandidateError(
            f"candidate {label!r}: {error} as the label, {{id: [names]}}"
        ) from error
    except ConceptNotFound as error:
        return None, str(error)


def _refuse_shared(labels: tuple[str, ...], found: list[str | None]) -> None:
    owner: dict[str, str] = {}
    for label, id in zip(labels, found, strict=True):
        if id is None:
            continue
        if id in owner:
            raise CandidateError(
                f"candidates {owner[id]!r} and {label!r} are one concept, {id!r}: give one "
                f"candidate with both names, {{{id!r}: [{owner[id]!r}, {label!r}]}}"
            )
        owner[id] = label
