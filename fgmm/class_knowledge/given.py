"""What a caller of `fgmm.classify` gave as knowledge, checked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fgmm.encoders.both_layers import join_layers
from fgmm.errors import CandidateError, SpaceMismatch
from knowledge import KnowledgeGraph, pack_names

if TYPE_CHECKING:
    from fgmm.encoders.base import ImageEncoder
    from fgmm.encoders.both_layers import BothLayers
    from fgmm.joint import JointEmbedding

__all__ = ["choose_layers", "read_knowledge"]


def read_knowledge(
    knowledge: object, joint: object
) -> tuple[KnowledgeGraph | None, JointEmbedding | None]:
    """Check the graph, and load what was learned of it where a folder is given.

    Raises
    ------
    CandidateError
        If either is not what it should be, or there is a joint embedding and no graph.
    StoreError
        If the folder holds no joint embedding.
    """
    if knowledge is None:
        if joint is not None:
            raise CandidateError(
                "joint is given and knowledge is not: what was learned is about a graph's "
                "attributes; give that graph, knowledge=graph"
            )
        return None, None
    if not isinstance(knowledge, KnowledgeGraph):
        raise CandidateError(f"knowledge is {_what_is_given(knowledge)}")
    if joint is None:
        return knowledge, None
    from fgmm.joint import JointEmbedding

    if isinstance(joint, (str, os.PathLike)):
        return knowledge, JointEmbedding.load(joint)
    if not isinstance(joint, JointEmbedding):
        raise CandidateError(
            f"joint is a {type(joint).__name__}, not a JointEmbedding: give what "
            "JointEmbedding.train or load returns, or the folder that save wrote"
        )
    return knowledge, joint


def _what_is_given(knowledge: object) -> str:
    """Say what is no graph, and how to have one."""
    if not isinstance(knowledge, (str, os.PathLike)):
        return (
            f"a {type(knowledge).__name__}, not a KnowledgeGraph: give what knowledge.read_graph, "
            "knowledge.load_pack or KnowledgeGraph.from_networkx returns"
        )
    given = os.fspath(knowledge)
    if given in pack_names():
        return f"{given!r}, the name of a graph: give knowledge.load_pack({given!r})"
    if given == "fieldguide":
        return f"{given!r}, the name of a graph: give fgmm.fieldguide.graph()"
    return (
        f"{given!r}, not a KnowledgeGraph: if it is a file or a folder, give "
        f"knowledge.read_graph({given!r}); packs are {', '.join(pack_names())}"
    )


def choose_layers(encoder: ImageEncoder, joint: JointEmbedding | None) -> BothLayers | None:
    """Give an encoder of both layers where what was learned reads the features.

    Raises
    ------
    SpaceMismatch
        If it was learned on another encoder's vectors.
    """
    if joint is None or joint.space == encoder.space:
        return None
    both = join_layers(encoder)
    if joint.space not in both.spaces:
        raise SpaceMismatch(
            f"the joint embedding was trained in {joint.space!r}, and this encoder's spaces are "
            f"{' and '.join(map(repr, both.spaces))}: use the encoder it was trained with, or "
            "train it again"
        )
    return both
