"""Numbers of things, as they are said in messages."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, thing: str) -> str:
    """Say how many there are.

    Parameters
    ----------
    number : int
    thing : str
        One of them, with a plural in s, or es after an s: "picture", "class".

    Returns
    -------
    str

    Examples
    --------
    >>> counted(1, "picture"), counted(0, "picture"), counted(1200, "class")
    ('1 picture', '0 pictures', '1,200 classes')
    """
    ending = "" if number == 1 else "es" if thing.endswith("s") else "s"
    return f"{number:,} {thing}{ending}"
