"""What an evaluation found, with its intervals, and its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fewshot.errors import EvaluationError
from fewshot.intervals import Difference, class_interval, normal_interval

__all__ = ["Evaluation", "read_json"]

_FORMAT = "fewshot-evaluation-1"
_TENSORS = ("accuracies", "class_right", "class_tried", "bins")


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
        equal episodes), ``space`` of the features if told, ``background`` (whether there was one),
        ``transductive`` (whether the head saw an episode's queries together), and versions.
        Kept as plain Python values, ranges as tuples, so that a file gives back the same.
    classes : tuple
        Every class that could be drawn.
    accuracies : Tensor of shape (n_episodes,)
        Share of queries right, in [0, 1].
    class_right, class_tried : Tensor of shape (len(classes),)
        How many queries of each class were right, and how many there were. Where n classes
        share the highest logit, one of them right counts as 1 / n.
    bins : Tensor of shape (3, 15)
        For 15 equal bins of the highest probability (softmax of the head's logits): its sum,
        queries right, queries.

    Attributes
    ----------
    mean : float
        Mean accuracy over episodes, in [0, 1].
    ci95 : tuple of float
        95 % interval of ``mean`` over episodes, in [0, 1]: for these pictures.
    per_class : dict of label to float
        Accuracy of each class that was drawn, in [0, 1].
    macro : float
        Mean of ``per_class``, in [0, 1].
    class_ci95 : tuple of float
        95 % interval of ``macro`` over classes, in [0, 1]: how other classes might fare.
    ece : float
        Expected calibration error of the softmax of the logits, in [0, 1].
    transductive : bool
        Whether the head saw an episode's queries together: not to be ranked beside the others.

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

    def __post_init__(self) -> None:
        object.__setattr__(self, "setting", _plain(self.setting))

    @property
    def mean(self) -> float:
        """Mean accuracy over episodes, in [0, 1]."""
        return float(self.accuracies.mean())

    @property
    def ci95(self) -> tuple[float, float]:
        """95 % interval of `mean` over episodes, in [0, 1]: how well these pictures were measured.

        More episodes make it narrower, and not what is known about new pictures or classes.
        """
        return normal_interval(self.accuracies)

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
        """95 % interval of `macro` over classes, in [0, 1]: how other classes might fare."""
        return class_interval(np.array(list(self.per_class.values())))

    @property
    def transductive(self) -> bool:
        """Whether the head saw an episode's queries together; False where it was not told."""
        return bool(self.setting.get("transductive", False))

    @property
    def ece(self) -> float:
        """Expected calibration error of the softmax of the logits, in [0, 1], 15 bins."""
        confidence, right, n = self.bins
        return float((confidence - right).abs().sum() / n.sum())

    def __repr__(self) -> str:
        low, high = (100 * x for x in self.ci95)
        worst, best = (100 * x for x in self.class_ci95)
        s = self.setting
        joint = ", transductive: queries together" if self.transductive else ""
        return (
            f"<{self.head}: {100 * self.mean:.1f} % [{low:.1f}, {high:.1f}], over classes "
            f"[{worst:.1f}, {best:.1f}]; {s['n_way']}-way {s['n_shot']}-shot, "
            f"{s['n_episodes']} episodes, {self.protocol}{joint}>"
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
        return Difference(
            float(gap.mean()),
            normal_interval(gap, (-1, 1)),
            class_interval(per_class.numpy(), (-1, 1)),
        )

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
            # a single episode has no interval, and JSON has no NaN
            "ci95": self.ci95 if len(self.accuracies) > 1 else None,
            "macro": self.macro,
            "class_ci95": self.class_ci95,
            "ece": self.ece,
        }
        told = {
            "head": self.head,
            "protocol": self.protocol,
            "setting": dict(self.setting),
            "classes": list(self.classes),
        }
        tensors = {name: getattr(self, name).tolist() for name in _TENSORS}
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
        told = found.get("format") if isinstance(found, Mapping) else None
        if told != _FORMAT:
            raise EvaluationError(
                f"format is {told!r}, not {_FORMAT!r}: this is not an evaluation saved by fewshot, "
                "or by another version of it"
            )
        try:
            return cls(
                found["head"],
                found["protocol"],
                found["setting"],
                tuple(found["classes"]),
                *(torch.tensor(found[name], dtype=torch.float64) for name in _TENSORS),
            )
        except KeyError as missing:
            raise EvaluationError(
                f"there is no {missing} in it: the file was changed after it was saved"
            ) from None

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
        return cls.from_dict(read_json(path))


def _plain(value: Any) -> Any:
    """Give numbers of numpy and torch as Python's, lists as tuples."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(map(_plain, value))
    return value.item() if isinstance(value, (np.generic, Tensor)) else value


def read_json(path: str | Path) -> Any:
    """Read a file of JSON, or say that it is none."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # UnicodeDecodeError is one too
        raise EvaluationError(f"{path} is not JSON ({error}): give a saved evaluation") from None
