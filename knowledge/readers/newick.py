"""Trees in Newick's notation: ``((robin,gull)bird,oak)life;``.

Lengths of branches and comments in brackets are passed over. A label in single quotes is taken
as it stands; in others an underscore is a blank. Inner nodes without a label, or with a number
(the support of a branch), get the ids ``#1``, ``#2``, ... in the order in which they close.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from knowledge.readers.contents import whole_text
from knowledge.readers.draft import Draft

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from knowledge.graph import KnowledgeGraph
    from knowledge.readers.sample import Sample

__all__ = ["MAX_DEPTH", "matches", "read"]

MAX_DEPTH = 10_000
_TOKEN = re.compile(
    r"\s+|\[[^\]]*\]|(?P<sign>[(),:;])|(?P<quoted>'(?:[^']|'')*')|(?P<label>[^\s()\[\],:;']+)"
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def matches(sample: Sample) -> bool:
    """Whether the text begins with a bracket, after comments."""
    return re.match(r"(\[[^\]]*\]\s*)*\(", sample.text) is not None


def read(path: Path) -> KnowledgeGraph:
    """Read one tree; see the module."""
    draft = Draft(path)
    open_nodes: list[list[str]] = []  # ids of the children of brackets that are still open
    closed: list[str] | None = None  # children of the bracket that has just been closed
    label: tuple[int, str] | None = None
    n_inner = 0
    done = length = False
    line = 1
    for line, kind, token in _tokens(draft, whole_text(path)):
        if done:
            raise draft.error(line, f"{token!r} after the end of the tree: put it in its own file")
        if kind != "sign":
            if length:
                if not _NUMBER.fullmatch(token):
                    raise draft.error(line, f"{token!r} is no length of a branch: give a number")
                length = False
            elif label is not None:
                raise draft.error(
                    line, f"{token!r} right after {label[1]!r}: part them by a comma, or quote them"
                )
            else:
                text = token if kind == "quoted" else token.replace("_", " ")
                if closed is None or kind == "quoted" or not _NUMBER.fullmatch(token):
                    label = line, text
            continue
        if length:
            raise draft.error(line, f"{token!r} where the length of a branch should be: add it")
        if token == "(":  # noqa: S105
            if label is not None or closed is not None:
                raise draft.error(line, "a bracket opens right after a node: put a comma between")
            open_nodes.append([])
            if len(open_nodes) > MAX_DEPTH:
                raise draft.error(line, f"brackets more than {MAX_DEPTH} deep: split the tree")
            continue
        if token == ":":  # noqa: S105
            length = True
            continue
        if closed is None and label is None:
            raise draft.error(line, f"no label before {token!r}: name the node, or take it out")
        if label is None:
            n_inner += 1
            label = line, f"#{n_inner}"
        draft.concept(label[0], label[1])
        for child in closed or ():
            draft.relation(label[0], child, "is-a", label[1])
        if token == ";":  # noqa: S105
            done = True
        elif not open_nodes:
            raise draft.error(line, f"{token!r} outside all brackets: check that they balance")
        else:
            open_nodes[-1].append(label[1])
        closed = open_nodes.pop() if token == ")" else None  # noqa: S105
        label = None
        if done and open_nodes:
            break
    if not done or open_nodes:
        raise draft.error(
            line, f"{len(open_nodes)} brackets are still open at the end, or the ; is missing: "
            f"the file was cut short; get it again"
        )  # fmt: skip
    return draft.graph


def _tokens(draft: Draft, text: str) -> Iterator[tuple[int, str, str]]:
    line = 1
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise draft.error(line, f"{text[at]!r} opens what does not close: close it")
        kind = match.lastgroup
        if kind == "quoted":
            yield line, kind, match["quoted"][1:-1].replace("''", "'")
        elif kind is not None:
            yield line, kind, match[kind]
        line += match[0].count("\n")
        at = match.end()
