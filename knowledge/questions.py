"""Which question about the traits of a thing tells most about what it is.

Someone who sees the thing answers yes, no or don't know. Of what answers they would give, the
strength of a trait says how often a thing of a class has it, and the error rate how often an
answer is wrong::

    P(yes | class) = strength (1 - error) + (1 - strength) error

Answers are taken as independent given the class. How often people do not know is taken to be the
same for every class, so that "don't know" tells nothing but that this question was asked; none is
asked twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from knowledge.errors import GraphError
from knowledge.information_gain import Question, Reason, expected_gains
from knowledge.matrices import AttributeMatrix, Trait
from knowledge.names import suggest
from knowledge.probabilities import check_probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from knowledge.graph import KnowledgeGraph

__all__ = ["ANSWERS", "Inquiry", "Reason"]

ANSWERS = ("yes", "no", "don't know")
_SHORT = {"y": "yes", "n": "no", "?": "don't know"}


@dataclass(frozen=True, slots=True, eq=False)
class Inquiry:
    """What is known of one thing after some answers; `of` begins one, `answered` goes on.

    Parameters
    ----------
    concepts : tuple of str
        Ids of the classes it may be.
    traits : tuple of Trait
        What can be asked.
    yes : ndarray, shape (concepts, traits)
        P(yes | class), the error rate included. Read-only.
    probabilities : ndarray, shape (concepts,)
        Of the classes, by the picture and the answers so far. Read-only.
    answers : tuple of (Trait, str)
        What was asked and answered.
    sure : float
        Ask no more once a class has this probability.
    least_gain : float
        Ask no question of a smaller expected gain, in bits.
    most : int
        Ask no more questions than this.

    Examples
    --------
    >>> from knowledge import Concept, KnowledgeGraph, Relation
    >>> graph = KnowledgeGraph()
    >>> for bird, traits in [("robin", ["red", "small"]), ("wren", ["small"]), ("ibis", ["red"])]:
    ...     graph.add(Concept(bird, source="notes"))
    ...     graph.add(*(Relation(bird, "has-attribute", t, source="notes") for t in traits))
    >>> inquiry = Inquiry.of(graph, {"robin": 0.5, "wren": 0.4, "ibis": 0.1}, error_rate=0.05)
    >>> inquiry.question().trait.attribute
    'red'
    >>> inquiry = inquiry.answered(Trait("red"), "yes")
    >>> dict(zip(inquiry.concepts, inquiry.probabilities.round(3).tolist()))
    {'robin': 0.805, 'wren': 0.034, 'ibis': 0.161}
    """

    concepts: tuple[str, ...]
    traits: tuple[Trait, ...]
    yes: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    answers: tuple[tuple[Trait, str], ...]
    sure: float
    least_gain: float
    most: int

    @classmethod
    def of(
        cls,
        graph: KnowledgeGraph,
        probabilities: Mapping[str, float],
        *,
        error_rate: float = 0.05,
        unknown: float = 0.0,
        sure: float = 0.95,
        least_gain: float = 0.01,
        most: int = 20,
    ) -> Inquiry:
        """Begin with the probabilities of classes.

        Parameters
        ----------
        graph : KnowledgeGraph
            What the classes look like; traits of their lineage are theirs too.
        probabilities : mapping of str to float
            Id or name of each class to its probability; they sum to one, give or take 0.001.
            Classes exclude each other: "gull" beside "herring gull" is a gull of no other class.
        error_rate : float, default=0.05
            Share of the answers that are wrong, 0 to 0.5. At 0.5 no answer tells anything.
        unknown : float, default=0.0
            Strength of what nobody spoke of, as in `AttributeMatrix.dense`.
        sure : float, default=0.95
            Ask no more once a class has this probability.
        least_gain : float, default=0.01
            Ask no question of a smaller expected gain, in bits.
        most : int, default=20
            Ask no more questions than this.

        Returns
        -------
        Inquiry
            With no answer yet.

        Raises
        ------
        ConceptNotFound, AmbiguousName
            As in `KnowledgeGraph.find`.
        GraphError
            If these are no probabilities, or a parameter is out of range.
        """
        ranges = {"error_rate": (error_rate, 0.5), "sure": (sure, 1), "least_gain": (least_gain, 1)}
        for name, (value, top) in ranges.items():
            if not 0 <= value <= top:
                raise GraphError(f"{name} is {value!r}; give 0 to {top}")
        if most < 0:
            raise GraphError(f"most is {most!r}; it is a number of questions: give 0 or more")
        if not isinstance(probabilities, Mapping):
            raise GraphError(
                f"probabilities are {probabilities!r:.60}: give {{name: probability}}, such as "
                f"dict.fromkeys(names, 1 / len(names)) before anything tells them apart"
            )
        prior = check_probabilities(list(probabilities.values()), len(probabilities))
        matrix = AttributeMatrix.of(graph, probabilities, inherited=True)
        yes = error_rate + (1 - 2 * error_rate) * matrix.dense(unknown)
        for array in (yes, prior):
            array.setflags(write=False)
        return cls(matrix.concepts, matrix.traits, yes, prior, (), sure, least_gain, most)

    @property
    def top(self) -> str:
        """Id of the most probable class."""
        return self.concepts[int(self.probabilities.argmax())]

    @property
    def ranking(self) -> tuple[str, ...]:
        """Ids of the classes, the most probable first; equal ones in their order."""
        return tuple(self.concepts[i] for i in np.argsort(-self.probabilities, kind="stable"))

    def gains(self) -> NDArray[np.float64]:
        """Return what each trait's question is worth now.

        Returns
        -------
        ndarray, shape (traits,)
            Expected information gain in bits; 0 for what was asked.
        """
        gains = expected_gains(self.probabilities, self.yes)
        asked = {trait for trait, _ in self.answers}
        gains[[trait in asked for trait in self.traits]] = 0
        return gains

    def question(self) -> Question | None:
        """Choose the question of the largest expected information gain.

        Returns
        -------
        Question or None
            Of equal ones the first. None if it is time to stop: a class is probable enough, no
            question is worth asking, or enough were asked.
        """
        if self.probabilities.max() >= self.sure or len(self.answers) >= self.most:
            return None
        # Rounded, so that equal questions stay equal in spite of their last digits.
        gains = self.gains().round(12)
        if not gains.size or gains.max() <= 0 or gains.max() < self.least_gain:
            return None
        best = int(gains.argmax())
        yes = float(self.probabilities @ self.yes[:, best])
        return Question(self.traits[best], float(gains[best]), yes)

    def answered(self, trait: Trait | str, answer: str) -> Inquiry:
        """Take in an answer.

        Parameters
        ----------
        trait : Trait or str
            What was asked, best as `Question.trait`; a string is an attribute of the whole.
        answer : {"yes", "no", "don't know"}
            What was answered; ``"y"``, ``"n"`` and ``"?"`` are the same, capitals do not matter.

        Returns
        -------
        Inquiry
            With the probabilities after it; this one stays as it is.

        Raises
        ------
        GraphError
            If the trait cannot be asked or was, the answer is none of the three, or the answers
            leave no class possible.
        """
        trait = Trait(trait) if isinstance(trait, str) else trait
        if trait not in self.traits:
            raise GraphError(
                f"{trait!r} is none of the {len(self.traits)} traits of these classes: answer for "
                f"the trait that question() gives"
            )
        if trait in (asked for asked, _ in self.answers):
            raise GraphError(f"{trait!r} was answered already: go back to the inquiry before that")
        answer = _understand(answer)
        answers = (*self.answers, (trait, answer))
        if answer == "don't know":
            return replace(self, answers=answers)
        yes = self.yes[:, self.traits.index(trait)]
        posterior = self.probabilities * (yes if answer == "yes" else 1 - yes)
        total = posterior.sum()
        if total == 0:
            raise GraphError(
                f"{answer!r} to {trait!r} leaves no class possible: begin with an error rate above "
                f"0, or a class for none of these"
            )
        posterior /= total
        posterior.setflags(write=False)
        return replace(self, probabilities=posterior, answers=answers)

    def reasons(self, one: str, other: str) -> tuple[Reason, ...]:
        """Say which answers speak for one class against another.

        They and the probabilities at the beginning account for all of the difference: the sum of
        the nats is by how much the answers changed ``log(P(one) / P(other))``.

        Parameters
        ----------
        one, other : str
            Ids of two of the classes, such as the first two of `ranking`.

        Returns
        -------
        tuple of Reason
            One for each answer, in their order. What neither class could answer counts 0.

        Raises
        ------
        GraphError
            If one of them is none of the classes.

        Examples
        --------
        >>> from knowledge import load_pack
        >>> flowers = load_pack("flowers")
        >>> two = Inquiry.of(flowers, {"sunflower": 0.5, "oxeye daisy": 0.5})
        >>> two = two.answered(Trait("attribute: white", "part: petals"), "no")
        >>> [(answer, round(nats, 1)) for _, answer, nats in two.reasons(*two.ranking)]
        [('no', 2.9)]
        """
        for id in (one, other):
            if id not in self.concepts:
                raise GraphError(
                    f"{id!r} is none of the {len(self.concepts)} classes asked about"
                    f"{suggest(id, self.concepts)}: give the id of one, as in ranking"
                )
        rows = self.yes[[self.concepts.index(one), self.concepts.index(other)]]
        found = []
        for trait, answer in self.answers:
            yes = rows[:, self.traits.index(trait)]
            a, b = {"yes": yes, "no": 1 - yes}.get(answer, np.ones(2))
            with np.errstate(divide="ignore"):
                nats = float(np.log(a) - np.log(b)) if a or b else 0.0
            found.append(Reason(trait, answer, nats))
        return tuple(found)


def _understand(answer: str) -> str:
    said = str(answer).strip().lower()
    said = _SHORT.get(said, said)
    if said not in ANSWERS:
        raise GraphError(f"the answer is {answer!r}; it must be one of {ANSWERS}, or y, n or ?")
    return said
