"""What is usually wrong with a table that is not known for one."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from knowledge.readers.tables import names_columns

if TYPE_CHECKING:
    from knowledge.readers.sample import Sample

__all__ = ["find_mistake"]

_OTHERS = "{[<(@"  # what other formats begin with
_FIRST_ROW = "the first row must name the columns, such as concept,red breast"


def find_mistake(sample: Sample) -> tuple[int, str] | None:
    r"""Say what is wrong with a file of no known format, if it looks like a table.

    Parameters
    ----------
    sample : Sample
        Its beginning.

    Returns
    -------
    (int, str) or None
        The line, and what is wrong there with the cure; None where there is no telling.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from knowledge.readers.sample import Sample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "birds.csv")
    ...     _ = path.write_text("robin,0.95\nwren,0\n")
    ...     find_mistake(Sample.of(path))
    (1, 'the first row has strengths; the first row must name the columns, such as concept,red
    breast: add it above')
    """
    if not sample.lines or sample.text[0] in _OTHERS:
        return None
    lines = sample.head.decode("utf-8-sig", "replace").splitlines()
    numbers = [number for number, line in enumerate(lines, 1) if line.strip()]
    second = "".join(sample.lines[1:2])
    if sample.text[0] == "#" and second[:1] not in _OTHERS and {*"\t,;"} & {*second}:
        return numbers[0], f"a comment, and comments are not read: take it out; {_FIRST_ROW}"
    if not sample.delimiter or sample.text[0] == "#":
        return None
    reader = csv.reader(sample.lines, delimiter=sample.delimiter, strict=True)
    rows: list[list[str]] = []
    ended = 0
    try:
        for row in reader:
            rows.append(row)
            ended = reader.line_num
    except csv.Error as error:
        return numbers[ended], f"no CSV: {error}: close the quote that this row opens"
    if not names_columns(rows[0]):
        return numbers[0], f"the first row has strengths; {_FIRST_ROW}: add it above"
    if len(rows) == 1:
        return numbers[0], "one row only; it names the columns: add a row for each concept"
    if all(len(row) == len(rows[0]) for row in rows):
        return numbers[0], (
            "a table in which no cell behind the first column is a strength (0 to 1, 95%, yes or "
            "no): fill in some; for a tree alone call its two columns child and parent; for rows "
            "of facts call them concept and attribute"
        )
    return None
