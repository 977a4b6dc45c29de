"""``fgmm species add``."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from fgmm.command.library_argument import LibraryOption  # noqa: TC001 (typer reads it)
from fgmm.command.terminal import BAD, PARTLY, announced, console, note
from fgmm.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fgmm.recognition.receipt import Receipt
    from fgmm.recognizer import Recognizer

__all__ = ["add_to_library"]


def add_to_library(
    library: LibraryOption,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="What the species is called.")
    ] = None,
    photos: Annotated[
        list[str] | None,
        typer.Argument(metavar="PHOTOS", help='Files, folders, or patterns like "wren/*.jpg".'),
    ] = None,
    each_folder: Annotated[
        Path | None,
        typer.Option(
            "--each-folder",
            metavar="FOLDER",
            help="Add every folder in this one as a species of its name.",
        ),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--also", metavar="NAME", help="Another name. May be given again."),
    ] = None,
    description: Annotated[
        str | None,
        typer.Option("--description", metavar="TEXT", help="What it looks like, in a sentence."),
    ] = None,
    parent: Annotated[
        str | None, typer.Option("--parent", metavar="NAME", help="What it is a kind of.")
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            "-e",
            metavar="NAME",
            help="Which encoder a new library is made with; see **fgmm encoders**.",
            show_default="tiny, or the one the library was made with",
        ),
    ] = None,
) -> None:
    """Teach a library a species, or more photos of one that it knows.

    **Examples**

    fgmm species add "Laysan albatross" albatross/*.jpg --library birds.fgmm

    fgmm species add --each-folder photos/ --library birds.fgmm

    A new library is made where there is none. What is told afterwards: which photos were used,
    which may be wrong, and whether other species are still recognised.

    Exit code 0: all went well. 1: some photos could not be used. 2: nothing was done.
    """
    if (name is None) == (each_folder is None):
        raise typer.BadParameter(
            'give a name and photos, such as "wren" wren/*.jpg, or --each-folder FOLDER',
            param_hint="NAME",
        )
    if each_folder is not None and (names or description or parent):
        raise typer.BadParameter(
            "--also, --description and --parent are of one species: add it by its name",
            param_hint="--each-folder",
        )
    folders = _folders(each_folder) if each_folder is not None else []
    if name is None:
        _add_each(library, encoder, folders)
        return
    _refuse_path(name)
    from fgmm.command.picture_list import list_pictures

    pictures = list_pictures(photos or [])
    with _opened(library, encoder) as recognizer:
        receipt = _add_one(recognizer, name, pictures, names or [], description, parent)
    console().print(Text(str(receipt)), soft_wrap=True)
    if any(one.why != "known" for one in receipt.refused):
        raise typer.Exit(PARTLY)


def _refuse_path(name: str) -> None:
    """Notice a name that was forgotten: the first photo then stands in its place."""
    path = Path(name)
    if path.is_file() or (len(path.parts) > 1 and path.is_dir()):
        kind = "folder" if path.is_dir() else "file"
        raise typer.BadParameter(
            f"{name} is a {kind} and no name: first comes what the species is called, such as "
            f'fgmm species add "wren" {name}',
            param_hint="NAME",
        )


def _add_one(
    recognizer: Recognizer,
    name: str,
    pictures: list[Path],
    names: list[str],
    description: str | None,
    parent: str | None,
) -> Receipt:
    """Add a species, or photos to one that is there."""
    if name not in recognizer:
        return recognizer.add_species(
            name, pictures, names=names, description=description, parent=parent
        )
    if names or description or parent:
        raise typer.BadParameter(
            f"{name} is there already, and only photos can be added to it", param_hint="NAME"
        )
    if not pictures:
        raise typer.BadParameter(f"{name} is there already: give photos", param_hint="PHOTOS")
    return recognizer.add_photos(name, pictures)


def _add_each(library: Path, encoder: str | None, folders: Sequence[Path]) -> None:
    from fgmm.errors import ImageError, LibraryError
    from fgmm.progress import ProgressBar

    added, used, refused = 0, 0, 0
    with _opened(library, encoder) as recognizer, ProgressBar("Adding", len(folders)) as bar:
        for folder in folders:
            known = folder.name in recognizer
            add = recognizer.add_photos if known else recognizer.add_species
            try:
                receipt = add(folder.name, folder, progress=False)
            except (ImageError, LibraryError) as error:
                refused += 1
                note("failed", f"{folder.name}: {error}")
            else:
                added += not known
                used += len(receipt.used)
                for one in receipt.refused:
                    if one.why != "known":
                        refused += 1
                        note("not used", f"{one.name}: {one.reason}")
            bar.advance(f", {folder.name}")
        n = len(recognizer)
    told = f"{added:,} species and {counted(used, 'photo')} added; {n:,} species in all"
    console().print(Text(told), soft_wrap=True)
    if refused:
        raise typer.Exit(PARTLY if used else BAD)


def _folders(where: Path) -> list[Path]:
    if not where.is_dir():
        raise typer.BadParameter(f"there is no folder {where}", param_hint="--each-folder")
    found = sorted(p for p in where.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not found:
        raise typer.BadParameter(
            f"there is no folder in {where}: a folder for each species is wanted",
            param_hint="--each-folder",
        )
    return found


@contextlib.contextmanager
def _opened(path: Path, encoder: str | None) -> Iterator[Recognizer]:
    """Open a library, or make one; one that nothing was put into is not left behind."""
    new = not path.exists()
    with announced("loading the encoder ..."):
        from fgmm.recognizer import Recognizer

        recognizer = Recognizer.open(path, encoder)
    try:
        yield recognizer
    finally:
        if new and not len(recognizer):
            path.unlink(missing_ok=True)
