"""What the field guide knows, as a graph: no fact in it is a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fgmm.fieldguide.guide import FieldGuide
from fgmm.fieldguide.species import ATTRIBUTES

if TYPE_CHECKING:
    from knowledge import KnowledgeGraph

__all__ = ["graph"]

# The part each attribute is about; parts that `drawing.PARTS` lists have a box in every picture.
_PARTS = {
    "size": "",
    "bill shape": "bill",
    "bill colour": "bill",
    "back colour": "back",
    "breast colour": "breast",
    "breast pattern": "breast",
    "crown": "crown",
    "crest": "crest",
    "eyebrow": "eyebrow",
    "eye ring": "eye ring",
    "throat": "throat",
    "wing bars": "wing bar",
    "tail shape": "tail",
    "legs": "legs",
}


def graph(guide: FieldGuide | None = None) -> KnowledgeGraph:
    """Make the graph of a guide: species below genera below birds, each with all its attributes.

    A species has one value of every key of `ATTRIBUTES`, with strength 1; those it does not have
    are not in the graph. What is not there is an attribute too: a bird without a crest has ``no``
    of the part ``crest``. Novel and base species stand side by side; the guide tells them apart.

    Parameters
    ----------
    guide : FieldGuide, optional
        Guide 0 if not given.

    Returns
    -------
    KnowledgeGraph
        The id of a species is its common name, that of a genus the second word of it. The
        description is the species' sentence.

    Examples
    --------
    >>> birds = graph()
    >>> len(birds.leaves()), [bird.name for bird in birds.roots()]
    (240, ['bird'])
    >>> guide = FieldGuide()
    >>> birds.attributes(guide.species[0].name, part="tail") == {
    ...     guide.species[0].attributes["tail shape"]: 1.0}
    True
    """
    from knowledge import Concept, KnowledgeGraph, Relation, Text

    guide = FieldGuide() if guide is None else guide
    source = f"field guide {guide.seed}"
    made = KnowledgeGraph()
    made.add(Concept("bird", rank="class", source=source))
    for part in dict.fromkeys(filter(None, _PARTS.values())):
        made.add(Concept(part, kind="part", source=source))
    for value in dict.fromkeys(value for values in ATTRIBUTES.values() for value in values):
        made.add(Concept(value, kind="attribute", source=source))
    for genus in dict.fromkeys(species.genus for species in guide.species):
        made.add(Concept(genus, rank="genus", source=source))
        made.add(Relation(genus, "is-a", "bird", source=source))
    for species in guide.species:
        name = species.name
        made.add(
            Concept(
                name,
                common=(name,),
                scientific=(species.scientific_name,),
                rank="species",
                descriptions=(Text(species.sentence, source=source),),
                source=source,
            ),
            Relation(name, "is-a", species.genus, source=source),
            *(
                Relation(name, "has-attribute", value, part=_PARTS[key], source=source)
                for key, value in species.attributes.items()
            ),
        )
    return made
