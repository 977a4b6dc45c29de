"""Labels from the command line or a file."""

from __future__ import annotations

import csv
import json
from collections import Counter
from typing import TYPE_CHECKING

from fgmm.errors import CandidateError
from fgmm.name_folding import fold_name

if TYPE_CHECKING:
    from pathlib import Path

    from fgmm.candidates import CandidateTexts

__all__ = ["check_labels", "read_label_file", "repeated_labels", "split_labels"]

_SHOWN = 3


def check_labels(labels: CandidateTexts) -> None:
    """Refuse labels that cannot be told apart, before anything slow is done.

    The rules are those of `fgmm.classify`; what is said here speaks of the command's options.

    Parameters
    ----------
    labels : list of str or dict of str to list of str

    Raises
    ------
    CandidateError
        If there are none, one is empty, or two are the same but for case and spaces.

    Examples
    --------
    >>> check_labels(["great tit", "Great Tit"])
    Traceback (most recent call last):
    fgmm.errors.CandidateError: 'great tit' is given 2 times (also as 'Great Tit')...
    """
    from fgmm.candidates import candidates_key, read_candidates

    spellings: dict[str, list[str]] = {}
    for label in labels:
        if isinstance(label, str) and label.strip():
            spellings.setdefault(fold_name(label), []).append(label)
    repeated = [_told_repeat(given) for given in spellings.values() if len(given) > 1]
    if repeated:
        more = f"; and {len(repeated) - _SHOWN} more" if len(repeated) > _SHOWN else ""
        raise CandidateError(
            f"{'; '.join(repeated[:_SHOWN])}{more}. Case and spaces make no difference: give each "
            "once. Several names of one thing go into a JSON --labels-file, "
            'as {"great tit": ["great tit", "Parus major"]}'
        )
    if not isinstance(labels, (str, bytes)) and not labels:
        raise CandidateError(
            'there are no candidates: give some, as in --labels "great tit, blue tit", or in a '
            "--labels-file"
        )
    read_candidates(candidates_key(labels))


def _told_repeat(given: list[str]) -> str:
    others = [repr(label) for label in dict.fromkeys(given) if label != given[0]]
    also = f" (also as {', '.join(others)})" if others else ""
    return f"{given[0]!r} is given {len(given)} times{also}"


def split_labels(text: str) -> list[str]:
    """Split labels at commas; a label that holds a comma stands in double quotes.

    Examples
    --------
    >>> split_labels('great tit, blue tit, "tit, coal"')
    ['great tit', 'blue tit', 'tit, coal']
    """
    rows = list(csv.reader([text], skipinitialspace=True))
    return [label.strip() for label in rows[0] if label.strip()] if rows else []


def read_label_file(path: Path) -> CandidateTexts:
    r"""Read a file of labels.

    Parameters
    ----------
    path : Path
        JSON (a list of labels, ``{label: text}`` or ``{label: [texts]}``), or a label a line:
        ``label``, or ``label<TAB>text``, where each further tab is followed by another text, and
        the same label may come again with others. Empty lines are skipped, and so are comments:
        a lone ``#``, and what begins with ``#`` and a space.

    Returns
    -------
    list of str or dict of str to list of str

    Raises
    ------
    CandidateError
        If the file is not one of these, or holds no label.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CandidateError(
            f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8"
        ) from None
    if path.suffix.lower() == ".json" or _is_json(content):
        return _read_json(content, path)
    lines = _lines(content)
    if not lines:
        raise CandidateError(f"{path} holds no label: write one a line")
    if not any("\t" in line for line in lines):
        return [line.strip() for line in lines]
    texts: dict[str, list[str]] = {}
    for line in lines:
        label, *more = (part.strip() for part in line.split("\t"))
        texts.setdefault(label, []).extend([text for text in more if text] or [label])
    return texts


def repeated_labels(path: Path) -> dict[str, int]:
    """Count labels that stand on several lines of a file that `read_label_file` reads.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to int
        How often each stands there. Empty for JSON, in which none can.
    """
    content = path.read_text(encoding="utf-8-sig")
    if path.suffix.lower() == ".json" or _is_json(content):
        return {}
    counts = Counter(line.partition("\t")[0].strip() for line in _lines(content))
    return {label: n for label, n in counts.items() if n > 1}


def _lines(content: str) -> list[str]:
    return [line for line in content.splitlines() if line.strip() and not _is_comment(line)]


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("# ") or line.strip() == "#"  # "#1 dahlia" is a label


def _is_json(content: str) -> bool:
    if content.lstrip()[:1] not in ("{", "["):  # a list of one number is a label
        return False
    try:
        json.loads(content)
    except ValueError:
        return False
    return True


def _read_json(content: str, path: Path) -> CandidateTexts:
    try:
        value: object = json.loads(content, object_pairs_hook=_refuse_repeats)
    except json.JSONDecodeError as error:
        raise CandidateError(f"{path} is not JSON: {error}") from None
    if isinstance(value, (list, dict)):
        return value
    raise CandidateError(
        f'{path} holds {value!r}: write a list of labels, or {{"label": ["text", ...]}}'
    )


def _refuse_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        labels = [label for label, _ in pairs]
        twice = next(label for label in labels if labels.count(label) > 1)
        raise CandidateError(f"label {twice!r} is given twice: put its texts into one list")
    return mapping
