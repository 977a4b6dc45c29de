"""What a graph says of the candidates, and of one picture among them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fgmm.class_knowledge.concepts import common_word, find_concepts
from fgmm.class_knowledge.evidence import Evidence, evidence_of_joint, evidence_of_words
from fgmm.class_knowledge.levels import Levels
from fgmm.class_knowledge.reasons import Reason, reasons_against, reasons_for, say_why_none

if TYPE_CHECKING:
    from torch import Tensor

    from fgmm.candidates import Candidates
    from fgmm.encoders.base import Encoder
    from fgmm.joint import JointEmbedding
    from knowledge import KnowledgeGraph

__all__ = ["ClassKnowledge", "KnownPicture"]

_log = logging.getLogger("fgmm")
_NO_EFFECT = (
    "the graph says nothing of what these candidates look like: it gives levels, and changes no "
    "probability; give a graph with attributes"
)
_NO_EFFECT_LEARNED = (
    "nothing that was learned speaks of these candidates, so it changes no probability: give the "
    "graph of the training, or train with this one (fgmm joint train)"
)


class ClassKnowledge:
    """Candidates, their concepts, and what the graph says of them.

    Parameters
    ----------
    graph : KnowledgeGraph
        It is read here; changes that come later do not count.
    candidates : Candidates
    evidence : Evidence
    ids : tuple of str or None
        Concept of each candidate.
    """

    def __init__(
        self,
        graph: KnowledgeGraph,
        candidates: Candidates,
        evidence: Evidence,
        ids: tuple[str | None, ...],
    ) -> None:
        self.labels = candidates.labels
        self.evidence = evidence
        self.ids = ids
        self.levels = Levels(graph, ids, candidates.labels)

    @classmethod
    def of(
        cls,
        graph: KnowledgeGraph,
        candidates: Candidates,
        encoder: Encoder,
        *,
        joint: JointEmbedding | None = None,
        concept: str | None = None,
    ) -> ClassKnowledge:
        """Find the candidates in the graph, and read what it says of them.

        Parameters
        ----------
        graph : KnowledgeGraph
        candidates : Candidates
        encoder : Encoder
            Reads the attributes as texts, where there is no ``joint``.
        joint : JointEmbedding, optional
        concept : str, optional
            What the candidates are; the name of their common root if not given.

        Returns
        -------
        ClassKnowledge
            A warning in the log says so where it has nothing to say of any candidate's looks.

        Raises
        ------
        CandidateError
            As in `fgmm.class_knowledge.concepts.find_concepts`.
        """
        ids = find_concepts(graph, candidates)
        if joint is not None:
            evidence = evidence_of_joint(joint, graph, ids)
        else:
            evidence = evidence_of_words(encoder, graph, ids, concept or common_word(graph, ids))
        if not evidence.known.any():
            _log.warning(_NO_EFFECT_LEARNED if joint is not None else _NO_EFFECT)
        return cls(graph, candidates, evidence, ids)


@dataclass(frozen=True, slots=True, eq=False)
class KnownPicture:
    """What the graph has to do with one picture.

    Parameters
    ----------
    classes : ClassKnowledge
    scores : Tensor of shape (columns,)
        Nats a weight of one is worth, of each thing the graph says.
    """

    classes: ClassKnowledge
    scores: Tensor

    def reasons(self, index: int, rival: int | None, n: int) -> list[Reason]:
        """Give what speaks for a class, or for it rather than a rival.

        Parameters
        ----------
        index : int
            Of the class.
        rival : int or None
            Of the class it is told from.
        n : int
            How many reasons at most.

        Returns
        -------
        list of Reason
            The most telling first.
        """
        evidence = self.classes.evidence
        if rival is None:
            return reasons_for(evidence, self.scores, index, n)
        return reasons_against(evidence, self.scores, index, rival, n)

    def say_why_none(self, index: int) -> str:
        """Say why there is no reason for a class, and what would give some.

        Parameters
        ----------
        index : int
            Of the class.

        Returns
        -------
        str
        """
        return say_why_none(self.classes.evidence, index, self.classes.labels[index])
