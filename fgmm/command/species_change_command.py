"""``fgmm species``: changes of a library. No encoder is loaded but to read long words."""

from __future__ import annotations

from typing import Annotated

import typer

from fgmm.command.library_access import (
    check_readable,
    open_recognizer,
    opened_library,
    read_library,
    say,
)
from fgmm.command.library_argument import LibraryOption  # noqa: TC001 (typer reads it)
from fgmm.command.species_command import tell_change
from fgmm.command.terminal import BAD, note
from fgmm.plurals import counted

__all__ = [
    "add_other_names",
    "forget_removed",
    "merge_species",
    "remove_species",
    "rename_species",
    "set_words",
    "undo_change",
]

_Name = Annotated[str, typer.Argument(metavar="NAME", help="A species, by any of its names.")]


def remove_species(
    name: _Name,
    library: LibraryOption,
    photos: Annotated[
        list[str] | None,
        typer.Option(
            "--photo",
            metavar="WHICH",
            help="Only this photo: its path, its file's name, or its number, as **show** lists "
            "them. Again for more.",
        ),
    ] = None,
) -> None:
    """Remove a species, or some of its photos.

    It is then as if they had never been given.

    **Examples**

    fgmm species remove "great tit" --library birds.fgmm

    fgmm species remove "great tit" --photo 4.jpg --photo 7 --library birds.fgmm

    **fgmm species undo** brings it back; **fgmm species forget** takes it out of the file.
    """
    from fgmm.library import acts
    from fgmm.library.photo_choice import choose_photos

    with opened_library(library, name) as file:
        one = file.collection.find(name)
        digests = choose_photos(one, photos) if photos else None
        left = None if digests is None else len(one.photos) - len(digests)
        reads_words = file.collection.phrasing.reads_words
        if left != 0 or reads_words:
            file.apply(*acts.removing(file.collection, name, digests))
    if left == 0 and not reads_words:  # whether that may be is for its encoder to say
        open_recognizer(library).remove(name, digests)
    if digests is None:
        say(f"removed {one.name} with {counted(len(one.photos), 'photo')}")
    else:
        stay = "1 is left" if left == 1 else f"{left:,} are left"
        now = stay if left else "it is known by its words now"
        say(f"removed {counted(len(digests), 'photo')} of {one.name}; {now}")


def rename_species(
    name: _Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="What it is to be called.")],
    library: LibraryOption,
) -> None:
    """Give a species another name; the old one is not kept.

    **Example**

    fgmm species rename "great tit" "Parus major" --library birds.fgmm

    To keep both, see **fgmm species also**.
    """
    from fgmm.library import acts

    with opened_library(library, name) as file:
        before = file.collection.find(name).name
        act = acts.renaming(file.collection, name, new)
        act.change(file.collection)  # what is wrong with the name comes first
        check_readable(file, [new])
        file.apply(*act)
    say(f"{before} is now called {new}")


def merge_species(
    into: Annotated[str, typer.Argument(metavar="NAME", help="The species that stays.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The one that becomes part of it.")],
    library: LibraryOption,
) -> None:
    """Make two species one, with the photos and names of both.

    **Example**

    fgmm species merge "great tit" "Parus major" --library birds.fgmm
    """
    from fgmm.library import acts

    with opened_library(library, into, other) as file:
        before = file.collection.find(into).all_names
        file.apply(*acts.merging(file.collection, into, other))
        one = file.collection.find(into)
    gained = ", ".join(name for name in one.names if name not in before)
    say(f"{one.name} has {counted(len(one.photos), 'photo')}, and is also called {gained}")


