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
    """Read what ``fgmm evaluate --out`` wrote.

    Parameters
    ----------
    path : path
        File to read.

    Returns
    -------
    dict of int to fewshot.Comparison
        By shots; the heads of a number of shots are compared with `Comparison.difference`.

    Raises
    ------
    EvaluationError
        If the file is something else.

    Examples
    --------
    >>> import fewshot, fgmm, tempfile, torch
    >>> from pathlib import Path
    >>> from fgmm.evaluation_file import save_evaluations
    >>> found = fewshot.evaluate(
    ...     {"mean": fewshot.PrototypeHead(), "near": fewshot.NearestNeighbourHead()},
    ...     torch.eye(2).repeat_interleave(4, 0), [0] * 4 + [1] * 4,
    ...     n_way=2, n_shot=1, n_query=2, n_episodes=9,
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_evaluations(Path(folder) / "result.json", {1: found}, {"source": "made up"})
    ...     again = fgmm.load_evaluations(Path(folder) / "result.json")
    >>> again[1]["mean"].mean, again[1].difference("mean", "near").mean
    (1.0, 0.0)
    """
    from fewshot import Comparison, Evaluation
    from fewshot.evaluation import read_json

    told = read_json(path)
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
