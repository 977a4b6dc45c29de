"""Vectors that know which encoder they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from fgmm.errors import SpaceMismatch

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import Self

__all__ = ["ClassMatrix", "Embeddings", "unit_rows"]

_LENGTH_TOLERANCE = 1e-3
_HALF_FROM = 10_000


def unit_rows(vectors: Tensor) -> Tensor:
    """Scale every row to length one, in float32.

    Parameters
    ----------
    vectors : Tensor of shape (..., d)

    Returns
    -------
    Tensor of shape (..., d), float32

    Raises
    ------
    ValueError
        If a row is not finite or is zero: it has no direction.

    Examples
    --------
    >>> unit_rows(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    vectors = vectors.float()
    lengths = vectors.norm(dim=-1, keepdim=True)
    if not bool(torch.isfinite(lengths).all()) or not bool((lengths > 0).all()):
        bad = int((~(torch.isfinite(lengths) & (lengths > 0))).sum())
        raise ValueError(
            f"{bad} of {lengths.numel()} rows have no direction: they are zero or not finite"
        )
    units: Tensor = vectors / lengths
    return units


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """Unit vectors and the space they live in.

    Parameters
    ----------
    vectors : Tensor of shape (n, d)
        float32, finite, every row of length one: checked.
    space : str
        Fingerprint of architecture, weights, preprocessing and layer. Two embeddings can
        be compared only if theirs are equal.

    Raises
    ------
    ValueError
        If the vectors are not as described.

    Examples
    --------
    >>> a = Embeddings(torch.eye(2), "here")
    >>> a.cosine(a)
    tensor([[1., 0.],
            [0., 1.]])
    >>> a.cosine(Embeddings(torch.eye(2), "there"))
    Traceback (most recent call last):
    fgmm.errors.SpaceMismatch: cannot compare 'here' with 'there': encode both sides with the
    same encoder
    """

    vectors: Tensor
    space: str

    def __post_init__(self) -> None:
        v = self.vectors
        if v.ndim != 2 or v.dtype != torch.float32:
            raise ValueError(f"embeddings are (n, d) float32, not {tuple(v.shape)} {v.dtype}")
        lengths = v.norm(dim=1)
        wrong = ~((lengths - 1).abs() <= _LENGTH_TOLERANCE)
        if bool(wrong.any()):
            row = int(wrong.nonzero()[0, 0])
            raise ValueError(
                f"{int(wrong.sum())} of {len(v)} rows are not of length one; "
                f"first is row {row} with length {float(lengths[row]):.4f}"
            )

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dim(self) -> int:
        """Number of components of each vector."""
        return int(self.vectors.shape[1])

    def cosine(self, other: Embeddings | ClassMatrix) -> Tensor:
        """Cosines of every row here with every row there.

        Parameters
        ----------
        other : Embeddings or ClassMatrix of m rows

        Returns
        -------
        Tensor of shape (n, m), float32, in [-1, 1]

        Raises
        ------
        SpaceMismatch
            If the two come from different encoders.
        """
        check_space(self.space, other.space)
        there = other.vectors.to(self.vectors.device)
        return (self.vectors.to(there.dtype) @ there.T).float().clamp_(-1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class ClassMatrix:
    """One unit vector a class, kept small: half precision from 10,000 classes on.

    Parameters
    ----------
    vectors : Tensor of shape (k, d)
        float32, float16 or bfloat16; unit rows.
    space : str
        As in `Embeddings`.
    """

    vectors: Tensor
    space: str

    @classmethod
    def from_embeddings(cls, embeddings: Embeddings) -> Self:
        """Keep embeddings as classes, in half precision if they are many."""
        many = len(embeddings) >= _HALF_FROM
        return cls(embeddings.vectors.half() if many else embeddings.vectors, embeddings.space)

    def __len__(self) -> int:
        return len(self.vectors)


def check_space(here: str, there: str) -> None:
    """Refuse to mix vectors of two encoders."""
    if here != there:
        raise SpaceMismatch(
            f"cannot compare {here!r} with {there!r}: encode both sides with the same encoder"
        )
