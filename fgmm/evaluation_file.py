"""Evaluations at several numbers of shots in one JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fewshot.errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fewshot import Comparison

__all__ = ["load_evaluations", "save_evaluations"]

_FORMAT = "fgmm-evaluations-1"


def save_evaluations(
    path: str | Path, found: Mapping[int, Comparison], about: Mapping[str, Any]
) -> None:
    """Write evaluations; the file appears under its name only when it is whole.

    Parameters
    ----------
    path : path
        File to write.
    found : mapping of int to Comparison
        By shots.
    about : mapping
        What was measured: plain values.
    """
    shots = {
        str(n): {name: one.as_dict() for name, one in comparison.items()}
        for n, comparison in found.items()
    }
    write_whole(path, json.dumps({"format": _FORMAT, **about, "shots": shots}, indent=1))


def load_evaluations(path: str | Path) -> dict[int, Comparison]:
    """Read what `save_evaluations` wrote.

    Parameters
    ----------
    path : path
        File to read.

    Returns
    -------
    dict of int to Comparison
        By shots.

    Raises
    ------
    EvaluationError
        If the file is something else.
    """
    from fewshot import Comparison, Evaluation

    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise EvaluationError(
            f"{path} is not JSON ({error}): give what `fgmm evaluate` saved"
        ) from None
    if not isinstance(told, dict) or told.get("format") != _FORMAT:
        raise EvaluationError(f"{path} is no {_FORMAT!r}: give what `fgmm evaluate` saved")
    return {
        int(n): Comparison({name: Evaluation.from_dict(one) for name, one in heads.items()})
        for n, heads in told["shots"].items()
    }


def write_whole(path: str | Path, text: str) -> None:
    """Write a text file that appears under its name only when it is whole.

    Parameters
    ----------
    path : path
    text : str
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
