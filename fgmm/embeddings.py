"""Vectors that know which encoder they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from fgmm.errors import SpaceMismatch
from fgmm.half_rows import HalfRows, regroup

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ClassMatrix", "Embeddings", "cosine_matrix", "unit_rows"]

_LENGTH_TOLERANCE = 1e-3
_HALF_FROM = 10_000
# Blocks above 32 MiB get memory of their own from glibc, and give it back at once. Smaller ones
# leave holes: packed classes took 1.4 times their size.
_BYTES_A_BLOCK = 2**25 + 2**16
_CLASS_DTYPES = (torch.float32, torch.float16, torch.bfloat16)


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


def cosine_matrix(here: Tensor, there: Tensor) -> Tensor:
    """Cosines of every row here with every row there.

    Parameters
    ----------
    here, there : Tensor of shape (n, d) and (m, d), float32
        Unit rows.

    Returns
    -------
    Tensor of shape (n, m), float32, in [-1, 1]
        Where ``here`` is.

    Examples
    --------
    >>> cosine_matrix(torch.eye(2), torch.eye(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    return (here @ there.to(here.device).T).clamp_(-1, 1)


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
        _check_lengths(v)

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
        if isinstance(other, ClassMatrix):
            return other.cosines(self.vectors)
        return cosine_matrix(self.vectors, other.vectors)


class ClassMatrix:
    """One unit vector a class, kept small: half precision from 10,000 classes on.

    Parameters
    ----------
    vectors : Tensor of shape (k, d), or list of such
        float32, float16 or bfloat16; finite, every row of length one as nearly as its
        precision can say: checked. A list holds the rows in blocks and is emptied on the way, so
        that a million classes are never held twice.
    space : str
        As in `Embeddings`.

    Raises
    ------
    ValueError
        If the vectors are not as described.

    Examples
    --------
    >>> classes = ClassMatrix(torch.eye(3).to(ClassMatrix.dtype_for(20_000)), "here")
    >>> classes.vectors.dtype
    torch.float16
    >>> ClassMatrix(torch.ones(1, 3), "here")
    Traceback (most recent call last):
    ValueError: 1 of 1 rows are not of length one; first is row 0 with length 1.7321
    """

    __slots__ = ("_rows", "space")

    def __init__(self, vectors: Tensor | list[Tensor], space: str) -> None:
        blocks = vectors if isinstance(vectors, list) else [vectors]
        kinds = {(v.ndim, v.shape[1:], v.dtype) for v in blocks}
        first = blocks[0] if blocks else torch.empty(0)
        if len(kinds) != 1 or first.ndim != 2 or first.dtype not in _CLASS_DTYPES:
            raise ValueError(
                "a class matrix is (k, d) in float32, float16 or bfloat16, "
                f"not {tuple(first.shape)} {first.dtype}"
            )
        self.space = space
        self._rows: Tensor | HalfRows
        if first.dtype == torch.float32:
            self._rows = first if len(blocks) == 1 else torch.cat(blocks)
            _check_lengths(self._rows)
            return
        parts = [part for block in blocks for part in block.tensor_split(_cuts(block))]
        blocks.clear()
        # more than rounding can do to a length
        allowed = _LENGTH_TOLERANCE + torch.finfo(first.dtype).eps
        _refuse_lengths(torch.cat([part.float().norm(dim=1) for part in parts]), allowed)
        self._rows = HalfRows(regroup(parts, _rows_a_block(first)))

    @staticmethod
    def dtype_for(n_classes: int) -> torch.dtype:
        """Say in which precision so many classes are kept."""
        return torch.float16 if n_classes >= _HALF_FROM else torch.float32

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers."""
        return self._rows.nbytes

    @property
    def vectors(self) -> Tensor:
        """The rows (k, d), in the precision they are kept in; of half precision a copy."""
        return self._rows if isinstance(self._rows, torch.Tensor) else self._rows.unpacked()

    def cosines(self, here: Tensor) -> Tensor:
        """Cosines of unit rows with every class, summed in single precision.

        Parameters
        ----------
        here : Tensor of shape (n, d), float32
            Never rounded, whatever the precision of the classes.

        Returns
        -------
        Tensor of shape (n, k), float32, in [-1, 1]
            Where ``here`` is.
        """
        if isinstance(self._rows, torch.Tensor):
            return cosine_matrix(here, self._rows)
        return self._rows.products(here).clamp_(-1, 1)


def _rows_a_block(vectors: Tensor) -> int:
    return max(1, _BYTES_A_BLOCK // max(1, vectors.shape[1] * vectors.element_size()))


def _cuts(block: Tensor) -> tuple[int, ...]:
    """Say where to cut rows into blocks."""
    return tuple(range(0, len(block), _rows_a_block(block)))[1:]


def _check_lengths(vectors: Tensor) -> None:
    """Refuse rows that are not of length one."""
    _refuse_lengths(vectors.norm(dim=1), _LENGTH_TOLERANCE)


def _refuse_lengths(lengths: Tensor, allowed: float) -> None:
    """Refuse lengths that are not one; a row that is not finite has no length."""
    wrong = ~((lengths - 1).abs() <= allowed)
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0, 0])
        raise ValueError(
            f"{int(wrong.sum())} of {len(lengths)} rows are not of length one; "
            f"first is row {row} with length {float(lengths[row]):.4f}"
        )


def check_space(here: str, there: str) -> None:
    """Refuse to mix vectors of two encoders."""
    if here != there:
        raise SpaceMismatch(
            f"cannot compare {here!r} with {there!r}: encode both sides with the same encoder"
        )
