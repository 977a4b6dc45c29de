"""New species beside the classes of a model: both on one scale, in nats.

    old_k(x) = log p_k(x)                                          the model's own, as it is
    new_c(x) = s_c(x) - R(x) - HEED * odds(x) - level
    R(x)     = log(sum exp s_o(x) + exp none(x))

``s`` are scores of `fgmm.recognition.scorer`: of new species c, and of what is known of old classes
o, their names and perhaps example pictures; ``none`` is that of pictures in general. So ``s_c - R``
is how much likelier the picture is of species c than of an old class or of pictures in general.
``odds`` is how sure the model is, ``log p - log(1 - p)`` of its likeliest class, at most as if it
were 99 % sure and at least as if it were 1 %. The softmax over both kinds is the answer:

    P(a new one | x) = sigmoid(log sum exp new_c(x));   P(old k | x) = (1 - P(a new one | x)) p_k(x)

The model's classes keep their order and their ratios, whatever is added.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

__all__ = ["HEED", "level_from_new", "level_from_old", "margins", "odds", "rivals", "weigh_new"]

# How much of the model's own surety counts. On base classes held out as if they were new 0, 0.25
# and 0.5 find about as many of them where equally many old pictures are lost, 1 finds fewer; and
# 0.5 loses the fewest of the three where no examples set the level (docs/extend-figures.md).
HEED = 0.5
_SUREST = math.log(0.99 / 0.01)
_LOWER, _HALF = 0.25, 0.5
_HAIR = 1e-6


def odds(top: Tensor) -> Tensor:
    """Say how sure a model is, from the log-probability of its likeliest class.

    Parameters
    ----------
    top : Tensor of shape (n,)

    Returns
    -------
    Tensor of shape (n,)
        Log-odds in nats, within those of 1 and 99 %.

    Examples
    --------
    >>> odds(torch.tensor([0.5, 0.9, 1.0]).log())
    tensor([0.0000, 2.1972, 4.5951])
    """
    return (top - torch.log(-torch.expm1(top))).clamp(-_SUREST, _SUREST)


def rivals(old: Tensor, none: Tensor) -> Tensor:
    """Score everything new species are weighed against: R above.

    Parameters
    ----------
    old : Tensor of shape (n, m)
        Scores of what is known of old classes; m may be 0.
    none : Tensor of shape (n,)
        Of pictures in general.

    Returns
    -------
    Tensor of shape (n,)

    Examples
    --------
    >>> rivals(torch.zeros(1, 3), torch.zeros(1)).exp()
    tensor([4.])
    """
    return torch.cat([old, none.unsqueeze(1)], 1).logsumexp(1)


def weigh_new(
    scores: Mapping[str, Tensor], none: Tensor, top: Tensor, n_new: int
) -> dict[str, Tensor]:
    """Weigh new species against all else: the formula above, part by part.

    Parameters
    ----------
    scores : mapping of str to Tensor of shape (n, c + m)
        Parts of the scores by what tells them, in nats; new species first, then old classes.
    none : Tensor of shape (n,)
        Scores of pictures in general.
    top : Tensor of shape (n,)
        Log-probability of the model's likeliest class.
    n_new : int
        How many of the columns are new species: c.

    Returns
    -------
    dict of str to Tensor of shape (n, c)
        Those parts, ``"old classes"`` and ``"model"``; they add up to the new species' logits at
        level 0.

    Examples
    --------
    >>> parts = weigh_new(
    ...     {"photos": torch.tensor([[5.0, 0.0]])}, torch.zeros(1), torch.tensor([0.5]).log(), 1
    ... )
    >>> {name: round(float(part), 4) for name, part in parts.items()}
    {'photos': 5.0, 'old classes': -0.6931, 'model': 0.0}
    """
    bar = rivals(functools.reduce(torch.add, (p[:, n_new:] for p in scores.values())), none)
    parts = {name: part[:, :n_new] for name, part in scores.items()}
    parts["old classes"] = -bar.unsqueeze(1).expand(-1, n_new)
    parts["model"] = -HEED * odds(top).unsqueeze(1).expand(-1, n_new)
    return parts


def margins(new: Tensor, top: Tensor) -> Tensor:
    """Give the level up to which a picture is taken for a new species.

    Parameters
    ----------
    new : Tensor of shape (n, c)
        Logits of the new species at level 0.
    top : Tensor of shape (n,)
        Log-probability of the model's likeliest class.

    Returns
    -------
    Tensor of shape (n,)
        It is new below its margin, and old from there on.

    Examples
    --------
    >>> margins(torch.tensor([[1.0, 3.0]]), torch.tensor([-0.5]))
    tensor([3.5000])
    """
    return new.amax(1) - top


def level_from_old(old: Tensor, lost: int) -> float:
    """Choose the least level that takes so many old pictures for new species, and no more.

    Parameters
    ----------
    old : Tensor of shape (n,)
        Margins of pictures of old classes; one at least.
    lost : int
        0 or more; of n or more all but one are taken.

    Returns
    -------
    float
        In nats.

    Examples
    --------
    >>> round(level_from_old(torch.tensor([3.0, 1.0, 0.0, -2.0]), 1), 3)
    1.0
    """
    highest = float(old.double().sort(descending=True).values[min(lost, len(old) - 1)])
    return highest + _HAIR * max(1.0, abs(highest))


def level_from_new(new: Tensor) -> float:
    """Choose a level where no old picture is known: half-way to losing a quarter of new photos.

    Parameters
    ----------
    new : Tensor of shape (n,)
        Margins of photos of new species, each judged as if it had not been given; perhaps none.

    Returns
    -------
    float
        In nats, 0 or more.

    Examples
    --------
    >>> level_from_new(torch.tensor([8.0, 4.0, 6.0, 10.0, 20.0]))
    3.0
    """
    if not len(new):
        return 0.0
    return _HALF * max(0.0, float(new.double().quantile(_LOWER)))
