"""``fgmm verify``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import Annotated

import typer
from rich.text import Text

from fgmm.command.terminal import BAD, console, note
from fgmm.plurals import counted

__all__ = ["verify_library"]


def verify_library(
    library: Annotated[Path, typer.Argument(metavar="LIBRARY", help="Such as birds.fgmm.")],
) -> None:
    """Read a whole library and check it against its checksums.

    **Example**

    fgmm verify birds.fgmm

    Exit code 0: all is as it was written. 2: something is not.
    """
    from fgmm.library import LibraryFile, verify

    findings = verify(library)
    for one in findings:
        note("damaged", f"{one.where or one.part}: {one.problem}")
    if findings:
        note("note", "go back to a copy of the file, or make it again from the photos")
        raise typer.Exit(BAD)
    here = LibraryFile.open(library, readonly=True).collection
    told = f"{library} is whole: {len(here):,} species, {counted(here.n_photos, 'photo')}"
    console().print(Text(told), soft_wrap=True)
