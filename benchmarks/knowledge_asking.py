"""Ways to ask until a thing is known: by gain, at random, and the best there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from knowledge import Inquiry, Trait

__all__ = [
    "Bools",
    "Floats",
    "Optimum",
    "Outcome",
    "ask",
    "at_random",
    "by_gain",
    "outcomes",
]

Bools, Floats = NDArray[np.bool_], NDArray[np.float64]
Chooser = Callable[[Inquiry], "Trait | None"]


class Outcome(NamedTuple):
    """Questions asked of one picture, and whether the first species is then the right one."""

    questions: int
    right: bool


def by_gain(inquiry: Inquiry) -> Trait | None:
    question = inquiry.question()
    return question.trait if question else None


def at_random(rng: np.random.Generator) -> Chooser:
    """Any question worth asking, with equal chances; stops as `Inquiry.question` does."""

    def choose(inquiry: Inquiry) -> Trait | None:
        if inquiry.question() is None:
            return None
        worth = inquiry.gains().round(12)
        open_ = np.flatnonzero((worth > 0) & (worth >= inquiry.least_gain))
        return inquiry.traits[int(rng.choice(open_))]

    return choose


def ask(
    inquiry: Inquiry, choose: Chooser, has: Bools, truth: int, wrong: Iterator[bool]
) -> Outcome:
    """Ask until the end; ``has`` (species, traits) is the truth, ``wrong`` which answers are not."""
    while (trait := choose(inquiry)) is not None:
        yes = bool(has[truth, inquiry.traits.index(trait)]) != next(wrong)
        inquiry = inquiry.answered(trait, "yes" if yes else "no")
    return Outcome(len(inquiry.answers), inquiry.top == inquiry.concepts[truth])


def outcomes(inquiry: Inquiry, choose: Chooser, has: Bools) -> dict[int, Outcome]:
    """What `ask` gives for every possible truth, answers never wrong: the whole tree."""
    trait = choose(inquiry)
    if trait is None:
        asked = len(inquiry.answers)
        return {
            int(at): Outcome(asked, inquiry.concepts[at] == inquiry.top)
            for at in np.flatnonzero(inquiry.probabilities)
        }
    left = inquiry.probabilities > 0
    column, found = has[:, inquiry.traits.index(trait)], {}
    for answer, those in (("yes", column), ("no", ~column)):
        if (left & those).any():
            found |= outcomes(inquiry.answered(trait, answer), choose, has)
    return found


class Optimum:
    """The best way to ask about a few species, for many pictures at once.

    Parameters
    ----------
    has : ndarray of bool, shape (species, traits)
        Whether a species has a trait; no two species have the same ones.
    probabilities : ndarray, shape (pictures, species)
    sure : float
        Ask no more once a species has this probability.
    """

    def __init__(self, has: Bools, probabilities: Floats, sure: float) -> None:
        n, k = probabilities.shape
        self.everything = 2**k - 1
        self.masks = np.unique((1 << np.arange(k)) @ has)
        total, most = np.zeros((2**k, n)), np.zeros((2**k, n))
        # P(S) V(S), so that nothing is divided; subsets come before what they are in
        self.cost = np.zeros((2**k, n))
        self.stop = np.ones((2**k, n), dtype=bool)
        for left in range(1, 2**k):
            first = (left & -left).bit_length() - 1
            total[left] = total[left & (left - 1)] + probabilities[:, first]
            most[left] = np.maximum(most[left & (left - 1)], probabilities[:, first])
            if left & (left - 1):
                self.stop[left] = most[left] >= sure * total[left]
                yes = self.splits(left)
                asked = total[left] + (self.cost[yes] + self.cost[left ^ yes]).min(0)
                self.cost[left] = np.where(self.stop[left], 0.0, asked)

    def splits(self, left: int) -> NDArray[np.intp]:
        """The sets that a yes may leave of a set, without those that leave all or nothing."""
        yes = np.unique(self.masks & left)
        return yes[(yes != 0) & (yes != left)]

    @property
    def expected(self) -> Floats:
        """Least expected number of questions for each picture."""
        return np.asarray(self.cost[self.everything])

    def taken(self, picture: int, truth: int) -> int:
        """How many questions it takes when this is the truth; of equal ones the first split."""
        left, asked = self.everything, 0
        while not self.stop[left, picture]:
            yes = self.splits(left)
            best = int(yes[(self.cost[yes, picture] + self.cost[left ^ yes, picture]).argmin()])
            left, asked = (best if best >> truth & 1 else left ^ best), asked + 1
        return asked
