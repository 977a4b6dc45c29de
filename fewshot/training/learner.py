"""A head whose numbers are parameters while it learns."""

from __future__ import annotations

import copy
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from fewshot.errors import TrainingError
from fewshot.head import Head
from fewshot.precision import widest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from fewshot.support import Support

__all__ = ["Learner"]


class Learner(nn.Module):
    """A copy of a head, with everything it can learn as parameters.

    Numbers that a head names in ``learnable`` are plain numbers of its constructor; here they
    are parameters, logarithms where they must be positive, and stand in their place while
    the head is used.

    Parameters
    ----------
    head : Head
        Is not changed.
    width : int
        d, of the features.
    like : Tensor
        Gives the device.
    network : nn.Module, optional
        Learns below the head; is copied too. Layers that need no gradients stay as they are.

    Raises
    ------
    TrainingError
        If there is nothing to learn.

    Examples
    --------
    >>> from fewshot import RidgeHead
    >>> learner = Learner(RidgeHead(penalty=2.0), 3, torch.ones(1))
    >>> sorted(learner.numbers)
    ['penalty', 'scale']
    >>> learner.settled().penalty
    2.0
    """

    def __init__(
        self, head: Head, width: int, like: Tensor, network: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.head = copy.deepcopy(head).to(like.device)
        self.head.set_width(width)
        self.head.to(like.device).requires_grad_(True)
        self.network = copy.deepcopy(network).to(like.device) if network is not None else None
        self.numbers = nn.ParameterDict()
        self._places: dict[str, tuple[Head, str, str]] = {}
        for prefix, part in self.head.named_modules():
            for name, kind in part.learnable.items() if isinstance(part, Head) else ():
                key = f"{prefix.replace('.', '-')}-{name}" if prefix else name
                value = float(getattr(part, name))
                raw = math.log(value) if kind == "positive" else value
                start = torch.tensor(raw, dtype=widest(like), device=like.device)
                self.numbers[key] = nn.Parameter(start)
                self._places[key] = (part, name, kind)
        if not any(p.requires_grad for p in self.parameters()):
            raise TrainingError(
                f"{type(head).__name__} has nothing to learn: give a head with parameters "
                "(FEATHead, RelationHead), with learnable numbers (RidgeHead), "
                "ProjectedHead(head), or a network"
            )

    def train(self, mode: bool = True) -> Learner:
        """Go into ``train`` mode, but for frozen layers: batch norm's means stay too.

        Parameters
        ----------
        mode : bool, default=True
            False for ``eval`` mode.

        Returns
        -------
        Learner
            Itself.
        """
        super().train(mode)
        for layer in () if self.network is None else self.network.modules():
            own = list(layer.parameters())
            if own and not any(p.requires_grad for p in own):
                layer.eval()
        return self

    def forward(
        self, support: Support, queries: Tensor, query_mask: Tensor | None = None
    ) -> Tensor:
        """Fit and score with the parameters in place.

        Parameters
        ----------
        support : Support
            One episode or a batch of them.
        queries : Tensor of shape (..., q, d)
            Raw features.
        query_mask : Tensor of shape (..., q), bool, optional
            False marks padding.

        Returns
        -------
        Tensor of shape (..., q, k)
            Logits.
        """
        with self.in_place() as head:
            return head.fit(support).logits(queries, query_mask=query_mask)

    @contextmanager
    def in_place(self) -> Iterator[Head]:
        """Lend the head with the parameters in the place of its numbers.

        Yields
        ------
        Head
            Not to be used afterwards.
        """
        before = {key: getattr(part, name) for key, (part, name, _) in self._places.items()}
        try:
            for key, (part, name, kind) in self._places.items():
                raw = self.numbers[key]
                setattr(part, name, raw.exp() if kind == "positive" else raw * 1)
            yield self.head
        finally:
            for key, (part, name, _) in self._places.items():
                setattr(part, name, before[key])

    def values(self) -> dict[str, float]:
        """Tell the numbers as they are now.

        Returns
        -------
        dict of str to float
        """
        told = {key: raw.detach() for key, raw in self.numbers.items()}
        return {
            key: float(raw.exp() if self._places[key][2] == "positive" else raw)
            for key, raw in told.items()
        }

    def settled(self) -> Head:
        """Give a copy of the head that has learned: numbers are numbers, nothing needs gradients.

        Returns
        -------
        Head
            In ``eval`` mode.
        """
        values = self.values()
        before = {key: getattr(part, name) for key, (part, name, _) in self._places.items()}
        try:
            for key, (part, name, _) in self._places.items():
                setattr(part, name, values[key])
            found = copy.deepcopy(self.head)
        finally:
            for key, (part, name, _) in self._places.items():
                setattr(part, name, before[key])
        return found.requires_grad_(False).eval()

    def settled_network(self) -> nn.Module | None:
        """Give a copy of the network that has learned.

        Returns
        -------
        nn.Module or None
            In ``eval`` mode; nothing in it needs gradients.
        """
        found = copy.deepcopy(self.network)
        return None if found is None else found.requires_grad_(False).eval()

    def groups(self, rate: float, number_rate: float, decay: float) -> list[dict[str, object]]:
        """Sort parameters for an optimiser: tensors, which decay, and numbers, which do not.

        Parameters
        ----------
        rate, number_rate : float
            Learning rates; where that of numbers is 0 they need no gradients any more.
        decay : float
            Weight decay of tensors.

        Returns
        -------
        list of dict
            Groups without a parameter are left out.

        Raises
        ------
        TrainingError
            If none is left.
        """
        below = [] if self.network is None else list(self.network.parameters())
        tensors = [p for p in (*self.head.parameters(), *below) if p.requires_grad]
        self.numbers.requires_grad_(number_rate > 0)
        numbers = list(self.numbers.values()) if number_rate > 0 else []
        both = [
            {"params": tensors, "lr": rate, "weight_decay": decay},
            {"params": numbers, "lr": number_rate, "weight_decay": 0.0},
        ]
        found = [group for group in both if group["params"]]
        if not found:
            raise TrainingError(
                f"number_rate is {number_rate} and {type(self.head).__name__} learns numbers only, "
                "with no network that needs gradients: give a rate above 0, or a network"
            )
        return found
