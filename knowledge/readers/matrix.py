"""What the folders of CUB and AwA share: numbered lists of names, and a matrix of strengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from knowledge.errors import FormatError
from knowledge.readers.contents import clean_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from knowledge.readers.draft import Draft

__all__ = ["entries", "fill", "find_file"]


@overload
def find_file(folder: Path, name: str) -> Path: ...
@overload
def find_file(folder: Path, name: str, *, needed: Literal[False]) -> Path | None: ...
def find_file(folder: Path, name: str, *, needed: bool = True) -> Path | None:
    """File of this name in a folder or in one right below it.

    Parameters
    ----------
    folder : Path
        Where to look.
    name : str
        What to look for.
    needed : bool
        Whether to raise rather than to return None if there is none.

    Returns
    -------
    Path or None
        The file.

    Raises
    ------
    FormatError
        If there is none or more than one.
    """
    found = [path for path in (folder / name, *sorted(folder.glob(f"*/{name}"))) if path.is_file()]
    if len(found) == 1:
        return found[0]
    if found:
        raise FormatError(
            f"{found[1]}:1: {name} is there twice, also as {found[0]}: give the folder of one, or "
            f"take the other out"
        )
    if needed:
        raise FormatError(f"{folder / name}:1: no such file: copy it there, or check the folder")
    return None


def entries(draft: Draft) -> list[tuple[int, str]]:
    """Names of a file whose lines are ``1 name``, ``2 name``, ..., each with its line."""
    found: list[tuple[int, str]] = []
    for line, text in clean_lines(draft.path):
        number, _, name = text.strip().replace("\t", " ", 1).partition(" ")
        if number != str(len(found) + 1) or not name.strip():
            raise draft.error(
                line,
                f"{text[:60]!r} should be number {len(found) + 1} and a name: put it in order, or "
                f"get the file again",
            )
        found.append((line, name.strip()))
    return found


def fill(
    draft: Draft,
    concepts: Sequence[str],
    attributes: Sequence[tuple[str, str]],
    *,
    percent: bool,
    unknown: str = "",
) -> None:
    """Add the strengths of a matrix, a row a concept and a column an attribute.

    Parameters
    ----------
    draft : Draft
        Of the matrix's file.
    concepts : sequence of str
        Ids of the rows.
    attributes : sequence of (str, str)
        Ids of the columns, each with the part it is about.
    percent : bool
        Whether numbers run to 100 rather than to 1.
    unknown : str
        The number that stands for nothing known; compared as a text.

    Raises
    ------
    FormatError
        If there are more or fewer rows or columns, or a number is out of range.
    """
    n = 0
    for line, text in clean_lines(draft.path):
        cells = text.split()
        if n == len(concepts):
            raise draft.error(
                line, f"more rows than the {n} classes: take them out, or check the classes"
            )
        if len(cells) != len(attributes):
            raise draft.error(
                line,
                f"{len(cells)} columns for {len(attributes)} attributes: correct the row, or get "
                f"the file again",
            )
        for (attribute, part), cell in zip(attributes, cells, strict=True):
            if cell != unknown:
                draft.relation(
                    line,
                    concepts[n],
                    "has-attribute",
                    attribute,
                    strength=draft.strength(line, cell, percent=percent),
                    part=part,
                )
        n += 1
    if n < len(concepts):
        raise draft.error(
            n + 1, f"{n} rows for {len(concepts)} classes: the file was cut short; get it again"
        )
