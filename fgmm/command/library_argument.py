"""A library that is named on the command line: ``--library``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LibraryCommand", "LibraryOption"]

LibraryOption = Annotated[
    Path, typer.Option("--library", "-b", metavar="FILE", help="The library, such as birds.fgmm.")
]
"""What commands that need a library take."""
# typer brings its own click from some version on, so the class is found through what it exports.
_UsageError: type[Exception] = next(
    parent for parent in typer.BadParameter.__mro__ if parent.__name__ == "UsageError"
)


class LibraryCommand(TyperCommand):
    """A command with ``--library``: where that was left out, it asks whether a file was meant."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line.

        Raises
        ------
        UsageError
            If it cannot be read, there is no ``--library``, and one argument is a library.
        """
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except _UsageError:
            found = _libraries_among(given)
            if len(found) != 1:
                raise
            raise _UsageError(
                f"{found[0]} is a library: did you mean --library {shlex.quote(found[0])}?", ctx
            ) from None


def _libraries_among(args: Sequence[str]) -> list[str]:
    """List the arguments that are libraries; none if one is named as such."""
    if any(one.startswith(("--library", "-b")) for one in args):
        return []
    return [one for one in args if not one.startswith("-") and _is_library(one)]


def _is_library(given: str) -> bool:
    from fgmm.library.schema import APPLICATION

    try:
        with Path(given).open("rb") as file:
            header = file.read(72)
    except (OSError, ValueError):
        return False
    # where SQLite keeps the number of the program that a file is of
    return header.startswith(b"SQLite format 3\0") and header[68:] == APPLICATION.to_bytes(4, "big")
