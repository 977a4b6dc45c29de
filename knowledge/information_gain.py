"""What a question about a trait is worth, and how an answer speaks for a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import entr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from knowledge.matrices import Trait

__all__ = ["Question", "Reason", "expected_gains"]


class Question(NamedTuple):
    """A question about a trait, and what it is worth.

    Parameters
    ----------
    trait : Trait
        Does it have this attribute, of this part?
    gain : float
        Expected information gain in bits, 0 to 1, if the answer is yes or no.
    yes : float
        Probability of a yes among those answers.

    Examples
    --------
    >>> from knowledge import Trait
    >>> Question(Trait("red", "breast"), gain=0.97, yes=0.4).trait.part
    'breast'
    """

    trait: Trait
    gain: float
    yes: float


class Reason(NamedTuple):
    """An answer, and how it speaks for one class against another.

    Parameters
    ----------
    trait : Trait
        What was asked.
    answer : {"yes", "no", "don't know"}
        What was answered.
    nats : float
        Natural logarithm of how many times likelier the answer is of the one than of the other;
        below 0 where it speaks for the other.

    Examples
    --------
    >>> from knowledge import Trait
    >>> Reason(Trait("red", "breast"), "yes", 2.5).nats > 0
    True
    """

    trait: Trait
    answer: str
    nats: float


def expected_gains(
    probabilities: NDArray[np.float64], yes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Work out how much each question tells on average, in bits.

    The mutual information between class and answer: the entropy of the answer, less what is left
    of it when the class is known.

    Parameters
    ----------
    probabilities : ndarray, shape (classes,)
        Of the classes; they sum to one.
    yes : ndarray, shape (classes, questions)
        P(yes | class).

    Returns
    -------
    ndarray, shape (questions,)
        Bits, 0 to 1.

    Examples
    --------
    >>> expected_gains(np.array([0.5, 0.5]), np.array([[1.0, 1.0, 0.5], [0.0, 1.0, 0.5]]))
    array([1., 0., 0.])
    """
    gains = _bits(probabilities @ yes) - probabilities @ _bits(yes)
    return np.maximum(gains, 0.0)


def _bits(yes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((entr(yes) + entr(np.maximum(1 - yes, 0))) / np.log(2))
