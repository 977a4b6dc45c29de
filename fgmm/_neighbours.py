"""Whether the packages beside us, `knowledge` and `fewshot`, are our own.

Both are generic names, and Python takes the first package it finds: another distribution,
or a folder of the user's, may stand in front of ours or have been installed over it. Asking
costs a look at one file each and imports nothing.
"""

from __future__ import annotations

import importlib.util
import sys
import warnings

__all__ = ["warn_if_shadowed"]

_NEIGHBOURS = ("knowledge", "fewshot")
_MARK = '__distribution__ = "fgmm"'


def warn_if_shadowed(*, stacklevel: int = 2) -> None:
    """Warn if `knowledge` or `fewshot` on this machine is not the one fgmm installs.

    Parameters
    ----------
    stacklevel : int, default=2
        Whose line the warning names, as in `warnings.warn`.
    """
    for name in _NEIGHBOURS:
        place = _foreign_place(name)
        if place:
            warnings.warn(
                f"`import {name}` finds {place}, which is not the package that fgmm installs: "
                f"another distribution or folder of that name is in its place. Rename or "
                f"uninstall the other `{name}`, then reinstall fgmm",
                RuntimeWarning,
                stacklevel=stacklevel + 1,
            )


def _foreign_place(name: str) -> str:
    """Where Python would import ``name`` from if that is not ours, else ``""``."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        ours = getattr(loaded, "__distribution__", None) == "fgmm"
        return "" if ours else str(getattr(loaded, "__file__", None) or "another package")
    spec = importlib.util.find_spec(name)
    if spec is None:
        return "nothing"
    source = getattr(spec.loader, "get_source", lambda _: "")(name) or ""
    return "" if _MARK in source else str(spec.origin or "a folder without code")
