"""Birds of the field guide as a set to evaluate on: drawn when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fgmm.datasets.labelled import LabelledImages

if TYPE_CHECKING:
    from fgmm.datasets.registry import Classes
    from fgmm.fieldguide import FieldGuide, Species

__all__ = ["PLATES", "read_field_guide"]

PLATES = 32  # of a species: 16 shots and 15 queries, and one


class _Plates(Sequence[Any]):
    """Picture i shows species ``i // each`` in a pose of its own."""

    def __init__(self, guide: FieldGuide, species: Sequence[Species], each: int) -> None:
        self.guide, self.species, self.each = guide, species, each

    def __len__(self) -> int:
        return len(self.species) * self.each

    def __getitem__(self, at: Any) -> Any:
        if not 0 <= at < len(self):
            raise IndexError(at)
        which, number = divmod(at, self.each)
        # odd seeds only: nothing shipped was trained on one
        return self.guide.draw(self.species[which], seed=2 * number + 1).image


def read_field_guide(classes: Classes = "novel", *, each: int = PLATES) -> LabelledImages:
    """Give drawn birds of the novel or the base species.

    Parameters
    ----------
    classes : {"novel", "base"}, default="novel"
    each : int, default=32
        Pictures of each species.

    Returns
    -------
    LabelledImages
        Words are of kind ``"sentence"``, which says all that tells a species from others, or
        ``"name"``, which says a part of it.

    Examples
    --------
    >>> birds = read_field_guide(each=2)
    >>> len(birds), birds.labels[0] == birds.labels[1], birds.images[1].size
    (160, True, (160, 160))
    """
    from fgmm.fieldguide import FieldGuide

    guide = FieldGuide()
    species = guide.novel if classes == "novel" else guide.base
    return LabelledImages(
        f"field guide, {classes} species",
        _Plates(guide, species, each),
        tuple(s.name for s in species for _ in range(each)),
        texts={
            "sentence": {s.name: s.sentence for s in species},
            "name": {s.name: s.name for s in species},
        },
    )
