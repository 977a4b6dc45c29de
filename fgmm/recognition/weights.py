"""How much words and photos count in a collection, judged by some of its own photos."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import torch

from fewshot.evidence_weights import believed_weight, judge_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fgmm.recognition.photo_side import PhotoSide

__all__ = ["believe", "choose_judges", "find_weights"]

_JUDGES = 256
_RIVALS = 32  # species a judge is asked about: so many by words, and as many by photos


def choose_judges(digests: Sequence[str]) -> Tensor:
    """Choose the photos that judge: all, or of many those whose digests come first.

    A digest is as good as chance and always the same, so the choice depends on no order.

    Parameters
    ----------
    digests : sequence of s str

    Returns
    -------
    Tensor of shape (m,), int64
        Their numbers, rising; at most 256.

    Examples
    --------
    >>> choose_judges(["b", "a"])
    tensor([0, 1])
    """
    first = heapq.nsmallest(_JUDGES, range(len(digests)), key=digests.__getitem__)
    return torch.tensor(sorted(first), dtype=torch.int64)


def believe(photos: PhotoSide) -> float:
    """Give the weight of photos that is believed before any is judged; see `fewshot.FusedHead`.

    Parameters
    ----------
    photos : PhotoSide

    Returns
    -------
    float
    """
    return float(believed_weight(photos.rough.claim(photos.statistics.sums.shape[1])).max())


def find_weights(
    photos: PhotoSide, left_out: Tensor, text: Tensor | None, judges: Tensor
) -> tuple[float, float]:
    """Weigh words and photos among the species that have photos; see `fewshot.FusedHead`.

    Parameters
    ----------
    photos : PhotoSide
    left_out : Tensor of shape (m, k)
        Evidence of the judges as if they had not been given.
    text : Tensor of shape (m, k), optional
        What words say of the judges, in nats.
    judges : Tensor of shape (m,), int64
        Numbers of photos.

    Returns
    -------
    tuple of two float
        Of words and of photos; words count in full where no photo judges them.
    """
    which = (photos.counts > 0).nonzero().flatten()
    believed = believe(photos)
    if not len(which):
        return 1.0, believed
    place = torch.full((len(photos.counts),), -1)
    place[which] = torch.arange(len(which))
    owners = photos.owners[judges]
    left_out, said, own = _rivals(
        left_out[:, which], None if text is None else text[:, which], place[owners]
    )
    words, weight = judge_weights(
        said,
        left_out,
        own,
        torch.ones(len(judges), dtype=torch.bool),
        photos.counts[owners] > 1,
        torch.tensor(believed),
        torch.ones(1, dtype=torch.bool),
    )
    return float(words), float(weight)


def _rivals(
    left_out: Tensor, text: Tensor | None, own: Tensor
) -> tuple[Tensor, Tensor | None, Tensor]:
    """Keep of each row its own species and the likeliest others; the own one comes first."""
    k = left_out.shape[1]
    if k <= 2 * _RIVALS + 1:
        return left_out, text, own
    columns = [own.unsqueeze(1), left_out.topk(_RIVALS, dim=1).indices]
    there = [torch.ones_like(columns[0], dtype=torch.bool), columns[1] != columns[0]]
    if text is not None:
        columns.append(text.topk(_RIVALS, dim=1).indices)
        known = torch.cat(columns[:2], 1).unsqueeze(1)
        there.append((columns[2].unsqueeze(2) != known).all(2))
    at, real = torch.cat(columns, 1), torch.cat(there, 1)
    kept = torch.where(real, left_out.gather(1, at), -torch.inf)
    said = None if text is None else torch.where(real, text.gather(1, at), -torch.inf)
    return kept, said, torch.zeros_like(own)
