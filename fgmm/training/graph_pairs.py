"""Pairs whose texts are a knowledge graph's sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fgmm.errors import DatasetError
from fgmm.plurals import counted
from fgmm.training.folder_pairs import pair_labelled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fgmm.datasets.labelled import LabelledImages
    from fgmm.templates import Templates
    from fgmm.training.pairs import Pairs
    from knowledge import KnowledgeGraph

__all__ = ["pair_with_graph"]


def pair_with_graph(
    dataset: LabelledImages,
    graph: KnowledgeGraph,
    *,
    concepts: Mapping[str, str] | None = None,
    templates: Templates | None = None,
    max_words: int = 20,
) -> Pairs:
    """Pair labelled pictures with names of their classes and with what a graph says of them.

    Parameters
    ----------
    dataset : LabelledImages
    graph : KnowledgeGraph
    concepts : mapping of str to str, optional
        Of each label, what the graph calls it. By default the label or the set's first words.
    templates
        As in `fgmm.classify`, for names.
    max_words : int, default=20
        Longest sentence; see `knowledge.describe`.

    Returns
    -------
    Pairs
        With labels. A class of which the graph says nothing has its names.

    Raises
    ------
    DatasetError
        If the graph does not know a class.

    Examples
    --------
    >>> from PIL import Image
    >>> from fgmm.datasets import LabelledImages
    >>> from knowledge import load_pack
    >>> found = LabelledImages("one", [Image.new("RGB", (8, 8))], ("sunflower",))
    >>> len(pair_with_graph(found, load_pack("flowers")).texts) > 2
    True
    """
    from knowledge import AttributeMatrix, describe
    from knowledge.errors import ConceptNotFound

    words = next(iter(dataset.texts.values()), {})
    found, unknown = {}, []
    for label in dict.fromkeys(dataset.labels):
        asked = [concepts[label]] if concepts and label in concepts else [label, words.get(label)]
        for name in asked:
            try:
                found[label] = graph.find(name).id if name else ""
            except ConceptNotFound:
                continue
            break
        if not found.get(label):
            unknown.append(label)
    if unknown:
        raise DatasetError(
            f"the graph does not know {unknown[0]!r} ({len(unknown)} of "
            f"{counted(len(set(dataset.labels)), 'class')} are unknown): say what it calls them, "
            "or leave them out"
        )
    among = AttributeMatrix.of(graph, dict.fromkeys(found.values()), inherited=True)
    more = {
        label: [str(one) for one in describe(graph, concept, among=among, max_words=max_words)]
        for label, concept in found.items()
    }
    return pair_labelled(dataset, templates=templates, more=more)
