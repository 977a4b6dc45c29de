"""An answer as deep in the tree as can be said with confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from knowledge.errors import GraphError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from knowledge.taxonomy import Taxonomy

__all__ = ["Answer", "back_off"]

_ROUNDING = 1e-6  # 0.3 + 0.6 reaches 0.9, in single precision too


class Answer(NamedTuple):
    """What can be said of a picture.

    Parameters
    ----------
    node : str or None
        Id of the node; None where no node is probable enough, and nothing can be said.
    probability : float
        Of the node; 1 for None, which is always right.

    Examples
    --------
    >>> Answer("Larus", 0.93).node
    'Larus'
    """

    node: str | None
    probability: float


def back_off(
    taxonomy: Taxonomy, probabilities: ArrayLike, floor: float = 0.9
) -> tuple[Answer, ...]:
    """Answer with the deepest node whose probability clears a floor.

    Deepest is the node that leaves the fewest candidates open; of those the most probable, then
    the one of the greatest depth, then the first. In a tree and at a floor above one half this is
    the lowest node that clears it: all that do lie on one way up. Branches of different length
    are not compared by depth, where a long branch would win for being long.

    Parameters
    ----------
    taxonomy : Taxonomy
        The nodes to answer with; `Taxonomy.at_rank` takes some out.
    probabilities : array_like, shape (candidates,) or (pictures, candidates)
        Of the candidates; each row sums to one.
    floor : float, default=0.9
        How probable an answer must be, above 0 to 1. The answers are right at least that often
        where the probabilities are calibrated.

    Returns
    -------
    tuple of Answer
        One for each picture; one for a single row.

    Raises
    ------
    GraphError
        If the floor is not in that range, or these are no probabilities of the candidates.

    References
    ----------
    Jia Deng, Jonathan Krause, Alexander C. Berg and Li Fei-Fei. Hedging your bets: optimizing
    accuracy-specificity trade-offs in large scale visual recognition. CVPR 2012, section 3.

    Examples
    --------
    >>> from knowledge import Concept, KnowledgeGraph, Relation, Taxonomy
    >>> graph = KnowledgeGraph()
    >>> for bird, genus in [("herring gull", "Larus"), ("kelp gull", "Larus"), ("robin", "Turdus")]:
    ...     graph.add(Concept(bird, source="notes"), Relation(bird, "is-a", genus, source="notes"))
    >>> graph.add(Concept("Larus", source="notes"), Concept("Turdus", source="notes"))
    >>> taxonomy = Taxonomy.of(graph, ["herring gull", "kelp gull", "robin"])
    >>> back_off(taxonomy, [[0.95, 0.03, 0.02], [0.5, 0.45, 0.05], [0.4, 0.1, 0.5]])
    (Answer(node='herring gull', probability=0.95), Answer(node='Larus', probability=0.95),
     Answer(node=None, probability=1.0))
    """
    if not 0 < floor <= 1:
        raise GraphError(f"floor is {floor!r}; it is a probability: give one above 0, up to 1")
    rolled = np.atleast_2d(taxonomy.roll_up(probabilities))  # (pictures, nodes)
    if not taxonomy.nodes:
        return (Answer(None, 1.0),) * len(rolled)
    sizes = np.diff(taxonomy.members.indptr).astype(np.float64)
    open_ = np.where(rolled >= floor - _ROUNDING, sizes, np.inf)
    fewest = open_.min(axis=1, keepdims=True)
    likely = np.where(open_ == fewest, rolled, -1.0)
    depths = np.where(likely == likely.max(axis=1, keepdims=True), taxonomy.depths, -1)
    best = depths.argmax(axis=1)
    return tuple(
        Answer(taxonomy.nodes[node], float(row[node])) if np.isfinite(n) else Answer(None, 1.0)
        for node, row, n in zip(best, rolled, fewest.ravel(), strict=True)
    )
