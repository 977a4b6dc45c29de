"""The beginning of a file, or the names in a folder: what formats are told by."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING

from knowledge.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Sample"]

_HEAD_BYTES = 65_536
_MOST_LINES = 50


@dataclass(frozen=True, slots=True)
class Sample:
    """What a reader looks at to say whether a file is of its format.

    Parameters
    ----------
    path : Path
        The file or the folder.
    names : frozenset of str
        What is in the folder and one folder below it, ``"attributes.txt"``; empty for a file.
    head : bytes
        The beginning of the file; empty for a folder.
    text : str
        The same as text, without a byte order mark and leading blanks.
    lines : tuple of str
        Its first lines that are whole and not blank.
    delimiter : str
        What stands between cells, if the first line has any of tab, comma and semicolon.
    columns : tuple of str
        Cells of the first line in lower case; one if there is no delimiter.
    """

    path: Path
    names: frozenset[str] = frozenset()
    head: bytes = b""
    text: str = ""
    lines: tuple[str, ...] = ()
    delimiter: str = ""
    columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: Path) -> Sample:
        """Look into a file or a folder."""
        if path.is_dir():
            inside = [*path.iterdir()]
            below = [p for folder in inside if folder.is_dir() for p in folder.glob("*.txt")]
            return cls(path, names=frozenset(p.name for p in (*inside, *below) if p.is_file()))
        if path.exists() and not path.is_file():
            raise FormatError(f"{path}:1: no regular file: save its contents in one")
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        if not head.strip():
            raise FormatError(f"{path}:1: the file is empty: check how it was made or copied")
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise FormatError(
                f"{path}:1: UTF-16, not UTF-8: save it again, in Excel as 'CSV UTF-8'"
            )
        text = head.decode("utf-8-sig", "replace").lstrip()
        lines = text.splitlines()
        if len(head) == _HEAD_BYTES and len(lines) > 1:
            lines.pop()  # cut short
        lines = [line for line in lines if line.strip()][:_MOST_LINES]
        first = lines[0] if lines else ""
        delimiter = max("\t,;", key=first.count)
        cells = first.split(delimiter)
        columns = tuple(cell.strip().strip('"').casefold() for cell in cells)
        return cls(
            path,
            head=head,
            text=text,
            lines=tuple(lines),
            delimiter=delimiter if len(cells) > 1 else "",
            columns=columns,
        )
