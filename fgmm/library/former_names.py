"""What became of a species that is not there by the name it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fgmm.name_folding import fold_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fgmm.library.history import HistoryEntry

__all__ = ["tell_former_name"]


def tell_former_name(history: Sequence[HistoryEntry], name: str) -> str | None:
    """Say what became of a name: renamed, or removed; None if the history does not know it.

    Parameters
    ----------
    history : sequence of HistoryEntry
        All changes, the first first.
    name : str

    Returns
    -------
    str or None

    Examples
    --------
    >>> from fgmm.library import HistoryEntry
    >>> change = HistoryEntry(1, "2026-05-01T06:00:00Z", "rename", {"name": "sky", "new": "azure"})
    >>> tell_former_name([change], "Sky")
    "it was renamed 'azure' on 2026-05-01"
    """
    wanted, told = fold_name(name), None
    for one in history:
        if one.undone or fold_name(str(one.detail.get("name", ""))) != wanted:
            continue
        if one.what == "rename":
            new = str(one.detail.get("new", ""))
            wanted, told = fold_name(new), f"it was renamed {new!r} on {one.when[:10]}"
        elif one.what == "remove" and "photos" not in one.detail:
            told = f"it was removed on {one.when[:10]}, by change {one.number}"
        elif one.what == "add_species":
            told = None
    return told
