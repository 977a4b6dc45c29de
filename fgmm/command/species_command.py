"""``fgmm species``: what a library knows, and how it changes."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from fgmm.command.library_argument import LibraryOption  # noqa: TC001 (typer reads it)
from fgmm.command.terminal import announced, console
from fgmm.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fgmm.library import LibraryFile
    from fgmm.recognizer import Recognizer

__all__ = [
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

_Name = Annotated[str, typer.Argument(metavar="NAME", help="A species, by any of its names.")]


def list_species(library: LibraryOption) -> None:
    """List what a library knows."""
    from fgmm.recognition.species_list import SpeciesList

    console().print(Text(SpeciesList(_read(library).collection).table()), soft_wrap=True)


def show_species(name: _Name, library: LibraryOption) -> None:
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
    library: LibraryOption,
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
    library: LibraryOption,
) -> None:
    """Give a species another name."""
    _changing(library).rename(name, new)
    _say(f"{name} is called {new}")


def merge_species(
    into: Annotated[str, typer.Argument(metavar="NAME", help="The species that stays.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The one that becomes part of it.")],
    library: LibraryOption,
) -> None:
    """Make two species one, with the photos and names of both."""
    recognizer = _changing(library)
    recognizer.merge(into, other)
    one = recognizer.collection.find(into)
    _say(f"{one.name} has {counted(len(one.photos), 'photo')}, and is also called {other}")


def undo_change(library: LibraryOption) -> None:
    """Take back the last change; again, the one before."""
    from fgmm.library import LibraryFile

    with LibraryFile.open(library) as file:
        file.undo()
        past = file.history()
    taken = past[int(past[-1].detail["change"]) - 1]
    _say(f"taken back: {_told(taken.what, taken.detail)}")


def show_history(library: LibraryOption) -> None:
    """List all changes of a library, the first first."""
    lines = [
        f"{one.number:>5}  {one.when}  {_told(one.what, one.detail)}"
        f"{' (taken back)' if one.undone else ''}"
        for one in _read(library).history()
    ]
    console().print(Text("\n".join(lines) or "no change yet"), soft_wrap=True)


def export_library(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")],
    library: LibraryOption,
) -> None:
    """Write a library as a folder that other programs read: safetensors, JSON, thumbnails."""
    from fgmm.library import export_folder

    kept = _read(library)
    here = kept.collection
    export_folder(here, folder, kept.thumbnails.some(here.digests))
    _say(f"{len(here):,} species with {counted(here.n_photos, 'photo')} in {folder}")


def import_library(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What **export** wrote.")],
    library: LibraryOption,
) -> None:
    """Make a new library of a folder that **fgmm species export** wrote."""
    from fgmm.library import import_folder, import_thumbnails
    from fgmm.recognition.keeping import write_library

    found = import_folder(folder)
    write_library(found, library, "import", thumbnails=import_thumbnails(folder, found))
    _say(f"{len(found):,} species with {counted(found.n_photos, 'photo')} in {library}")


def _changing(path: Path) -> Recognizer:
    _read(path)  # says so where there is none; opening would make one
    with announced("loading the encoder ..."):
        from fgmm.recognizer import Recognizer

        return Recognizer.open(path)


def _read(path: Path) -> LibraryFile:
    from fgmm.library import LibraryFile

    return LibraryFile.open(path, readonly=True)


def _told(what: str, detail: Mapping[str, Any]) -> str:
    if what == "add_all":
        names = detail.get("names", [])
        n, photos = int(detail.get("species", 0)), int(detail.get("photos", 0))
        listed = ", ".join(names) + (f" and {n - len(names):,} more" if n > len(names) else "")
        of = f" {listed}" if listed else " photos of several species"
        return f"added{of}" + (f" ({counted(photos, 'photo')})" if photos else "")
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
