"""Candidates: the labels a caller gives, and the names that stand for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fgmm.errors import CandidateError
from fgmm.name_folding import fold_name

__all__ = ["CandidateTexts", "Candidates", "candidates_key", "read_candidates"]

CandidateTexts = Iterable[str] | Mapping[str, str | Iterable[str]]
"""What `fgmm.classify` takes: names, or ``{label: name}``, or ``{label: [names]}``."""

_SHOWN = 3
_CURE = "pass a list such as ['great tit', 'blue tit'], or {label: [names]}"


@dataclass(frozen=True, slots=True)
class Candidates:
    """Checked candidates: ``names[i]`` are the names of ``labels[i]``, spaces tidied."""

    labels: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]


def candidates_key(candidates: CandidateTexts) -> tuple[object, ...]:
    """Give the candidates as a tuple that is equal exactly when they are.

    A generator is read; what comes back can be given to `read_candidates` in its place.

    Raises
    ------
    CandidateError
        If ``candidates`` is one string, or nothing that can be listed.
    """
    if isinstance(candidates, (str, bytes)):
        raise CandidateError(
            f"candidates are one text, {candidates!r}: its letters would be taken for labels; "
            f"{_CURE}"
        )
    if isinstance(candidates, Mapping):
        return ("mapping", *((label, _frozen(value)) for label, value in candidates.items()))
    if not isinstance(candidates, Iterable):
        raise CandidateError(f"candidates are {candidates!r}, not a list of texts; {_CURE}")
    return ("list", *candidates)


def _frozen(value: object) -> object:
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return tuple(value)
    return value


def read_candidates(key: tuple[object, ...]) -> Candidates:
    """Check candidates, given as `candidates_key` gives them.

    Parameters
    ----------
    key : tuple

    Returns
    -------
    Candidates

    Raises
    ------
    CandidateError
        If there are none; if a label or name is no string or is empty; or if two labels
        are the same but for case and spaces.

    Examples
    --------
    >>> read_candidates(candidates_key({"Parus major": ["great  tit", "Kohlmeise"]})).names
    (('great tit', 'Kohlmeise'),)
    >>> read_candidates(candidates_key(["great tit", "Great Tit"]))
    Traceback (most recent call last):
    fgmm.errors.CandidateError: 1 candidate is given twice: 'great tit' and 'Great Tit'. ...
    """
    kind, *entries = key
    if not entries:
        raise CandidateError(f"there are no candidates; {_CURE}")
    if kind == "mapping":
        pairs = [entry for entry in entries if isinstance(entry, tuple)]
    else:
        pairs = [(entry, entry) for entry in entries]
    labels = tuple(_checked(label, "candidate", at) for at, (label, _) in enumerate(pairs))
    _refuse_duplicates(labels)
    return Candidates(labels, tuple(_names(label, value) for label, value in pairs))


def _checked(text: object, what: str, position: int) -> str:
    if not isinstance(text, str):
        raise CandidateError(
            f"{what} {position} is {text!r}, a {type(text).__name__}: candidates are strings; "
            f"write {str(text)!r} if that is its name"
        )
    if not text.strip():
        raise CandidateError(
            f"{what} {position} is {text!r}, an empty text: it describes nothing; leave it out"
        )
    return text


def _names(label: object, value: object) -> tuple[str, ...]:
    texts = value if isinstance(value, tuple) else (value,)
    if not texts:
        raise CandidateError(
            f"candidate {label!r} has no texts: give at least one, or leave the candidate out"
        )
    checked = (_checked(text, f"of candidate {label!r}, text", at) for at, text in enumerate(texts))
    return tuple(dict.fromkeys(" ".join(text.split()) for text in checked))


def _refuse_duplicates(labels: tuple[str, ...]) -> None:
    seen: dict[str, str] = {}
    twice = []
    for label in labels:
        folded = fold_name(label)
        if folded in seen:
            twice.append(f"{seen[folded]!r} and {label!r}")
        seen.setdefault(folded, label)
    if twice:
        more = f" and {len(twice) - _SHOWN} more" if len(twice) > _SHOWN else ""
        count = "1 candidate is" if len(twice) == 1 else f"{len(twice)} candidates are"
        raise CandidateError(
            f"{count} given twice: {', '.join(twice[:_SHOWN])}{more}. Labels must differ in more "
            "than case and spaces; leave one out, or give several names of one thing as "
            "{label: [names]}"
        )
