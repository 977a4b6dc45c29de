"""A library that is named on the command line: ``--library``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["LibraryOption"]

LibraryOption = Annotated[
    Path, typer.Option("--library", "-b", metavar="FILE", help="The library, such as birds.fgmm.")
]
"""What commands that need a library take."""
