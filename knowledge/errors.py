"""The errors knowledge raises. Each is also the builtin one would expect.

::

    KnowledgeError
    ├── GraphError (ValueError)         concepts or relations that cannot be what they say
    │   └── CyclicGraph                 a lineage that comes back to where it began
    ├── ConceptNotFound (LookupError)   no concept of that id or name
    ├── AmbiguousName (LookupError)     a name that several concepts bear
    └── FormatError (ValueError)        a file that is not what it should be
        └── UnclearFormat               one whose content does not say which format it is of

A message says what is wrong, with the value; then the rule; then the cure. One about a file
begins with the file and the line: ``birds.jsonl:12: ...``.
"""

from __future__ import annotations

__all__ = [
    "AmbiguousName",
    "ConceptNotFound",
    "CyclicGraph",
    "FormatError",
    "GraphError",
    "KnowledgeError",
    "UnclearFormat",
]


class KnowledgeError(Exception):
    """Parent of every error knowledge raises on purpose."""


class GraphError(KnowledgeError, ValueError):
    """Concepts, relations or parameters that cannot be what they say."""


class CyclicGraph(GraphError):
    """Is-a relations that lead from a concept back to itself."""


class ConceptNotFound(KnowledgeError, LookupError):
    """No concept has that id or name; the message gives the nearest."""


class AmbiguousName(KnowledgeError, LookupError):
    """Several concepts bear that name; the message lists them."""


class FormatError(KnowledgeError, ValueError):
    """A file that cannot be read, or a graph that cannot be written."""


class UnclearFormat(FormatError):
    """A file whose content does not say which format it is of.

    Parameters
    ----------
    what : str
        What is wrong, with the file and the line.
    formats : tuple of str
        The formats it may be of: those that fit, or all where none does.
    """

    def __init__(self, what: str, formats: tuple[str, ...]) -> None:
        super().__init__(
            f"{what}: say which of these it is, read_graph(path, format=...): {', '.join(formats)}"
        )
        self.what = what
        self.formats = formats
