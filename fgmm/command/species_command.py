"""``fgmm species``: what a library knows, and how it changes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from fgmm.command.terminal import BAD, PARTLY, announced, console, note
from fgmm.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fgmm.library import LibraryFile
    from fgmm.recognition.receipt import Receipt
    from fgmm.recognizer import Recognizer

__all__ = [
    "add_to_library",
    "export_library",
    "import_library",
    "list_species",
    "merge_species",
    "remove_species",
    "rename_species",
    "show_history",
    "show_species",
    "undo_change",
]

_Library = Annotated[
    Path, typer.Option("--library", "-b", metavar="FILE", help="The library, such as birds.fgmm.")
]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="A species, by any of its names.")]


def add_to_library(
    library: _Library,
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
    from fgmm.command.picture_list import list_pictures

    pictures = list_pictures(photos or [])
    with _opened(library, encoder) as recognizer:
        receipt = _add_one(recognizer, name, pictures, names or [], description, parent)
    console().print(Text(str(receipt)), soft_wrap=True)
    if any(one.why != "known" for one in receipt.refused):
        raise typer.Exit(PARTLY)


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


def list_species(library: _Library) -> None:
    """List what a library knows."""
    from fgmm.recognition.species_list import SpeciesList

    console().print(Text(SpeciesList(_read(library).collection).table()), soft_wrap=True)


def show_species(name: _Name, library: _Library) -> None:
    """Show what a library knows of a species: its names and its photos."""
    one = _read(library).collection.find(name)
    lines = [one.name]
    told = {
        "also": ", ".join(one.names),
        "what it looks like": one.description or "",
        "a kind of": one.parent or "",
        "attributes": ", ".join(f"{key} {value:g}" for key, value in one.attributes.items()),
    }
    lines += [f"  {key}: {value}" for key, value in told.items() if value]
    lines.append(f"  {counted(len(one.photos), 'photo')}")
    for at, (origin, digest, when) in enumerate(
        zip(one.photos.origins, one.photos.digests, one.photos.added, strict=True), 1
    ):
        lines.append(f"  {at:>5}  {when}  {origin or digest[:12]}")
    console().print(Text("\n".join(lines)), soft_wrap=True)


def remove_species(
    name: _Name,
    library: _Library,
    photos: Annotated[
        list[str] | None,
        typer.Option(
            "--photo", metavar="PATH", help="Only this photo, as **show** lists it. Again for more."
        ),
    ] = None,
) -> None:
    """Forget a species, or some of its photos, as if they had never been given.

    **fgmm species undo** brings it back.
    """
    _changing(library).remove(name, photos=photos)
    some = f"{counted(len(photos), 'photo')} of " if photos else ""
    _say(f"removed {some}{name}")


def rename_species(
    name: _Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="What it is to be called.")],
    library: _Library,
) -> None:
    """Give a species another name."""
    _changing(library).rename(name, new)
    _say(f"{name} is called {new}")


def merge_species(
    into: Annotated[str, typer.Argument(metavar="NAME", help="The species that stays.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The one that becomes part of it.")],
    library: _Library,
) -> None:
    """Make two species one, with the photos and names of both."""
    recognizer = _changing(library)
    recognizer.merge(into, other)
    one = recognizer.collection.find(into)
    _say(f"{one.name} has {counted(len(one.photos), 'photo')}, and is also called {other}")


def undo_change(library: _Library) -> None:
    """Take back the last change; again, the one before."""
    from fgmm.library import LibraryFile

    with LibraryFile.open(library) as file:
        file.undo()
        past = file.history()
    taken = past[int(past[-1].detail["change"]) - 1]
    _say(f"taken back: {_told(taken.what, taken.detail)}")


def show_history(library: _Library) -> None:
    """List all changes of a library, the first first."""
    lines = [
        f"{one.number:>5}  {one.when}  {_told(one.what, one.detail)}"
        f"{' (taken back)' if one.undone else ''}"
        for one in _read(library).history()
    ]
    console().print(Text("\n".join(lines) or "no change yet"), soft_wrap=True)


def export_library(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")],
    library: _Library,
) -> None:
    """Write a library as a folder that other programs read: safetensors and JSON."""
    from fgmm.library import export_folder

    here = _read(library).collection
    export_folder(here, folder)
    _say(f"{len(here):,} species with {counted(here.n_photos, 'photo')} in {folder}")


def import_library(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What **export** wrote.")],
    library: _Library,
) -> None:
    """Make a new library of a folder that **fgmm species export** wrote."""
    from fgmm.library import import_folder
    from fgmm.recognition.keeping import write_library

    found = import_folder(folder)
    write_library(found, library, "import")
    _say(f"{len(found):,} species with {counted(found.n_photos, 'photo')} in {library}")


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
    _say(f"{added:,} species and {counted(used, 'photo')} added; {n:,} species in all")
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


def _changing(path: Path) -> Recognizer:
    _read(path)  # says so where there is none; opening would make one
    with announced("loading the encoder ..."):
        from fgmm.recognizer import Recognizer

        return Recognizer.open(path)


def _read(path: Path) -> LibraryFile:
    from fgmm.library import LibraryFile

    return LibraryFile.open(path, readonly=True)


def _told(what: str, detail: Mapping[str, Any]) -> str:
    words = {"add_species": "added", "add_photos": "added photos of", "remove": "removed"}
    words |= {"rename": "renamed", "merge": "merged", "undo": "took back change"}
    parts = [words.get(what, what), str(detail.get("name", detail.get("change", "")))]
    parts += [f"into {detail['new']}"] if "new" in detail else []
    parts += [f"with {detail['other']}"] if "other" in detail else []
    if "photos" in detail:
        parts.append(f"({counted(int(detail['photos']), 'photo')})")
    return " ".join(part for part in parts if part)


def _say(text: str) -> None:
    console().print(Text(text), soft_wrap=True)
