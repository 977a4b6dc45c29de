"""Random numbers that are a function of a seed and a counter, made for whole tensors at once.

A generator object per episode costs more than the episode. Here number ``j`` of episode
``i`` is a hash of (seed, i, j): any episode can be made alone, in any order, on any device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["below", "hash_counters", "sample_without_replacement"]

_GOLDEN = 0x9E3779B97F4A7C15


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _mix(x: Tensor) -> Tensor:
    """Finalise a 64-bit counter (Steele, Lea and Flood 2014, SplitMix64)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ ((x >> shift) & ((1 << (64 - shift)) - 1))) * _signed(factor)
    return x ^ ((x >> 31) & ((1 << 33) - 1))


def hash_counters(seed: int, episodes: Tensor, draws: Tensor) -> Tensor:
    """Independent-looking 32-bit numbers for every episode and draw.

    Parameters
    ----------
    seed : int
        Any integer.
    episodes : Tensor of shape (e,), int64
        Numbers of episodes.
    draws : Tensor of shape (...), int64
        Numbers of draws within an episode.

    Returns
    -------
    Tensor of shape (e, ...), int64
        In [0, 2**32).

    Examples
    --------
    >>> one = hash_counters(3, torch.tensor([7]), torch.arange(4))
    >>> many = hash_counters(3, torch.arange(10), torch.arange(4))
    >>> bool((many[7] == one[0]).all())
    True
    """
    start = _mix(torch.tensor(_signed(seed * _GOLDEN + 1), device=episodes.device))
    keys = _mix(start + (episodes + 1) * _signed(_GOLDEN))
    keys = keys.view(-1, *(1,) * draws.ndim)
    return _mix(keys + (draws + 1) * _signed(_GOLDEN)) & 0xFFFFFFFF


def below(numbers: Tensor, limit: Tensor | int) -> Tensor:
    """Turn 32-bit numbers into numbers in [0, limit).

    Parameters
    ----------
    numbers : Tensor, int64
        In [0, 2**32).
    limit : Tensor or int
        At most 2**31. The chance of a value is off by ``limit / 2**32`` of itself at most.

    Returns
    -------
    Tensor, int64
    """
    return (numbers * limit) >> 32


def sample_without_replacement(numbers: Tensor, sizes: Tensor) -> Tensor:
    """Ordered samples without replacement: the first steps of a Fisher-Yates shuffle.

    The shuffled array is never built: a position drawn before is looked up among the
    draws before it, so the work is quadratic in the sample and free of the class's size.

    Parameters
    ----------
    numbers : Tensor of shape (..., m), int64
        32-bit random numbers.
    sizes : Tensor of shape (...), int64
        How many things there are to draw from, at least m.

    Returns
    -------
    Tensor of shape (..., m), int64
        Distinct numbers in [0, size).

    Examples
    --------
    >>> drawn = sample_without_replacement(torch.tensor([[0, 0, 0]]), torch.tensor([5]))
    >>> drawn
    tensor([[0, 1, 2]])
    """
    m = numbers.shape[-1]
    # columns as separate tensors: every step then reads and writes whole contiguous rows
    columns = numbers.movedim(-1, 0).contiguous()
    spots, drawn, moved = (torch.empty_like(columns) for _ in range(3))
    steps = torch.arange(1, m + 1, device=numbers.device).view(-1, *(1,) * (columns.ndim - 1))

    def lying(at: Tensor, j: int) -> Tensor:
        """What lies at a position now: the last step before j that wrote there, or itself."""
        last = ((spots[:j] == at) * steps[:j]).amax(0, keepdim=True)
        written = moved.gather(0, (last - 1).clamp(min=0))
        return torch.where(last > 0, written, at).squeeze(0)

    for j in range(m):
        spot = j + below(columns[j], sizes - j)
        own = torch.full_like(spot, j)
        drawn[j], moved[j] = (lying(spot, j), lying(own, j)) if j else (spot, own)
        spots[j] = spot
    return drawn.movedim(0, -1)
