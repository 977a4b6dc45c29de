"""Photos with easy numbers, and a library in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from fgmm.library import LibraryFile, Photos, add_species

if TYPE_CHECKING:
    from pathlib import Path


def make_photos(*numbers: int) -> Photos:
    rows = [(np.cos(n), np.sin(n)) for n in numbers]
    return Photos(
        np.reshape(rows, (-1, 2)),
        [f"{n:032x}" for n in numbers],
        [f"{n}.jpg" for n in numbers],
        ["2026-05-01T06:00:00Z"] * len(numbers),
    )


@pytest.fixture
def photos():
    """A factory: ``photos(1, 2)`` are two photos, each at the angle and with the digest it says."""
    return make_photos


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    """A file: wren with photos 1 and 2, great tit with photo 3, dodo with none."""
    path = tmp_path / "birds.fgmm"
    with LibraryFile.create(path, "fake/1", 2, "fake") as library:
        for name, numbers in [("wren", (1, 2)), ("great tit", (3,)), ("dodo", ())]:
            library.apply(
                lambda c, name=name, numbers=numbers: add_species(c, name, make_photos(*numbers)),
                "add_species",
                {"name": name},
            )
    return path
