"""Probabilities that mean frequencies, and sets that hold the truth as often as asked.

Both are judged by the photos the user gave, each scored as if it had not been given
(`Scorer.left_out`): there is no validation set to ask for.

- *Temperature* (Guo, Pleiss, Sun and Weinberger, ICML 2017, section 4.2): logits are divided by
  the number that makes the right species likeliest.
- *Prediction sets* (Sadinle, Lei and Wasserman, JASA 2019: least ambiguous sets; with leave-one-out
  in place of a split, Barber, Candes, Ramdas and Tibshirani, Annals of Statistics 2021, the
  jackknife). A species is in the set if its probability is not below that of the truth in all but
  a share ``1 - coverage`` of the photos. Logits of pictures are those of
  ``Scorer.evidence(..., as_judged=True)``: like is compared with like. The promise is for pictures
  that are like the photos, of the same places, and species in the same shares; not for others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import torch
from scipy.optimize import minimize_scalar

from fgmm.errors import LibraryError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Calibration", "LeftOut", "calibrate", "may_judge", "most_judged"]

_MOST_LOGITS = 50_000_000  # 200 MB; beyond, a library's photos are not judged
_COLDEST, _HOTTEST = 0.05, 20.0


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """What the collection says of each of its own photos, as if it had not been given.

    Parameters
    ----------
    logits : Tensor of shape (s, k)
        In nats; rows of photos that are alone in their species are NaN.
    labels : Tensor of shape (s,), int64
        Row of each photo's species.
    digests : tuple of s str
        Which photo it is.
    """

    logits: Tensor
    labels: Tensor
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What the left-out photos say of probabilities. Make it with `calibrate`.

    Parameters
    ----------
    temperature : float
        What logits are divided by.
    truths : Tensor of shape (n,), rising
        Probability of the right species for each photo that was judged, at that temperature.

    Examples
    --------
    >>> calibration = Calibration(1.0, torch.tensor([0.2, 0.6, 0.7, 0.8, 0.9]))
    >>> round(calibration.threshold(0.75), 1)
    0.2
    >>> calibration.sets(torch.tensor([[2.0, 1.0, -3.0]]), 0.75)
    tensor([[ True,  True, False]])
    """

    temperature: float
    truths: Tensor

    def probabilities(self, logits: Tensor) -> Tensor:
        """Turn logits (..., k) into probabilities over the species."""
        return (logits / self.temperature).softmax(-1)

    def threshold(self, coverage: float) -> float:
        """Least probability of a species in a set.

        Parameters
        ----------
        coverage : float
            Share of pictures whose species shall be in its set, above 0 and below 1.

        Returns
        -------
        float
            The ``floor((n + 1) (1 - coverage))``-th smallest of `truths`: 0, that is every
            species, where the photos are too few to promise that much.

        Raises
        ------
        LibraryError
            If the coverage is no number, or out of its range.
        """
        given: object = coverage
        is_number = isinstance(given, Real) and not isinstance(given, bool)
        if not is_number or not 0 < coverage < 1:
            raise LibraryError(
                f"coverage is {coverage!r}: it is the share of pictures whose species shall be in "
                "the set; give more than 0 and less than 1, such as 0.9"
            )
        # a hair, so that 0.1 * 10 counts as 1 in spite of its last digit
        rank = math.floor((len(self.truths) + 1) * (1 - coverage) + 1e-9)
        return float(self.truths[rank - 1]) if rank else 0.0

    def sets(self, logits: Tensor, coverage: float) -> Tensor:
        """Say which species are in the set of each picture.

        Parameters
        ----------
        logits : Tensor of shape (q, k)
        coverage : float

        Returns
        -------
        Tensor of shape (q, k), bool
            Some sets may be empty: nothing is likely enough.
        """
        return self.probabilities(logits) >= self.threshold(coverage)


def may_judge(photos: int, species: int) -> bool:
    """Say whether a library is small enough to judge each of its photos.

    Examples
    --------
    >>> may_judge(5_000, 1_000), may_judge(100_000, 10_000)
    (True, False)
    """
    return photos * species <= _MOST_LOGITS


def most_judged(species: int) -> int:
    """Say how many photos may be judged among so many species, 2 at least.

    Examples
    --------
    >>> most_judged(1_000)
    50000
    """
    return max(2, _MOST_LOGITS // species)


def calibrate(left_out: LeftOut) -> Calibration:
    """Find the temperature, and how probable the truth is, on left-out photos.

    Parameters
    ----------
    left_out : LeftOut
        Photos that are alone in their species are not judged.

    Returns
    -------
    Calibration
        Of temperature 1 and without any truths where no photo could be judged.
    """
    judged = ~torch.isnan(left_out.logits).any(1)
    logits, labels = left_out.logits[judged].double(), left_out.labels[judged]
    if not len(labels):
        return Calibration(1.0, torch.empty(0))

    def loss(log_temperature: float) -> float:
        return float(torch.nn.functional.cross_entropy(logits / math.exp(log_temperature), labels))

    bounds = (math.log(_COLDEST), math.log(_HOTTEST))
    temperature = math.exp(float(minimize_scalar(loss, bounds=bounds, method="bounded").x))
    right = (logits / temperature).softmax(1).gather(1, labels.unsqueeze(1)).squeeze(1)
    return Calibration(temperature, right.sort().values.float())
