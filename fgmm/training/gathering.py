"""Rows of all processes, with a gradient for one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.training.processes import Processes

__all__ = ["gather_rows"]


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, processes: Processes) -> Tensor:
        ctx.own = slice(processes.rank * len(rows), (processes.rank + 1) * len(rows))
        ctx.size = processes.size
        return processes.gather(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0][ctx.own] * ctx.size, None


def gather_rows(rows: Tensor, processes: Processes) -> Tensor:
    """Put the rows of all processes below each other.

    Parameters
    ----------
    rows : Tensor of shape (n, d)
        As many in every process.
    processes : Processes
        Who takes part.

    Returns
    -------
    Tensor of shape (n * size, d)
        The same in every process.

    Notes
    -----
    For a loss that every process computes in full from what is gathered. Each then knows the
    gradient of all rows, so none has to be sent: own rows get theirs, times the number of
    processes. Where gradients of parameters are averaged over processes afterwards, they are those
    of one process with the whole batch; those of parameters used after gathering are too.

    Examples
    --------
    >>> from fewshot.training.processes import Processes
    >>> x = torch.ones(2, 1, requires_grad=True)
    >>> gather_rows(x, Processes(torch.device("cpu"))).sum().backward()
    >>> x.grad.tolist()
    [[1.0], [1.0]]
    """
    if processes.size == 1:
        return rows
    gathered: Tensor = _Gathered.apply(rows.contiguous(), processes)
    return gathered
