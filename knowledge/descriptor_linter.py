"""What is wrong with the sentences of a descriptor file, ``{class: [sentence, ...]}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import FormatError, GraphError
from knowledge.names import fold
from knowledge.readers.contents import whole_text
from knowledge.readers.json_items import check_json

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["DescriptorFinding", "lint_descriptors"]

_FRAGMENT = re.compile(r"(which|that|and|or|but|where|whose)\b", re.I)
_CHATTER = re.compile(
    r"\b(here (are|is)|there (are|is) (a (few|number)|many|several|some|various)|sure,|certainly|"
    r"of course,|as an ai|language model|i am|i'm|i can(no|')t|(useful|following|distinguishing) "
    r"(visual )?features|the following|difficult to (say|tell)|it (depends|is important)|"
    r"answer:|question:)",
    re.I,
)
_ARTICLE = re.compile(r"an?\s+(?P<rest>.+)", re.I)
# What ends the noun phrase after the article: "bill" is the noun of "long, hooked bill with ...".
_NOUN_ENDS = re.compile(
    r",?\s+(with|of|on|in|at|to|for|from|around|above|below|under|over|across|along|behind|"
    r"between|near|through|down|up|about|like|that|which|when|is|are|(and|or)\s+(an?|the|its|is|has))\s"
    r"|[;:.(]"
)
# Parts of animals and plants, marks on them, and measures: what a thing has, and never is.
_PARTS = frozenset(
    """
    abdomen antenna anther back band bar bark beak belly bib bill blade body bract branch breast
    bud build cap centre center cheek chest chin claw coat collar color colour corolla crest crown
    ear exoskeleton eye eye-ring eyebrow face feather fin foot forehead frill fur hair head hood
    hoof horn jaw leaf leg limb line lip mane mark mask mouth muzzle nape neck nose nostril ovary
    patch pattern petal pistil plumage ring rump scale sepal shape shell skin snout spike spine
    spot stalk stamen stem stigma streak stripe style tail texture thorax throat tip toe tongue
    tooth tube tuft tusk underpart underside upperpart whisker wing wingbar wingspan
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class DescriptorFinding:
    """One sentence to look at.

    Parameters
    ----------
    class_name : str
        The class it is said of.
    index : int
        Its place in the class's list, from 0; -1 for the list as a whole.
    kind : str
        ``"which-is"``: read after "which is", the way this field's prompts are built, it says
        that the class *is* its part ("which is a long, hooked bill"). ``"fragment"``: begins in
        the middle of a sentence ("which has ...", "and ..."). ``"chatter"``: talk of whoever
        wrote it. ``"duplicate"``: said before of the same class. ``"long"``: too many words.
        ``"empty"``: nothing said. ``"not-text"``: no string, or no list.
    text : str
        The sentence.

    Examples
    --------
    >>> print(DescriptorFinding("gull", 2, "which-is", "a long bill"))
    gull[2]: which-is: 'a long bill'
    """

    class_name: str
    index: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.class_name}[{self.index}]: {self.kind}: {self.text!r}"


def lint_descriptors(
    descriptors: str | os.PathLike[str] | Mapping[str, object], *, max_words: int = 20
) -> list[DescriptorFinding]:
    """Look for sentences that would harm a class's embedding.

    Whether a noun is a part is decided by a list of parts of animals and plants, marks and
    measures; parts of artefacts ("a handle") are not in it, so ``"which-is"`` is a lower bound.

    Parameters
    ----------
    descriptors : str, path or dict of str to list of str
        The file, or what is in it.
    max_words : int, default=20
        How many words a sentence may have.

    Returns
    -------
    list of DescriptorFinding
        By class and place, a sentence once for each kind that it is of.

    Raises
    ------
    FormatError
        If the file is no JSON object.
    GraphError
        If ``max_words`` is not positive.

    Examples
    --------
    >>> said = ["a seabird", "a long, hooked bill", "A seabird", "Here are its features:"]
    >>> for finding in lint_descriptors({"gull": said}):
    ...     print(finding)
    gull[1]: which-is: 'a long, hooked bill'
    gull[2]: duplicate: 'A seabird'
    gull[3]: chatter: 'Here are its features:'
    """
    if isinstance(max_words, bool) or not isinstance(max_words, int) or max_words < 1:
        raise GraphError(f"max_words is {max_words!r}; it must be a whole number from 1: give 20")
    if not isinstance(descriptors, Mapping):
        path = Path(descriptors)
        descriptors = check_json(path, whole_text(path))
        if not isinstance(descriptors, Mapping):
            raise FormatError(f'{path}:1: no {{"class": ["sentence", ...]}}: write it so')
    found = []
    for name, sentences in descriptors.items():
        if not isinstance(sentences, (list, tuple)):
            found.append(DescriptorFinding(name, -1, "not-text", str(sentences)))
        elif not sentences:
            found.append(DescriptorFinding(name, -1, "empty", ""))
        else:
            found += [
                DescriptorFinding(name, index, kind, str(sentences[index]))
                for index, kind in _kinds(sentences, max_words)
            ]
    return found


def _kinds(
    sentences: list[object] | tuple[object, ...], max_words: int
) -> Iterator[tuple[int, str]]:
    seen = set()
    for index, sentence in enumerate(sentences):
        if not isinstance(sentence, str):
            yield index, "not-text"
            continue
        text = " ".join(sentence.split())
        if not text:
            yield index, "empty"
            continue
        if _reads_as_kind(text):
            yield index, "which-is"
        if _FRAGMENT.match(text):
            yield index, "fragment"
        if _CHATTER.search(text):
            yield index, "chatter"
        if fold(text) in seen:
            yield index, "duplicate"
        if text.count(" ") >= max_words:
            yield index, "long"
        seen.add(fold(text))


def _reads_as_kind(text: str) -> bool:
    """Whether it begins like what a thing is ("a bird") and names a part ("a bill")."""
    match = _ARTICLE.match(text)
    if match is None:
        return False
    words = _NOUN_ENDS.split(match["rest"] + " ", maxsplit=1)[0].split()
    noun = words[-1].strip(",\"'").casefold() if words else ""
    return noun in _PARTS or noun.rpartition("-")[2] in _PARTS or noun.removesuffix("s") in _PARTS
