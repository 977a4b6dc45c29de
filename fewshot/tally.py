"""Count what was right, episode by episode and class by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fewshot.precision import widest

if TYPE_CHECKING:
    from torch import Tensor

    from fewshot.episodes import Episodes

__all__ = ["Tally"]

_BINS = 15


class Tally:
    """Running counts of an evaluation, in the widest type of the device.

    Parameters
    ----------
    n_classes : int
        Classes that may be drawn.
    device : torch.device
        Where logits are.
    """

    def __init__(self, n_classes: int, device: torch.device) -> None:
        self.accuracies: list[Tensor] = []
        wide = widest(torch.empty(0, device=device))
        self.right = torch.zeros(n_classes, dtype=wide, device=device)
        self.tried = torch.zeros_like(self.right)
        self.bins = torch.zeros(3, _BINS, dtype=wide, device=device)

    def add(self, logits: Tensor, episodes: Episodes) -> None:
        """Count a tile.

        Parameters
        ----------
        logits : Tensor of shape (e, q, k)
            Scores; a row with NaN or without a finite highest counts as wrong. Where n
            classes share the highest, one of them right counts as 1 / n: what guessing among
            them would give on average.
        episodes : Episodes
            The tile.
        """
        labels = episodes.query_labels
        real = labels >= 0
        own = labels.clamp(min=0).unsqueeze(-1)
        best = logits == logits.amax(-1, keepdim=True)
        top = logits.float().softmax(-1).amax(-1)
        counts = (best.gather(-1, own).squeeze(-1) & real & ~top.isnan()).to(self.bins)
        counts = counts / best.sum(-1).clamp(min=1)
        self.accuracies.append(counts.sum(-1) / real.sum(-1))
        classes = episodes.classes.gather(-1, own.squeeze(-1))[real]
        right, sure = counts[real], top[real].to(self.bins).nan_to_num()
        self.right.index_add_(0, classes, right)
        self.tried.index_add_(0, classes, torch.ones_like(right))
        place = (sure * _BINS).long().clamp(max=_BINS - 1)
        for row, values in enumerate((sure, right, torch.ones_like(right))):
            self.bins[row].index_add_(0, place, values)

    def result(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Give accuracies, right and tried by class, and the calibration bins, on the CPU.

        Returns
        -------
        tuple of Tensor
            In float64.
        """
        accuracies = torch.cat(self.accuracies)
        found = (accuracies, self.right, self.tried, self.bins)
        accuracies, right, tried, bins = (values.cpu().double() for values in found)
        return accuracies, right, tried, bins
