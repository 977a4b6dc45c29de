"""One process, or several that share a batch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch

from fewshot.errors import MissingExtra, TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor, nn

__all__ = ["Processes"]


class Processes:
    """Who shares the work: this process alone, or those that ``accelerate launch`` started.

    Parameters
    ----------
    device : torch.device
        Of the features, where this process is alone.

    Attributes
    ----------
    rank, size : int
        Which of how many this is.
    device : torch.device
        Where this one computes.

    Raises
    ------
    MissingExtra
        If there are several and ``accelerate`` is not installed.

    Notes
    -----
    Each process computes its share of a batch, and gradients are averaged before a step, so
    that all have the same parameters and one process would have had them too but for rounding.

    Examples
    --------
    >>> alone = Processes(torch.device("cpu"))
    >>> alone.size, alone.share(8)
    (1, slice(0, 8, None))
    """

    def __init__(self, device: torch.device) -> None:
        self.rank, self.size, self.device = 0, 1, device
        self._state: Any = None
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            try:
                from accelerate import PartialState
            except ImportError:
                raise MissingExtra(
                    "several processes need accelerate: pip install 'fgmm[training]', or start one"
                ) from None
            self._state = PartialState(cpu=device.type == "cpu")
            self.rank, self.size = self._state.process_index, self._state.num_processes
            self.device = self._state.device

    @property
    def first(self) -> bool:
        """Whether this is the one that validates and writes files."""
        return self.rank == 0

    def share(self, batch: int) -> slice:
        """Tell which episodes of a batch are computed here.

        Parameters
        ----------
        batch : int
            Of all processes.

        Returns
        -------
        slice

        Raises
        ------
        TrainingError
            If the batch cannot be shared out evenly.
        """
        if batch % self.size:
            raise TrainingError(
                f"batch is {batch} for {self.size} processes: give a multiple of {self.size}"
            )
        each = batch // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def gather(self, values: Tensor) -> Tensor:
        """Put the values of all processes one after the other.

        Parameters
        ----------
        values : Tensor of shape (n,)
            Of this process.

        Returns
        -------
        Tensor of shape (n * size,)
        """
        if self._state is None:
            return values
        from accelerate.utils import gather

        found: Tensor = gather(values)
        return found

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its mean over processes.

        Parameters
        ----------
        parameters : iterable of Parameter
            The same in every process; one without a gradient gets zeros.
        """
        if self._state is None:
            return
        from accelerate.utils import reduce

        for one in parameters:
            own = torch.zeros_like(one) if one.grad is None else one.grad
            one.grad = reduce(own, reduction="mean")

    def agree(self, values: list[float]) -> list[float]:
        """Take what the first process says.

        Parameters
        ----------
        values : list of float
            As many in every process; only the first one's count.

        Returns
        -------
        list of float
        """
        if self._state is None:
            return values
        from accelerate.utils import broadcast

        told: Tensor = broadcast(torch.tensor(values, dtype=torch.float64, device=self.device))
        return [float(value) for value in told]
