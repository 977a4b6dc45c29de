"""What readers read files with: whole texts, lines and rows, within limits."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from knowledge.errors import FormatError
from knowledge.plain_files import numbered_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["MAX_BYTES", "clean_lines", "numbered_rows", "records", "whole_bytes", "whole_text"]

MAX_BYTES = 256_000_000
_DECIMAL_COMMA = re.compile(r"(?<![\w.])[01],\d+(?![\w.])")


def whole_bytes(path: Path) -> bytes:
    """All of a file, of `MAX_BYTES` at most."""
    _check_regular(path)
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise FormatError(
            f"{path}:1: larger than {MAX_BYTES} bytes, the most that is read at once: split it, "
            f"or turn it into JSON lines elsewhere"
        )
    return data


def whole_text(path: Path) -> str:
    """All of a UTF-8 file without a byte order mark; NUL bytes are refused."""
    data = whole_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(
            f"{path}:{line}: no UTF-8 at byte {error.start + 1} of the file: save it as UTF-8"
        ) from None
    if "\0" in text:
        raise _nul(path, text.count("\n", 0, text.index("\0")) + 1)
    return text


def clean_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank with their numbers; NUL bytes are refused."""
    _check_regular(path)
    for number, line in numbered_lines(path):
        if "\0" in line:
            raise _nul(path, number)
        yield number, line


def numbered_rows(
    path: Path, delimiter: str, *, quote: str | None = '"'
) -> Iterator[tuple[int, list[str]]]:
    """Rows of a CSV file as stripped cells, each with the number of its first line.

    Parameters
    ----------
    path : Path
        A UTF-8 file.
    delimiter : str
        What stands between two cells.
    quote : str or None
        What stands around a cell that contains a delimiter; None if nothing ever does.

    Yields
    ------
    line : int
        From 1.
    cells : list of str
        As many as in the first row.

    Raises
    ------
    FormatError
        If a row has more or fewer cells than the first, or its quotes do not close.
    """
    pending: list[int] = []

    def feed() -> Iterator[str]:
        for number, line in clean_lines(path):
            pending.append(number)
            yield line + "\n"

    rows = csv.reader(
        feed(),
        delimiter=delimiter,
        quotechar=quote or '"',
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        strict=True,
    )
    width = None
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise FormatError(
                f"{path}:{pending[0]}: no CSV: {error}: check the quotes of this row"
            ) from None
        if row is None:
            return
        line = pending[0]
        pending.clear()
        width = width or len(row)
        if len(row) != width:
            cure = f"correct the row, or put cells that contain {delimiter!r} in quotes"
            if delimiter == "," and (split := _DECIMAL_COMMA.search(",".join(row))):
                cure = f"if {split[0]} is one number, write it with a decimal point"
            raise FormatError(
                f"{path}:{line}: {len(row)} columns where the first row has {width}: {cure}"
            )
        yield line, [cell.strip() for cell in row]


def records(
    path: Path, delimiter: str, *, quote: str | None = '"'
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows by the names of their columns, which the first row gives.

    Parameters
    ----------
    path, delimiter, quote
        As in `numbered_rows`.

    Yields
    ------
    line : int
        Number of the row's first line.
    record : dict of str to str
        Name of the column to the cell.

    Raises
    ------
    FormatError
        If a column has no name or the name of another; as in `numbered_rows`.
    """
    rows = numbered_rows(path, delimiter, quote=quote)
    line, header = next(rows, (1, []))
    for number, name in enumerate(header, 1):
        if not name:
            raise FormatError(f"{path}:{line}: column {number} has no name: give it one")
        if header.index(name) != number - 1:
            raise FormatError(
                f"{path}:{line}: two columns are called {name!r}: rename one or take it out"
            )
    for line, row in rows:
        yield line, dict(zip(header, row, strict=True))


def _check_regular(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise FormatError(f"{path}:1: no regular file: save its contents in one")


def _nul(path: Path, line: int) -> FormatError:
    return FormatError(f"{path}:{line}: a NUL byte, which no text has: save the file as UTF-8 text")
