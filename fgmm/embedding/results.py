"""What embedding many pictures gives: a row for each that could be read, a line for each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fgmm.embeddings import Embeddings

if TYPE_CHECKING:
    from fgmm.errors import ImageError

__all__ = ["Failure", "ImageEmbeddings"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A picture that could not be read: where it stood, what it is called, and why."""

    position: int
    name: str
    error: ImageError


@dataclass(frozen=True, slots=True, eq=False)
class ImageEmbeddings(Embeddings):
    """Unit vectors of pictures, and which pictures they are of.

    Parameters
    ----------
    vectors : Tensor of shape (n, d)
        float32, on the processor, in the order of the input.
    space : str
        As in `fgmm.Embeddings`.
    names : tuple of n str
        The path of row i's picture; "#3" for the fourth input if that was no path.
    positions : tuple of n int
        Where row i's picture stood in the input: not i, if one before it failed.
    failures : tuple of Failure
        The inputs that have no row.

    Raises
    ------
    ValueError
        If there is not a name and a position for each row.
    """

    names: tuple[str, ...]
    positions: tuple[int, ...]
    failures: tuple[Failure, ...]

    def __post_init__(self) -> None:
        Embeddings.__post_init__(self)
        if not len(self.vectors) == len(self.names) == len(self.positions):
            raise ValueError(
                f"{len(self.vectors)} rows, {len(self.names)} names and {len(self.positions)} "
                "positions: each row has one of each"
            )
