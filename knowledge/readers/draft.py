"""A graph while it is read: each fact gets its source and its line, and comes once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from knowledge.concept import Concept, Relation, Text
from knowledge.errors import FormatError, GraphError
from knowledge.graph import KnowledgeGraph

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Draft", "is_strength"]

_WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_DECIMAL_COMMA = re.compile(r"\d+,\d+")


class Draft:
    """What a reader adds facts to.

    Parameters
    ----------
    path : Path
        The file, as errors and facts name it.
    source : str, optional
        Source of facts that have none of their own; the name of the file if not given.
    graph : KnowledgeGraph, optional
        What another file has said already.
    """

    def __init__(
        self, path: Path, *, source: str | None = None, graph: KnowledgeGraph | None = None
    ) -> None:
        self.path = path
        self.source = source or path.name
        self.graph = KnowledgeGraph() if graph is None else graph
        self._lines: dict[tuple[str, ...], int] = {}

    def place(self, line: int) -> str:
        """File and line."""
        return f"{self.path}:{line}"

    def error(self, line: int, message: str) -> FormatError:
        """An error of this file at this line; to be raised."""
        return FormatError(f"{self.place(line)}: {message}")

    def concept(self, line: int, id: str, **fields: Any) -> None:
        """Add a concept that is not there yet."""
        place = self.place(line)
        if id in self.graph:
            raise self.error(
                line,
                f"the id {id!r} is there already ({self.graph[id].where}): take one out, or give "
                f"one of them another id",
            )
        fields["source"] = fields.get("source") or self.source
        try:
            self.graph.add(Concept(id, **fields, where=place))
        except GraphError as error:
            raise self.error(line, str(error)) from None

    def mention(self, line: int, id: str, kind: str = "concept") -> None:
        """Add a concept of which a line says the id only, unless it is there."""
        if id not in self.graph:
            self.concept(line, id, kind=kind)
        elif self.graph[id].kind != kind:
            known = self.graph[id]
            raise self.error(
                line,
                f"{id!r} is a {kind} here and a {known.kind} before ({known.where}): rename one",
            )

    def relation(self, line: int, subject: str, kind: str, target: str, **fields: Any) -> None:
        """Add a relation that this file has not stated yet."""
        fields["source"] = fields.get("source") or self.source
        key = (subject, kind, target, fields.get("part", ""), fields["source"])
        first = self._lines.setdefault(key, line)
        try:
            fact = Relation(subject, kind, target, **fields, where=self.place(line))
        except GraphError as error:
            raise self.error(line, str(error)) from None
        if first != line:
            raise self.error(
                line, f"{subject!r} {kind} {target!r} is there already, line {first}: take one out"
            )
        self.graph.add(fact)

    def text(self, line: int, text: object, *, language: str = "en", source: str = "") -> Text:
        """Make a text of this file's source, if it is one."""
        try:
            return Text(text, language=language, source=source or self.source)  # type: ignore[arg-type]
        except GraphError as error:
            raise self.error(line, f"{error}: correct it or take it out") from None

    def strength(self, line: int, cell: str, *, percent: bool = False) -> float:
        """Read yes or no, a number from 0 to 1, or one to 100 if in percent, as in ``"85%"``."""
        if not percent and cell.casefold() in _WORDS:
            return _WORDS[cell.casefold()]
        number = cell.removesuffix("%").strip()
        top = 100 if percent or cell.endswith("%") else 1
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        if not 0 <= value <= top or "_" in number:
            cure = "correct it, or leave it blank where nothing is known"
            if _DECIMAL_COMMA.fullmatch(number):
                cure = f"write it with a decimal point, {cell.replace(',', '.')}"
            elif top == 1 and 1 < value <= 100:
                cure = f"write {cell}% if it is a percentage"
            raise self.error(
                line, f"{cell!r} is no strength; it must be a number from 0 to {top}: {cure}"
            )
        return value / top


def is_strength(cell: str, *, words: bool = True) -> bool:
    """Whether a cell is meant as a strength, as `Draft.strength` reads it or not quite.

    Parameters
    ----------
    cell : str
        A cell of a table.
    words : bool, default=True
        Whether yes and no count, beside numbers.
    """
    cell = cell.strip()
    number = cell.removesuffix("%").strip()
    try:
        float(number)
    except ValueError:
        return (words and cell.casefold() in _WORDS) or _DECIMAL_COMMA.fullmatch(number) is not None
    return True
