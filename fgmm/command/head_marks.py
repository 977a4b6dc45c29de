"""The mark of heads that see more than one query at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fewshot import Head

__all__ = ["FOOTNOTE", "find_transductive", "marked"]

FOOTNOTE = "sees all queries at once, equally many of each class"
"""What the mark means: such a head knows more than one that is asked a picture at a time."""


def find_transductive(heads: Mapping[str, Head]) -> frozenset[str]:
    """Name the heads whose answers depend on the other queries.

    Parameters
    ----------
    heads : mapping of str to Head

    Returns
    -------
    frozenset of str
    """
    return frozenset(name for name, head in heads.items() if head.transductive)


def marked(name: str, transductive: bool) -> str:
    """Write a head's name, with a star if it is transductive.

    Parameters
    ----------
    name : str
    transductive : bool

    Returns
    -------
    str

    Examples
    --------
    >>> marked("pt-map", True), marked("prototype", False)
    ('pt-map *', 'prototype')
    """
    return f"{name} *" if transductive else name
