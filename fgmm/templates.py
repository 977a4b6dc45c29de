"""Templates: sentences with a gap for a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from fgmm.articles import choose_article, has_article
from fgmm.errors import CandidateError

__all__ = [
    "DEFAULT_TEMPLATES",
    "Template",
    "Templates",
    "check_concept",
    "check_templates",
    "fill_templates",
    "texts_of",
]

Template = str | Callable[[str], str]
Templates = Template | Iterable[Template]

DEFAULT_TEMPLATES: tuple[str, ...] = ("{}", "a photo of a {}.")

_ARTICLE_AND_SLOT = re.compile(r"\b(an?)(\s+)\{\}", re.IGNORECASE)


def fill_templates(
    name: str, templates: Templates | None = None, concept: str | None = None
) -> tuple[str, ...]:
    """Write the texts for one name.

    An "a" or "an" before the gap is made to fit the name, and left out where the name
    brings its own article.

    Parameters
    ----------
    name : str
    templates : str, callable, or iterable of them, optional
        Where the name goes into a string is written ``{}``; a callable is given the name.
        None is `DEFAULT_TEMPLATES`: the name alone, and ``"a photo of a {}."``.
    concept : str, optional
        What kind of thing it is: "bird" makes "a photo of a tit, a bird."

    Returns
    -------
    tuple of str
        One text a template, without repetition.

    Raises
    ------
    CandidateError
        If a template has no ``{}``, or a callable gives no text.

    Examples
    --------
    >>> fill_templates("owl", "a blurry photo of a {}.", "bird")
    ('a blurry photo of an owl, a bird.',)
    >>> fill_templates("owl", lambda name: name.upper(), None)
    ('OWL',)
    """
    return texts_of((name,), check_templates(templates), check_concept(concept))


def check_templates(templates: Templates | None) -> tuple[Template, ...]:
    """Give templates as a tuple, or raise `fgmm.errors.CandidateError`."""
    if templates is None:
        return DEFAULT_TEMPLATES
    several: Iterable[Template]
    several = (templates,) if isinstance(templates, str) or callable(templates) else templates
    if not isinstance(several, Iterable):
        raise CandidateError(f"templates are {templates!r}: pass 'a photo of a {{}}.' or a list")
    checked = tuple(several)
    if not checked:
        raise CandidateError("there are no templates; leave templates=None for the usual ones")
    for template in checked:
        if not isinstance(template, str) and not callable(template):
            raise CandidateError(
                f"template {template!r} is neither a string with {{}} nor a callable"
            )
        if isinstance(template, str) and "{}" not in template:
            raise CandidateError(
                f"template {template!r} has no {{}}: every candidate would get the same text; "
                "write {} where the name goes"
            )
    return checked


def check_concept(concept: str | None) -> str | None:
    """Give a concept with its spaces tidied, or raise `fgmm.errors.CandidateError`."""
    if concept is None:
        return None
    if not isinstance(concept, str) or not concept.strip():
        raise CandidateError(
            f"concept is {concept!r}: it is a word for all candidates, such as 'bird', or None"
        )
    return " ".join(concept.split())


def texts_of(
    names: tuple[str, ...], templates: tuple[Template, ...], concept: str | None
) -> tuple[str, ...]:
    """Write the texts of one class: every name in every template, without repetition."""
    described = (_with_concept(name, concept) for name in names)
    texts = [_fill(template, name) for name in described for template in templates]
    return tuple(dict.fromkeys(texts))


def _with_concept(name: str, concept: str | None) -> str:
    if concept is None or name.casefold() == concept.casefold():
        return name
    article = "" if has_article(concept) else f"{choose_article(concept)} "
    return f"{name}, {article}{concept}"


def _fill(template: Template, name: str) -> str:
    if not isinstance(template, str):
        text = template(name)
        if not isinstance(text, str) or not text.strip():
            raise CandidateError(
                f"template {template!r} gave {text!r} for {name!r}: it must give a text"
            )
        return text

    def with_article(match: re.Match[str]) -> str:
        if has_article(name):
            return "{}"
        article = choose_article(name)
        first = match[1][0]
        return f"{article.title() if first.isupper() else article}{match[2]}{{}}"

    # Only {} is replaced: a name may hold braces, and other braces are no format.
    text = _ARTICLE_AND_SLOT.sub(with_article, template).replace("{}", name)
    return text[:-1] if text.endswith("..") and name.endswith(".") else text
