"""What a prediction tells beyond its candidates, where there is a graph."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from fgmm.class_knowledge.levels import Level

if TYPE_CHECKING:
    from torch import Tensor

    from fgmm.class_knowledge.known import KnownPicture
    from fgmm.class_knowledge.reasons import Reason

__all__ = ["GraphAnswers", "count_of"]


class GraphAnswers:
    """Reasons, and answers at other levels: the part of `fgmm.Prediction` that reads a graph."""

    __slots__ = ()
    if TYPE_CHECKING:
        labels: tuple[str, ...]
        probabilities: Tensor
        logits: Tensor
        generic: tuple[str, float] | None
        known: KnownPicture | None

    def reasons(
        self, label: str | None = None, *, against: str | None = None, n: int = 3
    ) -> list[Reason]:
        """Give the facts of the graph that speak most for a candidate.

        Parameters
        ----------
        label : str, optional
            A candidate; the most likely one if not given.
        against : str, optional
            A rival: only facts that tell the two apart, and what they add beyond the rival.
        n : int, default=3
            How many at most.

        Returns
        -------
        list of Reason
            The most telling first, from 0.05 nats; fewer where fewer speak for it, and none
            against the candidate itself. What the graph does not state of a class is no reason,
            and what is above it in the taxonomy is none, as it cannot be seen. Both may count in
            the evidence, so reasons need not add up to it.

        Raises
        ------
        ValueError
            If there is no graph, or no such candidate, or n is less than one.
        """
        known = self._graph("reasons")
        index = int(self.logits.argmax()) if label is None else self._place(label)
        rival = None if against is None else self._place(against)
        return known.reasons(index, rival, count_of(n))

    def rollup(self, rank: str) -> list[Level]:
        """Add the candidates' probabilities up to one rank of the graph's taxonomy.

        Parameters
        ----------
        rank : str
            Such as ``"family"``.

        Returns
        -------
        list of Level
            The most probable first. A candidate that has no ancestor of that rank stands for
            itself. Where candidates are scored each by itself (sigmoid), the probabilities are
            those given that the picture shows exactly one of them: the softmax of the logits.
            A single candidate keeps its probability, and the list does not add up to one.

        Raises
        ------
        ValueError
            If there is no graph, or none of its concepts here has that rank.
        """
        levels = self._graph("rollup").classes.levels.roll_up(self.logits.softmax(0), rank)
        share = self._share
        return [level._replace(probability=level.probability * share) for level in levels]

    def backoff(self, floor: float = 0.9) -> Level:
        """Answer as specially as is probable enough: if not the species, then its family.

        Parameters
        ----------
        floor : float, default=0.9
            How probable the answer must be, above 0 up to 1. It is right that often only where
            the probabilities mean frequencies, see ``calibration``.

        Returns
        -------
        Level
            A candidate, or what is above several; its ``label`` is None where nothing is
            probable enough. Probabilities as in `rollup`.

        Raises
        ------
        ValueError
            If there is no graph, or the floor is out of its range.
        """
        levels, share = self._graph("backoff").classes.levels, self._share
        if not 0 < floor <= 1:
            raise ValueError(f"floor is {floor!r}: it is a probability, above 0 and up to 1")
        if share < floor:
            return Level(None, "", 1.0)
        level = levels.back_off(self.logits.softmax(0), floor)
        return level._replace(probability=level.probability * share)

    @property
    def _share(self) -> float:
        """What is shared out among the candidates: all, but for a single one of them."""
        return 1.0 if self.generic is None else float(self.probabilities[0])

    def _graph(self, what: str) -> KnownPicture:
        if self.known is None:
            raise ValueError(
                f"{what} reads a graph, and this prediction was made without one: give classify "
                "knowledge=graph, such as knowledge.load_pack('flowers')"
            )
        return self.known

    def _place(self, label: str) -> int:
        if label not in self.labels:
            near = difflib.get_close_matches(label, self.labels, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"give one such as {self.labels[0]!r}"
            raise ValueError(f"{label!r} is none of the {len(self.labels)} candidates: {hint}")
        return self.labels.index(label)


def count_of(k: int) -> int:
    """Check how many candidates, or facts, are asked for."""
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ValueError(f"k is {k!r}: how many to give, a whole number from 1")
    return k
