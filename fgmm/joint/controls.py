"""Controls: what is worth nothing, in the form of what is judged.

What does no better with a class's own knowledge than with another's (`exchanged`), or with its own
words than with their letters shuffled (`scrambled`), has not made use of them.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["exchanged", "scrambled"]


def exchanged(items: Iterable[str], seed: int) -> dict[str, str]:
    """Give each item another one, along one random ring through all.

    Parameters
    ----------
    items : iterable of str
        In any order; two or more, or each keeps its own.
    seed : int

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> exchanged(["robin", "wren"], seed=0)
    {'robin': 'wren', 'wren': 'robin'}
    """
    own = sorted(set(items))
    order = random.Random(seed).sample(own, len(own))
    other = {item: order[at - 1] for at, item in enumerate(order)}
    return {item: other[item] for item in own}


def scrambled(text: str, seed: int) -> str:
    """Shuffle the letters within each word.

    Parameters
    ----------
    text : str
    seed : int

    Returns
    -------
    str
        Of the same letters and as many words.

    Examples
    --------
    >>> sorted(scrambled("blue tit", seed=1))
    [' ', 'b', 'e', 'i', 'l', 't', 't', 'u']
    """
    rng = random.Random(f"{seed} {text}")
    return " ".join("".join(rng.sample(word, len(word))) for word in text.split())
