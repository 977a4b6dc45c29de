"""When two labels are the same: case and spaces do not tell them apart."""

from __future__ import annotations

import unicodedata

__all__ = ["fold_name"]


def fold_name(name: str) -> str:
    """Give what two names share that are the same but for case and spaces.

    Examples
    --------
    >>> fold_name("Great  Tit ") == fold_name("great tit")
    True
    """
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())
