"""Pairs from a table: a row names a picture and says something of it."""

from __future__ import annotations

import csv
import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from fgmm.errors import DatasetError
from fgmm.training.pairs import Pair, Pairs

if TYPE_CHECKING:
    import os

__all__ = ["read_table_pairs"]


def read_table_pairs(
    path: str | os.PathLike[str],
    *,
    image: str = "image",
    text: str = "text",
    label: str | None = None,
) -> Pairs:
    r"""Read a CSV file, or a TSV file by its name.

    Parameters
    ----------
    path : path
        With a row of column names. Several rows may name one picture: it has all their texts.
    image, text : str
        Names of columns. Pictures are looked for from the table's folder.
    label : str, optional
        Name of the column of classes.

    Returns
    -------
    Pairs
        In the order in which pictures first stand in it.

    Raises
    ------
    DatasetError
        If there is no such file or column, a cell is empty, or a picture has two classes.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> table = Path(folder.name) / "birds.csv"
    >>> _ = table.write_text("image,text\na.jpg,a tit\na.jpg,a great tit\n")
    >>> read_table_pairs(table).items[0].texts
    ('a tit', 'a great tit')
    >>> folder.cleanup()
    """
    table = Path(path)
    if not table.is_file():
        raise DatasetError(f"there is no file {table}")
    texts: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t" if table.suffix.lower() == ".tsv" else ",")
        columns = list(rows.fieldnames or ())
        wanted = [image, text, *([label] if label else [])]
        for name in wanted:
            if name not in columns:
                near = difflib.get_close_matches(name, columns, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(columns)}"
                raise DatasetError(f"{table} has no column {name!r}: {hint}")
        for row in rows:
            where = f"{table}, line {rows.line_num}"
            cells = [(row[name] or "").strip() for name in wanted]
            for name, cell in zip(wanted, cells, strict=True):
                if not cell:
                    raise DatasetError(f"{where}: nothing in column {name!r}")
            texts.setdefault(cells[0], []).append(cells[1])
            if label and labels.setdefault(cells[0], cells[2]) != cells[2]:
                raise DatasetError(
                    f"{where}: {cells[0]} is {cells[2]!r}, and was {labels[cells[0]]!r} before: "
                    "a picture has one class"
                )
    pairs = (
        Pair(table.parent / name, tuple(dict.fromkeys(said)), labels.get(name))
        for name, said in texts.items()
    )
    return Pairs(table.name, tuple(pairs))
