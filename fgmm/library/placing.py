"""A finished file put where nothing is, and never over what has come there in the meantime."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["place_file"]


def place_file(part: Path, place: Path) -> None:
    """Move a file to where nothing is, in one step.

    Parameters
    ----------
    part : Path
        In the same folder. Where it cannot be moved, it stays.
    place : Path

    Raises
    ------
    FileExistsError
        If there is something; it is left alone.
    OSError
        If the folder cannot be written to.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     part = pathlib.Path(folder, "birds.part")
    ...     _ = part.write_text("wren")
    ...     place_file(part, part.with_suffix(".txt"))
    ...     part.with_suffix(".txt").read_text()
    'wren'
    """
    if os.name == "nt":
        part.rename(place)  # refuses what is there, unlike everywhere else
        return
    try:
        os.link(part, place)
    except FileExistsError:
        raise
    except OSError:  # disks without hard links, such as FAT: an empty file takes the name first
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        part.replace(place)
    else:
        part.unlink()
