"""Accuracies that say what they are a mean of, with intervals over classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Accuracy", "class_bootstrap", "judge", "percent"]


def class_bootstrap(per_class: np.ndarray, n: int = 10_000) -> tuple[float, float]:
    """95 % percentile interval of the mean of ``per_class``, classes drawn with replacement."""
    rng = np.random.default_rng(0)
    means = per_class[rng.integers(len(per_class), size=(n, len(per_class)))].mean(1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


@dataclass(frozen=True)
class Accuracy:
    """Macro is the mean of class accuracies, micro the mean over pictures.

    The interval belongs to macro. With classes of unequal size the two differ, and the
    interval need not hold micro.
    """

    macro: float
    interval: tuple[float, float]
    micro: float

    def __str__(self) -> str:
        return f"macro {percent(self.macro, self.interval)}  micro {100 * self.micro:5.1f}"


def judge(right: np.ndarray, keys: np.ndarray) -> Accuracy:
    """Accuracy of answers that are right or wrong, given the class of each picture."""
    per_class = np.array([right[keys == c].mean() for c in np.unique(keys)])
    return Accuracy(float(per_class.mean()), class_bootstrap(per_class), float(right.mean()))


def percent(value: float, interval: tuple[float, float]) -> str:
    return f"{100 * value:5.1f} [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"
