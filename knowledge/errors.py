"""The errors knowledge raises. Each is also the builtin one would expect.

::

    KnowledgeError
    ├── GraphError (ValueError)         concepts or relations that cannot be what they say
    │   └── CyclicGraph                 a lineage that comes back to where it began
    ├── ConceptNotFound (LookupError)   no concept of that id or name
    ├── AmbiguousName (LookupError)     a name that several concepts bear
    └── FormatError (ValueError)        a file that is not what it should be

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