def add_other_names(
    name: _Name,
    library: LibraryOption,
    others: Annotated[
        list[str] | None, typer.Argument(metavar="OTHER", help="Other names of it.")
    ] = None,
    description: Annotated[
        str | None,
        typer.Option(
            "--description",
            metavar="TEXT",
            help='What it looks like, in a sentence, in place of what was said; "": nothing.',
        ),
    ] = None,
) -> None:
    """Give a species other names, or say what it looks like.

    **Examples**

    fgmm species also "great tit" "Parus major" Kohlmeise --library birds.fgmm

    fgmm species also "great tit" --description "a black head and a yellow breast" -b birds.fgmm
    """
    from fgmm.library import acts

    if not others and description is None:
        raise typer.BadParameter("give another name, or --description", param_hint="OTHER")
    with opened_library(library, name) as file:
        here = file.collection
        told = [acts.naming(here, name, others)] if others else []
        told += [] if description is None else [acts.describing(here, name, description)]
        after = here
        for act in told:
            after = act.change(after)
        check_readable(file, others or (), description)
        detail = {key: value for act in told for key, value in act.detail.items()}

        def change(now: object) -> object:
            for act in told:
                now = act.change(now)  # type: ignore[arg-type]
            return now

        file.apply(change, told[0].what, detail)  # type: ignore[arg-type]
        one = file.collection.find(name)
    also = f" is also called {', '.join(one.names)}" if one.names else ""
    looks = f"{' and' if also else ''} looks so: {one.description}" if one.description else ""
    say(f"{one.name}{also}{looks or ('' if also else ': nothing is said of its looks')}")


def set_words(
    library: LibraryOption,
    concept: Annotated[
        str | None,
        typer.Option(
            "--concept",
            "-c",
            metavar="TEXT",
            help='What kind of thing all are: "bird"; "": nothing.',
        ),
    ] = None,
    templates: Annotated[
        list[str] | None,
        typer.Option(
            "--template",
            "-t",
            metavar="TEXT",
            help='A sentence with {} for the name: "a close-up of a {}." May be given again.',
        ),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Nothing but the usual words, and no concept.")
    ] = False,
) -> None:
    """Show or change what is put around the names of all species.

    **Examples**

    fgmm species words --library birds.fgmm

    fgmm species words --concept bird --library birds.fgmm

    What is not given is taken away: name the concept again when you change the sentences.
    """
    if plain and (concept or templates):
        raise typer.BadParameter(
            "--plain takes the concept and the sentences away: leave it out", param_hint="--plain"
        )
    if plain or concept is not None or templates:
        around = (concept or "").strip() or None
        open_recognizer(library).set_words(concept=around, templates=templates or None)
    from fgmm.templates import DEFAULT_TEMPLATES

    own = read_library(library).collection.phrasing
    say(f"concept: {own.concept or 'none'}")
    for template in own.templates or DEFAULT_TEMPLATES:
        say(f"sentence: {template}{'' if own.templates else '  (usual)'}")


def undo_change(library: LibraryOption) -> None:
    """Take back the last change; again, the one before.

    **Example**

    fgmm species undo --library birds.fgmm
    """
    with opened_library(library) as file:
        taken = file.take_back()
    say(f"taken back: {tell_change(taken.what, taken.detail)}")


def forget_removed(
    library: LibraryOption,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Yes, for good.")] = False,
) -> None:
    """Take what was removed out of the file, for good.

    **Example**

    fgmm species forget --yes --library birds.fgmm

    What is known stays as it is, but no change before can be taken back any more. Vectors of
    words go too, and are made again when needed.
    """
    n = sum(1 for one in read_library(library).history() if one.can_be_undone)
    if not yes:
        note(
            "error",
            f"{counted(n, 'change')} could not be taken back any more, and what was removed would "
            "be gone for good: add --yes if that is what you want",
        )
        raise typer.Exit(BAD)
    before = library.stat().st_size
    with opened_library(library) as file:
        file.forget()
    after = library.stat().st_size
    freed = max(0, before - after)
    say(
        f"forgotten: {counted(n, 'change')} cannot be taken back any more; {library} has "
        f"{_size(after)}, {_size(freed)} less"
    )


def _size(n: int) -> str:
    for unit, many in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n >= many:
            return f"{n / many:.1f} {unit}"
    return f"{n} bytes"
