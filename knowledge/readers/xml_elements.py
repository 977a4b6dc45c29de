"""Elements of an XML file with their lines; what declares entities is refused, not expanded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from knowledge.errors import FormatError

__all__ = ["MAX_DEPTH", "Element", "elements", "first_element"]

MAX_DEPTH = 100
_NAME = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)[\s/>]")


@dataclass(slots=True)
class Element:
    """One element.

    Parameters
    ----------
    number : int
        Its place in the file, from 0.
    line : int
        Where it begins.
    name : str
        Without its namespace.
    attributes : dict of str to str
        By their names without namespaces.
    parents : list of int
        Numbers of the elements around it, the outermost first.
    text : str
        What stands right in it.
    """

    number: int
    line: int
    name: str
    attributes: dict[str, str]
    parents: list[int]
    text: str = field(default="")

    @property
    def up(self) -> int:
        """Number of the element around it; -1 at the top."""
        return self.parents[-1] if self.parents else -1


def elements(data: bytes, path: str) -> list[Element]:
    r"""Parse a file.

    Parameters
    ----------
    data : bytes
        All of it.
    path : str
        Its name, for errors.

    Returns
    -------
    list of Element
        In the order in which they begin.

    Raises
    ------
    FormatError
        If it is no XML, has a document type (which is where entities are declared), or is nested
        deeper than `MAX_DEPTH`.

    Examples
    --------
    >>> [(e.line, e.name, e.attributes, e.text) for e in elements(b"<a>\n<b c='1'>hi</b></a>", "x")]
    [(1, 'a', {}, '\n'), (2, 'b', {'c': '1'}, 'hi')]
    """
    found: list[Element] = []
    open_now: list[int] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def begin(name: str, attributes: dict[str, str]) -> None:
        line = parser.CurrentLineNumber
        if len(open_now) == MAX_DEPTH:
            raise FormatError(f"{path}:{line}: nested more than {MAX_DEPTH} deep: flatten it")
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        found.append(Element(len(found), line, name.rpartition(" ")[2], plain, [*open_now]))
        open_now.append(len(found) - 1)

    def end(_: str) -> None:
        open_now.pop()

    def characters(text: str) -> None:
        found[open_now[-1]].text += text

    def refuse(*_: object) -> None:
        raise FormatError(
            f"{path}:{parser.CurrentLineNumber}: has a document type, which may declare entities: "
            f"take <!DOCTYPE ...> out and write entities in full"
        )

    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise FormatError(
            f"{path}:{error.lineno}: no XML: {expat.ErrorString(error.code)}: correct it there"
        ) from None
    except FormatError:
        raise
    except (LookupError, ValueError) as error:  # an encoding that does not exist
        raise FormatError(f"{path}:1: no XML: {error}: save it as UTF-8") from None
    return found


def first_element(text: str) -> str:
    """Name of the first element without its namespace; empty if there is none.

    Parameters
    ----------
    text : str
        The beginning of a file.

    Returns
    -------
    str
        What follows declarations, comments and a document type.

    Examples
    --------
    >>> first_element("<?xml version='1.0'?> <!-- a > b --> <!DOCTYPE x [<!ENTITY y '>'>]> <a:b>")
    'b'
    """
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        for begin, end in (("<?", "?>"), ("<!--", "-->"), ("<!", ">")):
            if text.startswith(begin, at):
                inner = text.find("[", at) if begin == "<!" else -1
                if -1 < inner < text.find(">", at):
                    at = max(at, text.find("]", inner))
                found = text.find(end, at)
                break
        else:
            match = _NAME.match(text, at)
            return match[1] if match else ""
        if found == -1:
            return ""
        at = found + len(end)
