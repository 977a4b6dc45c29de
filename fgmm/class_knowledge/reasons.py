"""Which facts of a graph speak for an answer, in words and nats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from fgmm.class_knowledge.evidence import Evidence

__all__ = ["Reason", "reasons_against", "reasons_for", "say_why_none"]

_HAS = 0.5  # strength from which a class is said to have something
_DIFFERS = 0.25  # least difference in strength that tells two classes apart
_LEARN = "train with this one: fgmm joint train, then --joint (in Python joint=)"
_LEAST = 0.05  # nats; what is below is written +0.0, which is no reason


@dataclass(frozen=True, slots=True)
class Reason:
    """A fact that speaks for an answer.

    Parameters
    ----------
    text : str
        ``"yellow petals"``; ``"not a dark disc"`` where the graph says that it has none.
    nats : float
        What it adds to the logit of the answer: beyond the mean of the candidates, or beyond
        what it adds to the rival's.
    strength : float
        Of the attribute in the answer, 0 to 1, as the graph states it.
    rival : float or None
        The same in the rival; None where there is no rival or the graph does not say.

    Examples
    --------
    >>> print(Reason("yellow petals", 1.21, 0.95, 0.1))
    yellow petals +1.2
    """

    text: str
    nats: float
    strength: float
    rival: float | None = None

    def __str__(self) -> str:
        return f"{self.text} {self.nats:+.1f}"


def reasons_for(evidence: Evidence, scores: Tensor, index: int, n: int) -> list[Reason]:
    """Give the n things a class has that speak most for it, beyond the mean of the candidates.

    An ancestor is no reason: that it is a Helianthus cannot be seen. It still counts in the
    evidence, so reasons need not add up to that.

    Parameters
    ----------
    evidence : Evidence
    scores : Tensor of shape (columns,)
        Of one picture.
    index : int
        Of the class.
    n : int

    Returns
    -------
    list of Reason
        Only what adds 0.05 nats or more, the most first.
    """
    parts = evidence.parts(scores, index).numpy()
    own = _stated(evidence, index)
    has = (np.nan_to_num(own, nan=0.0) >= _HAS) & _can_be_seen(evidence)
    best = [i for i in np.argsort(-parts, kind="stable") if has[i] and parts[i] >= _LEAST][:n]
    return [Reason(evidence.says[i], float(parts[i]), float(own[i])) for i in best]


def reasons_against(
    evidence: Evidence, scores: Tensor, index: int, rival: int, n: int
) -> list[Reason]:
    """Give the n facts that tell a class from a rival and speak most for the class.

    Something it has and the rival has less of, or something the rival has and it is stated not
    to have; what nobody stated of a class is no reason to say that it has it not. And where the
    two differ in a part, that part speaks for one of them only: if all that is said of the breast
    adds up to the rival's side, nothing of the breast is a reason. Ancestors are none either, as
    in `reasons_for`.

    Parameters
    ----------
    evidence : Evidence
    scores : Tensor of shape (columns,)
        Of one picture.
    index, rival : int
        Of the two classes.
    n : int

    Returns
    -------
    list of Reason
        Only what adds 0.05 nats or more, the most first.
    """
    nats = (evidence.parts(scores, index) - evidence.parts(scores, rival)).numpy()
    own, other = _stated(evidence, index), _stated(evidence, rival)
    told, others = np.nan_to_num(own, nan=0.0), np.nan_to_num(other, nan=0.0)
    has = (told >= _HAS) & (told - others >= _DIFFERS)
    lacks = ~np.isnan(own) & (own < _HAS) & (others >= _HAS) & (others - told >= _DIFFERS)
    speaks = (has | lacks) & (nats >= _LEAST) & _taken_together(evidence, nats)
    speaks &= _can_be_seen(evidence)
    best = [i for i in np.argsort(-nats, kind="stable") if speaks[i]][:n]
    return [
        Reason(
            evidence.says[i] if has[i] else f"not {evidence.says[i]}",
            float(nats[i]),
            float(own[i]),
            None if np.isnan(other[i]) else float(other[i]),
        )
        for i in best
    ]


def say_why_none(evidence: Evidence, index: int, label: str) -> str:
    """Say why there is no reason for a class, and what would give some.

    Parameters
    ----------
    evidence : Evidence
    index : int
        Of the class.
    label : str
        What it is called.

    Returns
    -------
    str
    """
    known = evidence.known
    if known[index] and known.sum() > 1:
        told = f"nothing that is known of {label} adds {_LEAST} nats or more for this picture"
        return told if evidence.learned else f"{told}; what is learned may: {_LEARN}"
    if known[index]:
        return f"only of {label} is anything known, and reasons tell several apart: give more names"
    whom = label if known.any() else "any of these names"
    if evidence.learned:
        return (
            f"nothing that was learned speaks of {whom}: give the graph learned from, or {_LEARN}"
        )
    return f"the graph does not say what {whom} looks like: give one with attributes"


def _can_be_seen(evidence: Evidence) -> np.ndarray:
    """All columns but the ancestors (columns,) bool."""
    columns = len(evidence.says)
    return np.asarray(np.arange(columns) < columns - evidence.ancestors)


def _taken_together(evidence: Evidence, nats: np.ndarray) -> np.ndarray:
    """Whether all columns of the same part together add something (columns,) bool.

    A score has no zero of its own within a part: each bird has one colour of the breast, and what
    adds as much to every colour changes no answer. What is said of the whole stands alone.
    """
    _, part = np.unique(evidence.about, return_inverse=True)
    whole = np.array([not about for about in evidence.about], dtype=bool)
    return whole | (np.bincount(part, weights=nats)[part] > 0)


def _stated(evidence: Evidence, index: int) -> np.ndarray:
    """Strengths of a class (columns,), NaN where the graph says nothing."""
    row = evidence.strengths[[index]]
    found = np.full(len(evidence.says), np.nan)
    found[row.indices] = row.data
    return found
