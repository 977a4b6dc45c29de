"""RDF in Turtle, N-Triples or RDF/XML: SKOS concepts, and classes of RDFS and OWL. Needs rdflib.

An id is the whole address. Labels in English or in no language are common names, in ``la``
scientific ones; alternative labels are synonyms; all others are names in other languages.
``skos:broader``, ``skos:narrower`` and ``rdfs:subClassOf`` are is-a; definitions and comments are
descriptions. Nothing is fetched: imports are not followed.

References
----------
SKOS reference: https://www.w3.org/TR/skos-reference/
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from knowledge.errors import FormatError
from knowledge.readers.contents import whole_bytes, whole_text
from knowledge.readers.draft import Draft
from knowledge.readers.sample import Sample
from knowledge.readers.xml_elements import elements, first_element

if TYPE_CHECKING:
    from pathlib import Path

    from knowledge.graph import KnowledgeGraph

__all__ = ["MAX_NESTING", "matches", "read"]

MAX_NESTING = 100
_TURTLE = re.compile(
    r"(#.*\n\s*)*(@prefix\s|@base\s|prefix\s|base\s|<[a-z][a-z0-9+.-]*:[^\s>]*>\s)", re.I
)
# Texts, addresses and comments, which may hold brackets of their own, and brackets. A text that
# does not close runs on, so that no place is looked at twice.
_TOKEN = re.compile(
    r"""\"{3}(?:[^\\]|\\.)*?(?:\"{3}|\Z)|'{3}(?:[^\\]|\\.)*?(?:'{3}|\Z)"""
    r"""|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|<[^<>\s]*>|\#[^\n]*|[\[(\])\n]""",
    re.DOTALL,
)
_THING = "http://www.w3.org/2002/07/owl#Thing"


def matches(sample: Sample) -> bool:
    """Whether the first element is RDF, or the first line is of Turtle or N-Triples."""
    return first_element(sample.text) == "RDF" or _TURTLE.match(sample.text) is not None


def read(path: Path) -> KnowledgeGraph:
    """Read concepts and classes; see the module."""
    try:
        from rdflib import RDF, RDFS, URIRef
        from rdflib.namespace import OWL, SKOS
    except ModuleNotFoundError:
        raise FormatError(
            f"{path}:1: RDF is read by rdflib, which is not installed: pip install 'fgmm[rdf]'"
        ) from None
    facts = _parse(path)
    draft = Draft(path)
    pairs = [
        *((s, o) for p in (SKOS.broader, RDFS.subClassOf) for s, o in facts.subject_objects(p)),
        *((o, s) for s, o in facts.subject_objects(SKOS.narrower)),
    ]
    pairs = [(s, o) for s, o in pairs if isinstance(s, URIRef) and isinstance(o, URIRef)]
    kinds = (SKOS.Concept, RDFS.Class, OWL.Class)
    found = {s for kind in kinds for s in facts.subjects(RDF.type, kind) if isinstance(s, URIRef)}
    found |= {*facts.subjects(SKOS.prefLabel, None)} | {one for pair in pairs for one in pair}
    for one in sorted(found, key=str):
        if isinstance(one, URIRef) and str(one) != _THING:
            _add(draft, one, {p: [*facts.objects(one, p)] for p in facts.predicates(one, None)})
    for child, parent in sorted({(str(s), str(o)) for s, o in pairs if str(o) != _THING}):
        draft.relation(1, child, "is-a", parent)
    if not len(draft.graph):
        raise draft.error(1, "no SKOS concept and no class: give types, labels or skos:broader")
    return draft.graph


def _add(draft: Draft, one: Any, said: dict[Any, list[Any]]) -> None:
    """Add one concept with its labels and texts."""
    from rdflib import RDFS, Literal
    from rdflib.namespace import DCTERMS, SKOS

    names: dict[str, list[Any]] = {"common": [], "scientific": [], "synonyms": []}
    others, texts = [], []
    label_of = [(SKOS.prefLabel, "common"), (RDFS.label, "common"), (SKOS.altLabel, "synonyms")]
    for predicate, field in label_of:
        for label in sorted(x for x in said.get(predicate, ()) if isinstance(x, Literal)):
            language = label.language or "en"
            if language == "la" or language.split("-")[0] == "en":
                where = "scientific" if language == "la" and field == "common" else field
                if str(label) not in names[where]:
                    names[where].append(str(label))
            else:
                others.append(draft.text(1, str(label), language=language))
    for predicate in (SKOS.definition, RDFS.comment, DCTERMS.description):
        texts += [
            draft.text(1, str(text), language=text.language or "en")
            for text in sorted(t for t in said.get(predicate, ()) if isinstance(t, Literal))
        ]
    draft.concept(1, str(one), **names, other_names=others, descriptions=texts)


def _parse(path: Path) -> Any:
    """Triples of a file; parsed as what it is, by its content."""
    import rdflib
    from rdflib.plugins.parsers.notation3 import BadSyntax

    data = whole_bytes(path)
    is_xml = Sample.of(path).text.startswith("<") and not _TURTLE.match(Sample.of(path).text)
    if is_xml:
        elements(data, str(path))  # before rdflib sees it: no entities, no depth
    else:
        _check_nesting(path, whole_text(path))
    try:
        return rdflib.Graph().parse(data=data, format="xml" if is_xml else "turtle")
    except BadSyntax as error:
        # Its own count of lines runs ahead at the end of a file.
        line = data.decode("utf-8-sig").count("\n", 0, error._i) + 1
        raise FormatError(f"{path}:{line}: no Turtle: {error._why}: correct it there") from None
    except RecursionError:
        raise FormatError(f"{path}:1: nested too deep: flatten it") from None
    except Exception as error:  # rdflib and its parsers raise of all sorts
        said = " ".join(str(error).split())[:200]
        raise FormatError(f"{path}:1: no RDF that can be read: {said}: correct it") from None


def _check_nesting(path: Path, text: str) -> None:
    """Refuse brackets within brackets before the parser, which recurses, meets them."""
    depth, line = 0, 1
    for match in _TOKEN.finditer(text):
        token = match[0]
        line += token.count("\n")
        depth += {"[": 1, "(": 1, "]": -1, ")": -1}.get(token, 0)
        if depth > MAX_NESTING:
            raise FormatError(f"{path}:{line}: brackets more than {MAX_NESTING} deep: flatten them")
