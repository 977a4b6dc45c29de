"""Several heads on the same episodes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fewshot.errors import EvaluationError
from fewshot.evaluation import Evaluation, read_json

if TYPE_CHECKING:
    from fewshot.intervals import Difference

__all__ = ["Comparison"]


class Comparison(Mapping[str, Evaluation]):
    """Several heads on the same episodes, by name.

    Its `repr` has a line for each, the best first, and marks transductive heads.

    Parameters
    ----------
    found : mapping of str to Evaluation
        All of the same episodes.

    Examples
    --------
    >>> import fewshot, torch
    >>> x = torch.eye(4).repeat_interleave(10, 0)
    >>> y = [i // 10 for i in range(40)]
    >>> heads = {"mean": fewshot.PrototypeHead(), "centred": fewshot.SimpleShotHead()}
    >>> both = fewshot.evaluate(heads, x, y, n_way=3, n_shot=1, n_query=5, n_episodes=20, seed=0)
    >>> both.difference("mean", "centred").mean
    0.0
    """

    def __init__(self, found: Mapping[str, Evaluation]) -> None:
        self._found = dict(found)

    def __getitem__(self, name: str) -> Evaluation:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return "\n".join(map(repr, sorted(self.values(), key=lambda e: -e.mean)))

    def difference(self, one: str, other: str) -> Difference:
        """Compare two heads, paired by episode.

        Parameters
        ----------
        one, other : str
            Names.

        Returns
        -------
        Difference
            ``one`` minus ``other``.
        """
        return self[one].minus(self[other])

    def save(self, path: str | Path) -> None:
        """Write all of them into one JSON file.

        Parameters
        ----------
        path : str or Path
            File to write.
        """
        told = {name: found.as_dict() for name, found in self.items()}
        Path(path).write_text(json.dumps(told, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Comparison:
        """Read a file that `save` wrote.

        Parameters
        ----------
        path : str or Path
            File to read.

        Returns
        -------
        Comparison

        Raises
        ------
        EvaluationError
            If the file is something else.
        """
        told = read_json(path)
        if not isinstance(told, dict) or "format" in told:
            raise EvaluationError(
                f"{path} does not hold a comparison: give what Comparison.save wrote, or read a "
                "single evaluation with Evaluation.load"
            )
        return cls({name: Evaluation.from_dict(found) for name, found in told.items()})
