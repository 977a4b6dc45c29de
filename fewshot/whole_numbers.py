"""Settings that count something: rounds, steps, neighbours."""

from __future__ import annotations

from numbers import Integral

__all__ = ["check_count"]


def check_count(name: str, value: object, least: int, otherwise: str = "") -> None:
    """Refuse a setting that is no whole number, or too small.

    Parameters
    ----------
    name : str
        Of the setting.
    value : object
        Python's or numpy's; 3.0 is refused, because no loop can run 3.0 times.
    least : int
        Smallest value allowed.
    otherwise : str, optional
        What to do instead, put at the end of the message.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> check_count("rounds", 2.5, 1, ", or set lmd=0")
    Traceback (most recent call last):
    ValueError: rounds is 2.5: give a whole number of at least 1, or set lmd=0
    """
    if not (isinstance(value, Integral) and int(value) >= least):
        raise ValueError(f"{name} is {value!r}: give a whole number of at least {least}{otherwise}")
