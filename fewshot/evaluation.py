"""What an evaluation found, with its intervals, and how two of them compare."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fewshot.errors import EvaluationError

__all__ = ["Comparison", "Difference", "Evaluation"]

_FORMAT = "fewshot-evaluation-1"
_RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One head minus another, on the same episodes.

    Parameters
    ----------
    mean : float
        Mean difference of accuracies, in [-1, 1].
    ci95 : tuple of float
        95 % interval over episodes, paired.
    class_ci95 : tuple of float
        95 % interval of a bootstrap over classes, paired: wider, and the honest one where
        classes are few.

    Examples
    --------
    >>> Difference(0.02, (0.01, 0.03), (-0.01, 0.05)).mean
    0.02
    """

    mean: float
    ci95: tuple[float, float]
    class_ci95: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """One head over many episodes.

    Parameters
    ----------
    head : str
        Its name.
    protocol : str
        How the head's strengths were chosen: "no-val" unless something else was said.
    setting : dict
        ``n_way``, ``n_shot``, ``n_query``, ``n_episodes``, ``seed``, ``split_id`` (equal ids,
        equal episodes), ``space`` of the features if told, and versions.
    classes : tuple
        Every class that could be drawn.
    accuracies : Tensor of shape (n_episodes,)
        Share of queries right, in [0, 1].
    class_right, class_tried : Tensor of shape (len(classes),)
        Queries of each class, and how many were right.
    bins : Tensor of shape (3, 15)
        For 15 equal bins of the highest probability (softmax of the head's logits): its sum,
        queries right, queries.

    Examples
    --------
    >>> import fewshot, torch
    >>> x = torch.eye(4).repeat_interleave(10, 0)
    >>> y = [i // 10 for i in range(40)]
    >>> found = fewshot.evaluate(
    ...     fewshot.PrototypeHead(), x, y, n_way=3, n_shot=1, n_query=5, n_episodes=20, seed=0
    ... )
    >>> found.mean, found.ci95
    (1.0, (1.0, 1.0))
    """

    head: str
    protocol: str
    setting: Mapping[str, Any]
    classes: tuple[Any, ...]
    accuracies: Tensor
    class_right: Tensor
    class_tried: Tensor
    bins: Tensor

    @property
    def mean(self) -> float:
        """Mean accuracy over episodes, in [0, 1]."""
        return float(self.accuracies.mean())

    @property
    def ci95(self) -> tuple[float, float]:
        """95 % interval of the mean over episodes: it knows nothing of other classes."""
        return _interval(self.accuracies)

    @property
    def per_class(self) -> dict[Any, float]:
        """Accuracy of each class that was drawn, in [0, 1]."""
        rates = (self.class_right / self.class_tried).tolist()
        return {c: r for c, r, n in zip(self.classes, rates, self.class_tried, strict=True) if n}

    @property
    def macro(self) -> float:
        """Mean of the per-class accuracies, in [0, 1]."""
        return float(np.mean(list(self.per_class.values())))

    @property
    def class_ci95(self) -> tuple[float, float]:
        """95 % interval of `macro` by a bootstrap over classes: how other classes might fare."""
        return _bootstrap(np.array(list(self.per_class.values())))

    @property
    def ece(self) -> float:
        """Expected calibration error of the softmax of the logits, in [0, 1], 15 bins."""
        confidence, right, n = self.bins
        return float((confidence - right).abs().sum() / n.sum())

    def __repr__(self) -> str:
        low, high = (100 * x for x in self.ci95)
        worst, best = (100 * x for x in self.class_ci95)
        s = self.setting
        return (
            f"<{self.head}: {100 * self.mean:.1f} % [{low:.1f}, {high:.1f}], over classes "
            f"[{worst:.1f}, {best:.1f}]; {s['n_way']}-way {s['n_shot']}-shot, "
            f"{s['n_episodes']} episodes, {self.protocol}>"
        )

    def minus(self, other: Evaluation) -> Difference:
        """Compare with another head on the same episodes.

        Parameters
        ----------
        other : Evaluation
            With the same ``split_id`` and number of episodes.

        Returns
        -------
        Difference
            This one minus the other.

        Raises
        ------
        EvaluationError
            If the two did not see the same episodes.
        """
        for key in ("split_id", "n_episodes"):
            if self.setting[key] != other.setting[key]:
                raise EvaluationError(
                    f"{self.head} and {other.head} saw other episodes ({key} {self.setting[key]} "
                    f"and {other.setting[key]}): evaluate them in one call to compare them"
                )
        gap = self.accuracies - other.accuracies
        drawn = self.class_tried > 0
        per_class = ((self.class_right - other.class_right) / self.class_tried)[drawn]
        return Difference(float(gap.mean()), _interval(gap), _bootstrap(per_class.numpy()))

    def save(self, path: str | Path) -> None:
        """Write everything as JSON.

        Parameters
        ----------
        path : str or Path
            File to write.
        """
        Path(path).write_text(json.dumps(self.as_dict(), indent=1), encoding="utf-8")

    def as_dict(self) -> dict[str, Any]:
        """Give everything as plain numbers and strings, with the summary on top.

        Returns
        -------
        dict
        """
        summary = {
            "mean": self.mean,
            "ci95": self.ci95,
            "macro": self.macro,
            "class_ci95": self.class_ci95,
            "ece": self.ece,
        }
        told = asdict(_Plain(self.head, self.protocol, dict(self.setting), list(self.classes)))
        tensors = {
            "accuracies": self.accuracies.tolist(),
            "class_right": self.class_right.tolist(),
            "class_tried": self.class_tried.tolist(),
            "bins": self.bins.tolist(),
        }
        return {"format": _FORMAT, "summary": summary, **told, **tensors}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Evaluation:
        """Read what `as_dict` gave.

        Parameters
        ----------
        found : mapping
            As read from JSON.

        Returns
        -------
        Evaluation

        Raises
        ------
        EvaluationError
            If it is something else.
        """
        if found.get("format") != _FORMAT:
            raise EvaluationError(
                f"format is {found.get('format')!r}, not {_FORMAT!r}: this is not an evaluation "
                "saved by fewshot, or by another version of it"
            )
        names = ("accuracies", "class_right", "class_tried", "bins")
        return cls(
            found["head"],
            found["protocol"],
            found["setting"],
            tuple(found["classes"]),
            *(torch.tensor(found[name], dtype=torch.float64) for name in names),
        )

    @classmethod
    def load(cls, path: str | Path) -> Evaluation:
        """Read a file that `save` wrote.

        Parameters
        ----------
        path : str or Path
            File to read.

        Returns
        -------
        Evaluation

        Raises
        ------
        EvaluationError
            If the file is something else.
        """
        try:
            found = json.loads(Path(path).read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise EvaluationError(
                f"{path} is not JSON ({error}): give a saved evaluation"
            ) from None
        return cls.from_dict(found)


@dataclass
class _Plain:
    head: str
    protocol: str
    setting: dict[str, Any]
    classes: list[Any] = field(default_factory=list)


class Comparison(Mapping[str, Evaluation]):
    """Several heads on the same episodes, by name.

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
        """
        told = json.loads(Path(path).read_text(encoding="utf-8"))
        return cls({name: Evaluation.from_dict(found) for name, found in told.items()})


def _interval(values: Tensor) -> tuple[float, float]:
    mean = float(values.mean())
    if len(values) < 2:
        return float("nan"), float("nan")
    half = 1.959964 * float(values.std()) / len(values) ** 0.5
    return mean - half, mean + half


def _bootstrap(per_class: np.ndarray) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(per_class), size=(_RESAMPLES, len(per_class)))
    low, high = np.quantile(per_class[drawn].mean(1), (0.025, 0.975))
    return float(low), float(high)
