"""What a graph knows of classes, as rows of numbers: attributes and ancestors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from knowledge import AttributeMatrix, Trait

if TYPE_CHECKING:
    from collections.abc import Iterable

    from knowledge import Concept, KnowledgeGraph

__all__ = ["ClassInputs"]


@dataclass(frozen=True, slots=True)
class ClassInputs:
    """Which columns classes are described by, and how to fill them from a graph.

    Parameters
    ----------
    traits : tuple of Trait
        Columns of the first block: strengths of attributes, 0 to 1, inherited ones too.
    ancestors : tuple of str
        Columns of the second block: ids of concepts above, 1 or 0.

    Examples
    --------
    >>> from knowledge import load_pack
    >>> flowers = load_pack("flowers")
    >>> inputs = ClassInputs.of(flowers, ["sunflower", "oxeye daisy", "tiger lily"])
    >>> rows = inputs.rows(flowers, ["sunflower", "English marigold"])
    >>> rows.shape == (2, len(inputs.traits) + len(inputs.ancestors))
    True
    """

    traits: tuple[Trait, ...]
    ancestors: tuple[str, ...]

    @classmethod
    def of(cls, graph: KnowledgeGraph, concepts: Iterable[str | Concept]) -> ClassInputs:
        """Take the columns that some, but not all, of the concepts have.

        Parameters
        ----------
        graph : KnowledgeGraph
            Where the facts are.
        concepts : iterable of str or Concept
            Base classes: what none of them has, nothing can be learned of.

        Returns
        -------
        ClassInputs
        """
        every = list(concepts)
        matrix = AttributeMatrix.of(graph, every, inherited=True)
        told = matrix.dense()
        varies = told.max(0, initial=0) > told.min(0, initial=1)
        above = [{c.id for c in graph.lineage(one)[1:]} for one in every]
        every_one = set(above[0]).intersection(*above) if above else set()
        some = {a for own in above for a in own} - every_one
        traits = tuple(t for t, keep in zip(matrix.traits, varies, strict=True) if keep)
        return cls(traits, tuple(sorted(some)))

    @property
    def widths(self) -> tuple[int, int]:
        """Columns of the two blocks."""
        return len(self.traits), len(self.ancestors)

    def rows(self, graph: KnowledgeGraph, concepts: Iterable[str | Concept]) -> Tensor:
        """Fill the columns for any concepts.

        Parameters
        ----------
        graph : KnowledgeGraph
            Where the facts are; it may have grown since.
        concepts : iterable of str or Concept
            What to describe.

        Returns
        -------
        Tensor of shape (k, sum(widths)), float32
            0 where nothing is said.

        Raises
        ------
        ConceptNotFound, AmbiguousName
            As in `KnowledgeGraph.find`.
        """
        every = list(concepts)
        matrix = AttributeMatrix.of(graph, every, inherited=True)
        place = {trait: column for column, trait in enumerate(matrix.traits)}
        told = torch.from_numpy(matrix.dense()).float()
        wanted = [place.get(trait, -1) for trait in self.traits]
        columns = torch.cat([told, torch.zeros(len(every), 1)], dim=1)[:, wanted]
        above = [{c.id for c in graph.lineage(one)[1:]} for one in every]
        ancestors = [[float(a in own) for a in self.ancestors] for own in above]
        return torch.cat([columns, torch.tensor(ancestors).view(len(every), -1)], dim=1)
