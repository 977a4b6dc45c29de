"""Rows in half precision, multiplied without turning them into single precision as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

__all__ = ["HalfRows", "regroup"]


class HalfRows:
    """Many rows, two bytes a number, in blocks.

    Where torch can (x86 processors, float16), blocks are packed so that a product widens each
    number in the processor's registers: it takes as long as reading the rows. Elsewhere each block
    becomes float32 before it is multiplied. Sums are in single precision both ways, of the numbers
    as they are kept.

    Parameters
    ----------
    blocks : iterator of Tensor of shape (n, d), at least one
        float16 or bfloat16; taken one after the other, and not kept where they are packed.

    Examples
    --------
    >>> rows = HalfRows(iter([torch.eye(2).half(), torch.ones(1, 2).half()]))
    >>> len(rows), rows.nbytes
    (3, 12)
    >>> rows.products(torch.tensor([[1.0, 3.0]]))
    tensor([[1., 3., 4.]])
    """

    def __init__(self, blocks: Iterator[Tensor]) -> None:
        self._blocks: list[Any] = []
        self._ends = [0]
        for block in blocks:
            self._ends.append(self._ends[-1] + len(block))
            self._blocks.append(_pack(block))
            self.dtype, self.dim = block.dtype, int(block.shape[1])

    def __len__(self) -> int:
        return self._ends[-1]

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers."""
        return 2 * len(self) * self.dim

    def products(self, here: Tensor) -> Tensor:
        """Inner products with every row.

        Parameters
        ----------
        here : Tensor of shape (m, d), float32

        Returns
        -------
        Tensor of shape (m, n), float32
            Where ``here`` is.
        """
        found = here.new_empty(len(here), len(self))
        for block, start, stop in zip(self._blocks, self._ends, self._ends[1:], strict=False):
            if isinstance(block, torch.Tensor):
                found[:, start:stop] = here @ block.to(here.device).float().T
            else:
                found[:, start:stop] = torch.ops.quantized.linear_dynamic_fp16(here.cpu(), block)
        return found

    def unpacked(self) -> Tensor:
        """Give all rows as one tensor, (n, d): a copy."""
        return torch.cat(
            [
                block
                if isinstance(block, torch.Tensor)
                else torch.ops.quantized.linear_unpack_fp16(block)[0].to(self.dtype)
                for block in self._blocks
            ]
        )


def regroup(blocks: list[Tensor], size: int) -> Iterator[Tensor]:
    """Join small blocks, so that each has at least so many rows; the last has what is left.

    Parameters
    ----------
    blocks : list of Tensor of shape (n, d)
        Emptied on the way: what was given is not held any longer.
    size : int

    Yields
    ------
    Tensor of shape (m, d)

    Examples
    --------
    >>> [len(block) for block in regroup([torch.ones(n, 2) for n in (2, 1, 4, 1)], 3)]
    [3, 4, 1]
    """
    waiting: list[Tensor] = []
    blocks.reverse()
    while blocks:
        waiting.append(blocks.pop())
        if sum(map(len, waiting)) >= size or not blocks:
            yield waiting[0] if len(waiting) == 1 else torch.cat(waiting)
            waiting = []


def _pack(block: Tensor) -> Any:
    """Pack for torch's own product of float32 with float16, or give the block back."""
    if block.dtype != torch.float16 or block.device.type != "cpu" or not block.numel():
        return block
    try:
        return torch.ops.quantized.linear_prepack_fp16(block.float(), None)
    except (AttributeError, RuntimeError):  # another processor, or another torch
        return block
