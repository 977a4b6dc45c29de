"""The species of a collection as a list that prints well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from rich.cells import cell_len, set_cell_size

from fgmm.plurals import counted

if TYPE_CHECKING:
    from fgmm.library import Collection, Species

__all__ = ["SpeciesList"]

_WIDEST = 40
_SHOWN = 30


class SpeciesList(Sequence["Species"]):
    """The species of a collection, in the order they came.

    Parameters
    ----------
    collection : Collection

    Examples
    --------
    >>> from fgmm.library import Collection, add_species
    >>> birds = add_species(Collection("fake/1", 2, "fake"), "wren", names=["Zaunkönig"])
    >>> print(SpeciesList(birds))
    species       photos
    wren               0  Zaunkönig
    """

    def __init__(self, collection: Collection) -> None:
        self._species = tuple(collection)

    def __len__(self) -> int:
        return len(self._species)

    @overload
    def __getitem__(self, index: int) -> Species: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Species]: ...
    def __getitem__(self, index: int | slice) -> Species | Sequence[Species]:
        return self._species[index]

    def __repr__(self) -> str:
        n = sum(len(one.photos) for one in self._species)
        return f"<{len(self)} species, {counted(n, 'photo')}>"

    def __str__(self) -> str:
        return self.table(_SHOWN)

    def table(self, most: int | None = None) -> str:
        """Write a line for each: name, photos, other names, what it is a kind of.

        Parameters
        ----------
        most : int, optional
            Species to list; all if not given.

        Returns
        -------
        str
        """
        if not self._species:
            return "no species yet"
        shown = self._species[:most]
        width = min(max(12, *(cell_len(one.name) for one in shown)), _WIDEST)
        lines = [f"{set_cell_size('species', width)}  photos"]
        for one in shown:
            name = one.name if cell_len(one.name) > width else set_cell_size(one.name, width)
            line = f"{name}  {len(one.photos):>6,}  {', '.join(one.names)}"
            lines.append(f"{line}{f'  ({one.parent})' if one.parent else ''}".rstrip())
        if len(shown) < len(self):
            lines.append(f"and {len(self) - len(shown):,} more")
        return "\n".join(lines)
