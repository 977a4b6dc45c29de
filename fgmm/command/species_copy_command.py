"""``fgmm species export`` and ``fgmm species import``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import Annotated

import typer

from fgmm.command.library_access import read_library, say
from fgmm.command.library_argument import LibraryOption  # noqa: TC001 (typer reads it)
from fgmm.plurals import counted

__all__ = ["export_library", "import_library"]


def export_library(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")],
    library: LibraryOption,
) -> None:
    """Write a library as a folder that other programs read.

    **Example**

    fgmm species export birds/ --library birds.fgmm

    It holds JSON, safetensors and thumbnails. The history stays behind: in a library made of it
    nothing that came before can be taken back.
    """
    from fgmm.library import export_folder

    kept = read_library(library)
    here = kept.collection
    export_folder(here, folder, kept.thumbnails.some(here.digests))
    say(f"{len(here):,} species with {counted(here.n_photos, 'photo')} in {folder}")


def import_library(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What **export** wrote.")],
    library: LibraryOption,
) -> None:
    """Make a new library of a folder that **fgmm species export** wrote.

    **Example**

    fgmm species import birds/ --library again.fgmm
    """
    from fgmm.library import import_folder, import_thumbnails
    from fgmm.library.copying import write_library

    found = import_folder(folder)
    write_library(found, library, "import", thumbnails=import_thumbnails(folder, found))
    say(f"{len(found):,} species with {counted(found.n_photos, 'photo')} in {library}")
