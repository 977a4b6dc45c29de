"""Members of a JSON object or array with the lines they stand in."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from knowledge.errors import FormatError
from knowledge.plain_files import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["check_json", "items"]

_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def check_json(path: Path, text: str) -> Any:
    """Value of a JSON text, or an error that begins with file and line."""
    try:
        return strict_json(text)
    except FormatError as error:
        raise FormatError(f"{path}:{_line(text)}: {error}") from None


def _line(text: str) -> int:
    """Line at which a bad text goes wrong, as far as json tells; else 1."""
    try:
        twice: list[str] = []
        json.loads(text, object_pairs_hook=lambda pairs: twice.extend(_repeated(pairs)))
    except json.JSONDecodeError as error:
        return error.lineno
    except (RecursionError, ValueError):
        return 1
    if twice:
        keys = [*re.finditer(re.escape(json.dumps(twice[0], ensure_ascii=False)) + r"\s*:", text)]
        return text.count("\n", 0, keys[-1].start()) + 1 if keys else 1
    wrong = re.search(r"[:\[,]\s*(NaN|-?Infinity)", text)
    return text.count("\n", 0, wrong.end()) + 1 if wrong else 1


def _repeated(pairs: list[tuple[str, Any]]) -> list[str]:
    seen: set[str] = set()
    return [key for key, _ in pairs if key in seen or seen.add(key)]  # type: ignore[func-returns-value]


def items(text: str, at: int = 0, line: int = 1) -> Iterator[tuple[int, int, str, Any]]:
    r"""Members of the object or array that begins at an offset of a valid JSON text.

    Parameters
    ----------
    text : str
        JSON that `check_json` has let pass.
    at : int
        Where to begin.
    line : int
        The line of that place.

    Yields
    ------
    line : int
        Where the value begins.
    offset : int
        Where in the text.
    key : str
        Empty in an array.
    value : object
        What it says.

    Examples
    --------
    >>> [(line, key, value) for line, _, key, value in items('{"a": 1,\n"b": [2]}')]
    [(1, 'a', 1), (2, 'b', [2])]
    """
    start, at = at, _skip(text, at)
    is_object = text[at] == "{"
    at = _skip(text, at + 1)
    while text[at] not in "]}":
        key = ""
        if is_object:
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)  # the colon
        line += text.count("\n", start, at)
        start = at
        value, end = _DECODER.raw_decode(text, at)
        yield line, at, key, value
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at
