"""How the commands of species read and change a library, without its encoder where they can."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rich.text import Text

from fgmm.command.terminal import announced, console

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from fgmm.library import LibraryFile
    from fgmm.recognizer import Recognizer

__all__ = ["check_readable", "open_recognizer", "opened_library", "read_library", "say"]

_READ_BY_ALL = 60  # bytes: no encoder makes more tokens of a text than it has bytes


def read_library(path: Path) -> LibraryFile:
    """Open a library to look at it; nothing is written."""
    from fgmm.library import LibraryFile

    return LibraryFile.open(path, readonly=True)


@contextlib.contextmanager
def opened_library(path: Path, *names: str, readonly: bool = False) -> Iterator[LibraryFile]:
    """Open a library to change it, or to look at some species.

    Of names that are not there, and were once, it is told what became of them.
    """
    from fgmm.errors import SpeciesNotFound
    from fgmm.library import LibraryFile
    from fgmm.library.former_names import tell_former_name

    with LibraryFile.open(path, readonly=readonly) as file:
        try:
            yield file
        except SpeciesNotFound as error:
            past = file.history()
            gone = [name for name in names if name not in file.collection]
            told = [one for one in (tell_former_name(past, name) for name in gone) if one]
            if not told:
                raise
            missing = str(error).partition("; did you mean")[0]
            raise SpeciesNotFound(f"{missing}: {'; '.join(told)}") from None


def open_recognizer(path: Path) -> Recognizer:
    """Open a library that is there together with its encoder."""
    read_library(path).close()  # says so where there is none; opening would make one
    with announced("loading the encoder ..."):
        from fgmm.recognizer import Recognizer

        return Recognizer.open(path)


def check_readable(file: LibraryFile, names: Iterable[str], description: str | None = None) -> None:
    """Refuse words that are longer than the library's encoder reads.

    It is loaded only for words that are so long that some encoder might not read them.

    Raises
    ------
    TextTooLong
        If they are.
    """
    from fgmm.templates import check_templates, texts_of

    own = file.collection.phrasing
    if own.reads_words is False:
        return
    texts = list(texts_of(tuple(names), check_templates(own.templates), own.concept))
    texts += [description] if description else []
    long = [text for text in texts if len(text.encode(errors="replace")) > _READ_BY_ALL]
    if not long:
        return
    with announced("loading the encoder ..."):
        from fgmm.encoders.registry import load_encoder

        encoder = load_encoder(file.collection.encoder)
    if hasattr(encoder, "encode_texts"):
        encoder.encode_texts(long)


def say(text: str) -> None:
    """Print a text on stdout as it is, however long its lines."""
    console().print(Text(text), soft_wrap=True)
