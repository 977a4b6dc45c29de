"""What somebody may have meant by a path that does not exist."""

from __future__ import annotations

import difflib
import itertools
import os
import re
from pathlib import Path

__all__ = ["suggest_path"]

_LOOKED_AT = 2_000  # names of a folder: a hint must not take longer than the work
_ALIKE = 0.65


def suggest_path(path: str | os.PathLike[str]) -> str:
    """Suggest an existing path for one that does not exist, as the end of a message.

    Parameters
    ----------
    path : path
        That does not exist; perhaps it is a folder above that does not.

    Returns
    -------
    str
        Such as ``"; did you mean 'birds/robin.jpg'?"``, or nothing if no name is close. Names
        with other numbers are not: ``IMG_2.jpg`` is no misspelling of ``IMG_1.jpg``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (Path(folder) / "robin.jpg").touch()
    ...     suggest_path(Path(folder) / "robbin.jpg").endswith("robin.jpg'?")
    True
    """
    try:
        nearest = _nearest(Path(path))
    except (OSError, ValueError):  # a folder that may not be read, a name that cannot be
        return ""
    return "" if nearest is None else f"; did you mean {str(nearest)!r}?"


def _nearest(path: Path) -> Path | None:
    missing = path
    while not missing.parent.is_dir():
        if missing.parent in (missing, missing.parent.parent):
            return None
        missing = missing.parent
    with os.scandir(missing.parent) as entries:
        inside = [
            entry.name
            for entry in itertools.islice(entries, _LOOKED_AT)
            if not entry.name.startswith(".") and (missing == path or entry.is_dir())
        ]
    wanted, numbers = _stem(missing.name), _numbers(missing.name)
    stems: dict[str, list[str]] = {}
    for name in sorted(inside):
        if _numbers(name) == numbers:
            stems.setdefault(_stem(name), []).append(name)
    close = difflib.get_close_matches(wanted, stems, n=1, cutoff=_ALIKE)
    if not close:
        return None
    best = max(stems[close[0]], key=lambda name: Path(name).suffix == missing.suffix)
    found = missing.with_name(best)
    whole = found / path.relative_to(missing)
    return whole if whole.exists() else found


def _stem(name: str) -> str:
    """Give a name without its suffix, which says nothing about what is meant."""
    return os.path.splitext(name)[0].lower()  # noqa: PTH122 (a Path's stem of ".jpg" differs)


def _numbers(name: str) -> list[str]:
    return re.findall(r"\d+", name)
