"""The field guide itself: ask it for a picture, it knows everything about it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fgmm.fieldguide.drawing import draw_bird
from fgmm.fieldguide.species import Species, invent_species

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Image

__all__ = ["FieldGuide", "Plate"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Plate:
    """One drawn picture and the whole truth about it.

    Attributes
    ----------
    image : PIL.Image.Image
        RGB, square.
    species : Species
    attributes : mapping of str to str
        The species' attributes. Each can be seen in the picture, with two exceptions: a
        throat of the breast's colour and a crown of the back's look like plain ones.
    boxes : dict of str to (left, top, right, bottom)
        A box in pixels for each part: bill, crown, eye, throat, breast, wing, tail, legs.
    sentence : str
        The attributes in words.
    """

    image: Image
    species: Species
    boxes: Mapping[str, tuple[float, float, float, float]]

    def __repr__(self) -> str:
        size = f"{self.image.width} x {self.image.height}"
        return f"<Plate of {self.species.name!r}, {size} pixels>"

    @property
    def attributes(self) -> Mapping[str, str]:
        """The species' attributes."""
        return self.species.attributes

    @property
    def sentence(self) -> str:
        """The species' attributes in one sentence."""
        return self.species.sentence


class FieldGuide:
    """Birds drawn by code: an endless test set with exact truth.

    Two hundred and forty species in forty genera. Each has a near twin that differs in
    one or two attributes; pose, light and background say nothing about the species.

    Parameters
    ----------
    seed : int, default=0
        Another seed invents another guide. The encoder ``tiny`` knows guide 0.

    Attributes
    ----------
    species : tuple of Species
    base, novel : tuple of Species
        The species shipped weights were trained on, and those they never saw.

    Examples
    --------
    >>> guide = FieldGuide()
    >>> guide
    <FieldGuide 0: 240 species in 40 genera, 160 base and 80 novel>
    >>> len(guide.species), len(guide.novel)
    (240, 80)
    >>> plate = guide.draw(guide.species[1], seed=5)
    >>> plate.image.size, sorted(plate.boxes)[:3]
    ((160, 160), ['bill', 'breast', 'crown'])
    >>> plate.species.name in guide
    True
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.species = invent_species(seed=seed)
        self.base = tuple(s for s in self.species if not s.novel)
        self.novel = tuple(s for s in self.species if s.novel)
        self._index = {s.name: i for i, s in enumerate(self.species)}

    def __repr__(self) -> str:
        genera = len({s.genus for s in self.species})
        return (
            f"<FieldGuide {self.seed}: {len(self.species)} species in {genera} genera, "
            f"{len(self.base)} base and {len(self.novel)} novel>"
        )

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def find(self, name: str) -> Species:
        """The species of that common name.

        Parameters
        ----------
        name : str
            Its whole common name, as in ``species.name``.

        Returns
        -------
        Species

        Raises
        ------
        KeyError
            If there is none; the message names the nearest.
        """
        if name not in self._index:
            near = difflib.get_close_matches(name, self._index, n=2)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise KeyError(f"no species named {name!r} among the guide's {len(self.species)}{hint}")
        return self.species[self._index[name]]

    def draw(self, species: Species | str, seed: int, size: int = 160) -> Plate:
        """Draw a species; the same seed gives the same picture.

        Parameters
        ----------
        species : Species or str
            A species of this guide, or its common name.
        seed : int
            Non-negative. Even seeds are for training, odd seeds for testing: nothing
            shipped was trained on an odd one.
        size : int, default=160
            Side of the picture in pixels, at least 32.

        Returns
        -------
        Plate

        Raises
        ------
        KeyError
            If the guide has no such species.
        ValueError
            If the seed is negative or the picture too small to see a bird in.
        """
        found = self.find(species if isinstance(species, str) else species.name)
        if seed < 0 or size < 32:
            raise ValueError(
                f"cannot draw with seed {seed} at {size} pixels: seed >= 0 and size >= 32"
            )
        rng = np.random.default_rng([self.seed, self._index[found.name], seed])
        image, boxes = draw_bird(found.attributes, rng, size)
        return Plate(image, found, boxes)
