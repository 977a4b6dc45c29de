"""``fgmm species add``."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from fgmm.command.library_argument import LibraryOption  # noqa: TC001 (typer reads it)
from fgmm.command.species_addition import LibraryPlace, add_folders, add_names, add_one

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
    names_file: Annotated[
        Path | None,
        typer.Option(
            "--names-file",
            metavar="FILE",
            help="Add every species of a list by its name, one to a line. After a name may stand "
            "other names, a tab before each. Or JSON: {name: [other names]}.",
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
    attributes: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute",
            metavar="WHAT=SHARE",
            help='How far it has an attribute, 0 to 1: "red breast=1.0". May be given again.',
        ),
    ] = None,
    parent: Annotated[
        str | None, typer.Option("--parent", metavar="NAME", help="What it is a kind of.")
    ] = None,
    concept: Annotated[
        str | None,
        typer.Option(
            "--concept",
            "-c",
            metavar="TEXT",
            help='What kind of thing all species of a new library are: "bird". It is kept; see '
            "**fgmm species words**.",
        ),
    ] = None,
    templates: Annotated[
        list[str] | None,
        typer.Option(
            "--template",
            "-t",
            metavar="TEXT",
            help='A sentence with {} for the name, kept in a new library: "a close-up of a {}." '
            "May be given again.",
        ),
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

    fgmm species add "great tit" --also "Parus major" --library birds.fgmm

    fgmm species add --each-folder photos/ --library birds.fgmm

    fgmm species add --names-file birds.txt --library birds.fgmm

    A new library is made where there is none. Without photos a species is known by its words.
    What is told afterwards: which photos were used, which may be wrong, and whether other
    species are still recognised.

    A folder of folders, or a list of names, is one change: **fgmm species undo** takes all of it
    back. Stop it with Ctrl-C, and what is finished is kept; the same command goes on from there.

    Exit code 0: all went well. 1: some photos could not be used. 2: nothing was done. 130: it
    was stopped.
    """
    ways = (name is not None, each_folder is not None, names_file is not None)
    if sum(ways) != 1:
        raise typer.BadParameter(
            'give a name and photos, such as "wren" wren/*.jpg, or --each-folder FOLDER, or '
            "--names-file FILE",
            param_hint="NAME",
        )
    about: dict[str, Any] = {
        "names": names or [],
        "description": description,
        "attributes": _read_attributes(attributes or []),
        "parent": parent,
    }
    if name is None and any(about.values()):
        raise typer.BadParameter(
            "--also, --description, --attribute and --parent are of one species: add it by its "
            "name",
            param_hint="--each-folder" if each_folder is not None else "--names-file",
        )
    place = LibraryPlace(library, encoder, concept, tuple(templates or ()))
    if each_folder is not None:
        add_folders(place, each_folder)
    elif names_file is not None:
        add_names(place, names_file)
    elif name is not None:
        _refuse_path(name, photos or [])
        add_one(place, name, photos or [], about)


def _refuse_path(name: str, photos: list[str]) -> None:
    """Notice a name that was forgotten, or that comes second: a path then stands in its place."""
    path = Path(name)
    second = photos[0] if photos and _is_no_path(photos[0]) else None
    written_so = len(path.parts) > 1 or name.endswith(("/", os.sep))
    if path.is_file() or (path.is_dir() and (written_so or second is not None)):
        kind = "folder" if path.is_dir() else "file"
        raise typer.BadParameter(
            f"{name} is a {kind} and no name: first comes what the species is called, such as "
            f'fgmm species add "{second or "wren"}" {name}',
            param_hint="NAME",
        )


def _is_no_path(given: str) -> bool:
    path = Path(given)
    like_one = len(path.parts) > 1 or path.suffix or given.endswith(("/", os.sep))
    return not (like_one or glob.has_magic(given) or path.exists())


def _read_attributes(given: list[str]) -> dict[str, float] | None:
    """Read attributes and how far it has each."""
    read: dict[str, float] = {}
    for one in given:
        what, equals, share = (part.strip() for part in one.rpartition("="))
        try:
            value = float(share)
        except ValueError:
            value = -1.0
        if not (equals and what and 0 <= value <= 1):
            raise typer.BadParameter(
                f'{one!r} is no attribute: give what it is and how far, 0 to 1: "red breast=1.0"',
                param_hint="--attribute",
            )
        if what in read:
            raise typer.BadParameter(f"{what!r} is given twice", param_hint="--attribute")
        read[what] = value
    return read or None
