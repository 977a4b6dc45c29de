"""CUB-200-2011's attributes of classes: a folder, as published or with its files side by side.

Read are ``classes.txt``, ``attributes.txt``, ``class_attribute_labels_continuous.txt`` (percent,
a row a class) and, where it is there, ``parts.txt``. Ids are as published; the strength is the
share of annotators, 0 to 1, who saw the attribute in the class's pictures.

References
----------
C. Wah, S. Branson, P. Welinder, P. Perona, S. Belongie. The Caltech-UCSD Birds-200-2011 dataset.
Technical report CNS-TR-2011-001, California Institute of Technology, 2011.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from knowledge.readers.draft import Draft
from knowledge.readers.matrix import entries, fill, find_file

if TYPE_CHECKING:
    from pathlib import Path

    from knowledge.graph import KnowledgeGraph
    from knowledge.readers.sample import Sample

__all__ = ["attribute_name", "matches", "read"]

_MATRIX = "class_attribute_labels_continuous.txt"
_WHOLE = ("", "primary")  # has_shape, has_size, has_primary_color: of the bird, not of a part


def matches(sample: Sample) -> bool:
    """Whether a folder has the matrix of classes and attributes."""
    return _MATRIX in sample.names


def read(path: Path) -> KnowledgeGraph:
    """Read the folder; see the module."""
    source = "CUB-200-2011"
    classes = Draft(find_file(path, "classes.txt"), source=source)
    birds = entries(classes)
    for line, name in birds:
        number, _, common = name.partition(".")
        if not (number.isdigit() and common):
            raise classes.error(
                line, f"{name!r} is no class such as 001.Black_footed_Albatross: correct it"
            )
        classes.concept(line, name, common=[common.replace("_", " ")], rank="species")
    draft = Draft(find_file(path, "attributes.txt"), source=source, graph=classes.graph)
    attributes = []
    for line, name in entries(draft):
        part, readable = attribute_name(name)
        if not readable:
            raise draft.error(
                line, f"{name!r} is no attribute such as has_bill_shape::hooked: correct it"
            )
        draft.concept(line, name, kind="attribute", common=[readable])
        if part:
            draft.mention(line, part, "part")
        attributes.append((name, part))
    matrix = Draft(find_file(path, _MATRIX), source=source, graph=draft.graph)
    fill(matrix, [name for _, name in birds], attributes, percent=True)
    parts = find_file(path, "parts.txt", needed=False)
    if parts is not None:
        places = Draft(parts, source=source, graph=draft.graph)
        for line, name in entries(places):
            places.mention(line, name, "part")
    return draft.graph


def attribute_name(name: str) -> tuple[str, str]:
    """Part and readable name of an attribute.

    Parameters
    ----------
    name : str
        As published.

    Returns
    -------
    part : str
        Empty if it is about the whole bird.
    readable : str
        In plain English; empty if the name is of another form.

    Examples
    --------
    >>> attribute_name("has_bill_shape::curved_(up_or_down)")
    ('bill', 'curved (up or down) bill')
    >>> attribute_name("has_upper_tail_color::grey")
    ('upper tail', 'grey upper tail')
    >>> attribute_name("has_bill_length::longer_than_head")
    ('bill', 'bill longer than head')
    >>> attribute_name("has_wing_pattern::multi-colored")
    ('wing', 'multi-colored wing pattern')
    >>> attribute_name("has_primary_color::blue")
    ('', 'blue primary color')
    """
    match = re.fullmatch(r"has_(?:(\w+)_)?(color|length|pattern|shape|size)::(.+)", name)
    if match is None:
        return "", ""
    part, aspect, value = ((text or "").replace("_", " ") for text in match.groups())
    if part in _WHOLE:
        return "", " ".join(f"{value} {part} {aspect}".split())
    if aspect == "length":
        return part, f"{part} {value}"
    if aspect == "pattern":
        return part, f"{value} {part} {aspect}"
    if re.search(rf"\b{part}s?$", value):  # has_tail_shape::forked_tail, ::rounded-wings
        return part, value.replace(f"-{part}", f" {part}")
    return part, f"{value} {part}"
