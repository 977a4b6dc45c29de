"""The guide, and a way to draw without chance."""

from __future__ import annotations

import numpy as np
import pytest

from fgmm.fieldguide import FieldGuide


class Calm:
    """A generator without chance: every draw lies at the same place in its range.

    Two birds drawn with it differ in nothing but their attributes, in however many draws an
    attribute takes, so every pixel that differs is due to the attribute.
    """

    def __init__(self, place: float) -> None:
        self.place = place

    def uniform(self, low, high, size=None):
        value = np.asarray(low, float) + self.place * (np.asarray(high, float) - low)
        if size is not None:
            return np.broadcast_to(value, size).copy()
        return float(value) if value.ndim == 0 else value

    def normal(self, mean=0.0, spread=1.0, size=None):
        return mean if size is None else np.full(size, float(mean))

    def random(self):
        return self.place

    def choice(self, values):
        return values[int(self.place * len(values))]

    def integers(self, low, high=None):
        return int(self.place * low) if high is None else int(low + self.place * (high - low))

    def permutation(self, colours):
        return colours[::-1]  # sky first, the birds' own colours last


@pytest.fixture(scope="session")
def guide() -> FieldGuide:
    return FieldGuide()


@pytest.fixture(scope="session")
def calm() -> type[Calm]:
    return Calm
