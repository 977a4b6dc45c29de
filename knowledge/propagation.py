"""Embeddings passed along the relations of a graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from knowledge.errors import GraphError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from knowledge.adjacency import Adjacency

__all__ = ["convolve", "propagate"]

_COLUMNS = 16  # at a time: enough to read the matrix seldom, few enough to stay near the processor


def propagate(
    adjacency: Adjacency,
    values: ArrayLike,
    *,
    alpha: float = 0.5,
    steps: int | None = None,
    normalisation: str = "symmetric",
    tolerance: float = 1e-6,
) -> NDArray[np.floating[Any]]:
    r"""Mix each concept's values with its neighbours', theirs with their neighbours', and so on.

    .. math:: Z = (1 - \alpha) (I - \alpha A)^{-1} Z_0

    is what ``Z = (1 - alpha) Z0 + alpha A Z`` comes to, from Z0 on; ``steps`` of it are taken, or
    it is solved. A is the adjacency, normalised. As its eigenvalues lie in [-1, 1], Chebyshev's
    iteration needs the product with A alone and about the square root of the steps; how many for
    the tolerance is known beforehand, so a column's result depends on no other column.

    Parameters
    ----------
    adjacency : Adjacency
        What is joined.
    values : array_like, shape (concepts,) or (concepts, columns)
        Z0, in the order of ``adjacency.concepts``; zeros for what has none of its own.
    alpha : float, default=0.5
        Share that comes from neighbours, 0 to below 1; at 0 nothing changes.
    steps : int, optional
        How far values travel. To the end if not given.
    normalisation : {"symmetric", "row"}
        See `Adjacency.normalised`. With ``"row"`` every result is a weighted mean of the values:
        row i of the operator is the personalised PageRank of concept i.
    tolerance : float, default=1e-6
        Largest error of a column, relative to its length; with ``"row"`` lengths are weighted by
        the degrees. For single precision, 1e-6 is the least that makes sense. Not used with
        ``steps``.

    Returns
    -------
    ndarray, shape of ``values``
        In single precision where the values are, else in double. Not of unit length.

    Raises
    ------
    GraphError
        If the shape, the values or a parameter are out of range.

    References
    ----------
    Johannes Gasteiger, Aleksandar Bojchevski and Stephan Günnemann. Predict then propagate: graph
    neural networks meet personalized PageRank. ICLR 2019, equations 3 and 4; their alpha is
    1 - alpha here.

    Gene H. Golub and Richard S. Varga. Chebyshev semi-iterative methods, successive overrelaxation
    iterative methods, and second order Richardson iterative methods. Numerische Mathematik 3, 1961.

    Examples
    --------
    >>> from knowledge import Adjacency, Concept, KnowledgeGraph, Relation
    >>> graph = KnowledgeGraph()
    >>> graph.add(*(Concept(id, source="notes") for id in ["robin", "bird"]))
    >>> graph.add(Relation("robin", "is-a", "bird", source="notes"))
    >>> propagate(Adjacency.of(graph), [1.0, 0.0]).round(4)
    array([0.6667, 0.3333])
    """
    if not 0 <= alpha < 1:
        raise GraphError(f"alpha is {alpha!r}; it is a share of neighbours: give 0 to below 1")
    if not 0 < tolerance < 1:
        raise GraphError(f"tolerance is {tolerance!r}; give a relative error above 0 and below 1")
    start = _checked(values, len(adjacency.concepts))
    mixing = (alpha * adjacency.normalised(normalisation)).astype(start.dtype)
    if steps is None:
        rounds = _rounds(alpha, tolerance)
        return _by_columns(lambda part: _solved(mixing, (1 - alpha) * part, alpha, rounds), start)
    _check_steps(steps)
    return _by_columns(lambda part: _walked(mixing, part, (1 - alpha) * part, steps), start)


def convolve(
    adjacency: Adjacency,
    values: ArrayLike,
    *,
    steps: int = 1,
    normalisation: str = "symmetric",
) -> NDArray[np.floating[Any]]:
    """Smooth values over the graph: the product with its normalised adjacency, several times.

    Every concept is joined to itself first. This is the fixed half of a graph convolution; the
    learned weights come after it.

    Parameters
    ----------
    adjacency : Adjacency
        What is joined.
    values : array_like, shape (concepts,) or (concepts, columns)
        In the order of ``adjacency.concepts``.
    steps : int, default=1
        How often. After many, all that hangs together becomes alike.
    normalisation : {"symmetric", "row"}
        See `Adjacency.normalised`.

    Returns
    -------
    ndarray, shape of ``values``
        In single precision where the values are, else in double.

    Raises
    ------
    GraphError
        If the shape, the values or a parameter are out of range.

    References
    ----------
    Thomas N. Kipf and Max Welling. Semi-supervised classification with graph convolutional
    networks. ICLR 2017, equation 2.

    Felix Wu et al. Simplifying graph convolutional networks. ICML 2019, equation 8.

    Examples
    --------
    >>> from knowledge import Adjacency, Concept, KnowledgeGraph, Relation
    >>> graph = KnowledgeGraph()
    >>> graph.add(*(Concept(id, source="notes") for id in ["robin", "bird"]))
    >>> graph.add(Relation("robin", "is-a", "bird", source="notes"))
    >>> convolve(Adjacency.of(graph), [1.0, 0.0])
    array([0.5, 0.5])
    """
    _check_steps(steps)
    start = _checked(values, len(adjacency.concepts))
    smoothing = adjacency.normalised(normalisation, self_loops=True).astype(start.dtype)
    return _by_columns(lambda part: _walked(smoothing, part, 0, steps), start)


def _walked(matrix: Any, values: Any, given: Any, steps: int) -> Any:
    for _ in range(steps):
        values = matrix @ values
        values += given
    return values


def _solved(mixing: Any, given: Any, alpha: float, rounds: int) -> Any:
    """Solve x = mixing x + given, the eigenvalues of mixing within alpha of 0."""
    before, now, omega = np.zeros_like(given), given, 2.0
    for _ in range(rounds - 1):
        omega = 1 / (1 - alpha**2 * omega / 4)
        after = mixing @ now
        after += given
        after -= before
        after *= omega
        after += before
        before, now = now, after
    return now


def _rounds(alpha: float, tolerance: float) -> int:
    """Rounds after which 1 / T(1 / alpha), T the Chebyshev polynomial, is within tolerance."""
    if alpha == 0:
        return 1
    return max(1, math.ceil(math.acosh(1 / tolerance) / math.acosh(1 / alpha)))


def _by_columns(function: Any, values: NDArray[Any]) -> NDArray[Any]:
    found = np.empty_like(values)
    for first in range(0, values.shape[-1] if values.ndim == 2 else 1, _COLUMNS):
        part = np.s_[:, first : first + _COLUMNS] if values.ndim == 2 else np.s_[:]
        found[part] = function(np.ascontiguousarray(values[part]))
    return found


def _checked(values: ArrayLike, n: int) -> NDArray[Any]:
    try:
        found = np.asarray(values)
        found = np.asarray(found, dtype=np.float32 if found.dtype == np.float32 else np.float64)
    except (TypeError, ValueError) as error:
        raise GraphError(f"values must be numbers: {error}") from None
    if found.ndim not in (1, 2) or len(found) != n:
        raise GraphError(
            f"values have the shape {found.shape}; the adjacency has {n} concepts: give ({n},) or "
            f"({n}, columns), in the order of adjacency.concepts"
        )
    bad = ~np.isfinite(found)
    if bad.any():
        place = tuple(np.argwhere(bad)[0].tolist())
        raise GraphError(
            f"a value at {place} is {found[place]}; neighbours would take it over: give finite "
            f"numbers, and zeros for a concept that has none"
        )
    return found


def _check_steps(steps: int) -> None:
    if steps < 0:
        raise GraphError(f"steps is {steps!r}; give 0 or more")
