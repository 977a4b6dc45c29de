"""How ``fgmm species add`` adds: one species, a folder of each, or a list of names."""

from __future__ import annotations

import contextlib
import logging
import sys
from pathlib import Path  # noqa: TC003 (a NamedTuple keeps it)
from typing import TYPE_CHECKING, Any, NamedTuple

import typer
from rich.text import Text

from fgmm.command.terminal import BAD, PARTLY, announced, console, list_failures, note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fgmm.library import Collection
    from fgmm.recognition.additions import Additions
    from fgmm.recognizer import Recognizer

__all__ = ["LibraryPlace", "add_folders", "add_names", "add_one"]


_SHOWN = 5


class LibraryPlace(NamedTuple):
    """A library that is there or is to be made, and with what it is made.

    Parameters
    ----------
    path : Path
    encoder, concept : str or None
    templates : tuple of str
        The usual ones if empty.
    """

    path: Path
    encoder: str | None = None
    concept: str | None = None
    templates: tuple[str, ...] = ()

    def known(self) -> Collection:
        """Read what the library knows; nothing where there is none yet.

        Raises
        ------
        typer.BadParameter
            If it says its names in other words than these.
        """
        from fgmm.library import Collection, LibraryFile

        if not self.path.exists():
            return Collection("of no encoder yet", 1, "none")
        here = LibraryFile.open(self.path, readonly=True).collection
        own = here.phrasing
        for option, mine, its in (
            ("--concept", self.concept, own.concept),
            ("--template", self.templates or None, own.templates),
        ):
            if mine is not None and mine != its:
                raise typer.BadParameter(
                    f"{self.path} says its names otherwise: leave this out, or change it for all "
                    "species with fgmm species words",
                    param_hint=option,
                )
        return here

    def opened(self) -> Recognizer:
        """Open the library, or make it.

        One that nothing is put into then stays as a library without species: another process may
        have opened it too, and what it was told it has kept must not go.
        """
        with announced("loading the encoder ..."):
            from fgmm.recognizer import Recognizer

            return Recognizer.open(
                self.path,
                self.encoder,
                concept=self.concept,
                templates=self.templates or None,
            )


def add_one(
    library: LibraryPlace,
    name: str,
    photos: Sequence[str],
    about: Mapping[str, Any],
) -> None:
    """Add a species, or photos to one that is there, and print the receipt.

    Parameters
    ----------
    library : LibraryPlace
    name : str
    photos : sequence of str
        Files, folders and patterns.
    about : mapping
        ``names``, ``description``, ``attributes`` and ``parent`` of a new species.

    Raises
    ------
    typer.Exit
        With the exit code, where not all went well.
    """
    here = library.known()
    known = name in here
    if known and any(about.values()):
        raise typer.BadParameter(
            f"{name} is there already, and only photos can be added to it here",
            param_hint="NAME",
        )
    if known and not photos:
        raise typer.BadParameter(f"{name} is there already: give photos", param_hint="PHOTOS")
    if not known:
        from fgmm.library import add_species

        add_species(here, name, **about)  # what is wrong with names is told at once
    from fgmm.command.picture_list import list_pictures, missing_pictures

    pictures = list_pictures(photos)
    if pictures and (missing := missing_pictures(pictures)):
        list_failures(missing)
        raise typer.Exit(BAD)
    recognizer = library.opened()
    if known:
        receipt = recognizer.add_photos(name, pictures)
    else:
        receipt = recognizer.add_species(name, pictures, **about)
    console().print(Text(str(receipt)), soft_wrap=True)
    if any(one.why != "known" for one in receipt.refused):
        raise typer.Exit(PARTLY)


def add_folders(library: LibraryPlace, where: Path) -> None:
    """Add every folder in one as a species of its name, and print a summary.

    Parameters
    ----------
    library : LibraryPlace
    where : Path

    Raises
    ------
    typer.Exit
        With the exit code, where not all went well.
    """
    folders = _folders(where)
    _check_names(library, {folder.name: () for folder in folders})
    recognizer = library.opened()
    with _lines():
        done = recognizer.add_all({folder.name: folder for folder in folders})
    _tell(done)


def add_names(library: LibraryPlace, path: Path) -> None:
    """Add species by a list of names, and print how many are new.

    Parameters
    ----------
    library : LibraryPlace
    path : Path
        As `fgmm.command.label_list.read_label_file` reads it; texts of a label are other names.
    """
    from fgmm.command.label_list import read_label_file, repeated_labels

    read = read_label_file(path)
    if isinstance(read, dict):
        listed = list(read)
        others = {name: [of] if isinstance(of, str) else of for name, of in read.items()}
    else:
        listed, others = list(read), {}
    names = [(name, tuple(others.get(name, ()))) for name in listed]
    _check_names(library, names)
    done = library.opened().add_all(listed, names=others)
    twice = [f"{name} ({n} times)" for name, n in repeated_labels(path).items()]
    shown = "; ".join(twice[:_SHOWN])
    more = f"; and {len(twice) - _SHOWN:,} more" if len(twice) > _SHOWN else ""
    _tell(done, f"more than once in the list, taken as one: {shown}{more}" if twice else None)


def _check_names(library: LibraryPlace, names: Any) -> None:
    """Tell what is wrong with names before an encoder is loaded."""
    from fgmm.library.additions import Addition, add_all

    listed = names.items() if isinstance(names, dict) else names
    add_all(library.known(), [Addition(name, None, others) for name, others in listed])


def _tell(done: Additions, more: str | None = None) -> None:
    n_refused = 0
    for name, reason in done.refused():
        n_refused += 1
        note("not used", f"{name}: {reason}")
    for name, error in done.failures:
        note("failed", f"{name}: {error}")
    told = str(done) if more is None else f"{done}\n  {more}"
    console().print(Text(told), soft_wrap=True)
    if done.failures or n_refused:
        raise typer.Exit(PARTLY if len(done) else BAD)


def _folders(where: Path) -> list[Path]:
    if not where.is_dir():
        raise typer.BadParameter(f"there is no folder {where}", param_hint="--each-folder")
    found = sorted(p for p in where.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not found:
        raise typer.BadParameter(
            f"there is no folder in {where}: a folder for each species is wanted",
            param_hint="--each-folder",
        )
    if loose := _loose_pictures(where):
        lie = "1 picture lies" if loose == 1 else f"{loose:,} pictures lie"
        note(
            "note",
            f"{lie} in {where} itself and in no folder of a species, and will not be used: move "
            "what shows a species into its folder, and do the same again",
        )
    return found


def _loose_pictures(where: Path) -> int:
    from fgmm.errors import ImageError
    from fgmm.images import find_images

    try:
        return sum(1 for _ in find_images(where, recursive=False))
    except ImageError:  # there is none
        return 0


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        note("read", record.getMessage())


@contextlib.contextmanager
def _lines() -> Iterator[None]:
    """Write a line for each folder on stderr where there is no terminal to draw a bar on."""
    if sys.stderr.isatty():
        yield
        return
    log, handler = logging.getLogger("fgmm.recognition.adding"), _Lines(logging.INFO)
    level, passed_on = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = passed_on
