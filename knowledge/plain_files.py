"""Text files read line by line, and JSON, within limits: hostile ones are refused, not read."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowledge.errors import FormatError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["MAX_LINES", "MAX_LINE_BYTES", "numbered_lines", "strict_json"]

MAX_LINES = 20_000_000
MAX_LINE_BYTES = 4_000_000


def numbered_lines(
    path: str | os.PathLike[str],
    *,
    max_lines: int = MAX_LINES,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Iterator[tuple[int, str]]:
    r"""Lines of a UTF-8 file that are not blank, each with its number, one at a time.

    Parameters
    ----------
    path : str or path
        A local file.
    max_lines, max_line_bytes : int
        What a file may have at most.

    Yields
    ------
    number : int
        The line's number, from 1; blank ones count.
    line : str
        Without its end, and without a byte order mark.

    Raises
    ------
    FormatError
        If a line is too long or no UTF-8, or there are too many.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "names.txt")
    ...     _ = path.write_text("rose\n\noak\n")
    ...     list(numbered_lines(path))
    [(1, 'rose'), (3, 'oak')]
    """
    with Path(path).open("rb") as file:
        number = 0
        while line := file.readline(max_line_bytes + 2):
            number += 1
            line = line.rstrip(b"\r\n")
            if len(line) > max_line_bytes:
                raise FormatError(
                    f"{path}:{number}: longer than {max_line_bytes} bytes, the most a line may "
                    f"have: split it, or check that this is a text file"
                )
            if number > max_lines:
                raise FormatError(f"{path}:{number}: more than {max_lines} lines: split the file")
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise FormatError(
                    f"{path}:{number}: no UTF-8 at byte {error.start + 1}: save the file as UTF-8"
                ) from None
            if text and not text.isspace():
                yield number, text


def strict_json(text: str) -> Any:
    """Value of a JSON text in which no key comes twice and every number is finite.

    Parameters
    ----------
    text : str
        One JSON value.

    Returns
    -------
    dict, list, str, int, float, bool or None
        What it says.

    Raises
    ------
    FormatError
        If it is no JSON, too deep, has a key twice, or NaN or an infinity.

    Examples
    --------
    >>> strict_json('{"robin": ["red breast"]}')
    {'robin': ['red breast']}
    """
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        at = f"column {error.colno}" if error.lineno == 1 else f"line {error.lineno}"
        raise FormatError(f"no valid JSON: {error.msg} at {at}: correct it there") from None
    except RecursionError:
        raise FormatError("JSON nested too deep to be read: flatten it") from None
    except FormatError:
        raise
    except ValueError as error:  # a number of thousands of digits
        raise FormatError(f"no JSON that can be read: {error}: correct the number") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        twice = next(name for name, n in Counter(name for name, _ in pairs).items() if n > 1)
        raise FormatError(f"the key {twice!r} is there twice: take one out")
    return data


def _refuse_constant(name: str) -> None:
    raise FormatError(f"{name} is no JSON number: leave the key out")
