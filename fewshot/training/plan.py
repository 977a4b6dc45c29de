"""What a meta-training is told: how many episodes, of what kind, and how to descend."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Literal

from fewshot.errors import TrainingError
from fewshot.whole_numbers import check_count

__all__ = ["TrainingPlan"]

_CHOICES = {
    "optimiser": ("adamw", "adam", "sgd"),
    "schedule": ("cosine", "constant", "step"),
    "precision": ("float32", "bfloat16"),
    "choose": ("accuracy", "loss"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """How heads are trained.

    Parameters
    ----------
    steps : int, default=1000
        Of the optimiser, at most.
    batch : int, default=16
        Episodes a step, over all processes together.
    n_way, n_shot : int or (int, int), default=5
        As in `EpisodeSampler`.
    n_query : int, default=15
        Queries of each class.
    learning_rate : float, default=0.001
        Of tensors, positive.
    number_rate : float, default=0.01
        Of single numbers (scales, penalties); 0: they stay as they are. Those that must be positive
        are learned as logarithms, so that this is about their relative change a step.
    weight_decay : float, default=0.0
        Of tensors, which are zero where nothing was learned; not of numbers.
    optimiser : {"adamw", "adam", "sgd"}, default="adamw"
        Of torch; "sgd" has momentum 0.9.
    schedule : {"cosine", "constant", "step"}, default="cosine"
        Of both rates: down to 0 along half a cosine, as they are, or halved at each fifth of
        ``steps``.
    clip : float, default=1.0
        Longest gradient; longer ones are shortened.
    noise : float, default=0.0
        Length of the Gaussian noise added to each training feature, as a share of the mean
        distance of features from their mean.
    dropout : float, default=0.0
        Share of places of the features, in [0, 1), that an episode does without: there every
        photo has the mean of all. Other episodes lose other places.
    precision : {"float32", "bfloat16"}, default="float32"
        What products are computed in, with a network its own alone; parameters stay as they are.
    validate_every : int, default=50
        Steps between validations and checkpoints.
    validation_episodes : int, default=400
        The same ones each time.
    patience : int, default=10
        Validations without a better one before training stops.
    choose : {"accuracy", "loss"}, default="accuracy"
        Which validation is better: of equal accuracies, that of the smaller loss.
    seed : int, default=0
        Of episodes, held-out classes, noise and dropout.

    Raises
    ------
    TrainingError
        If a number is out of range or a word is none of those.

    Examples
    --------
    >>> TrainingPlan(steps=200, n_shot=(1, 5)).batch
    16
    """

    steps: int = 1000
    batch: int = 16
    n_way: int | tuple[int, int] = 5
    n_shot: int | tuple[int, int] = 5
    n_query: int = 15
    learning_rate: float = 1e-3
    number_rate: float = 1e-2
    weight_decay: float = 0.0
    optimiser: Literal["adamw", "adam", "sgd"] = "adamw"
    schedule: Literal["cosine", "constant", "step"] = "cosine"
    clip: float = 1.0
    noise: float = 0.0
    dropout: float = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"
    validate_every: int = 50
    validation_episodes: int = 400
    patience: int = 10
    choose: Literal["accuracy", "loss"] = "accuracy"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                told = ", ".join(map(repr, choices))
                raise TrainingError(f"{name} is {getattr(self, name)!r}: use one of {told}")
        try:
            for name in ("steps", "batch", "validate_every", "validation_episodes", "patience"):
                check_count(name, getattr(self, name), 1)
        except ValueError as error:
            raise TrainingError(str(error)) from None
        for name in ("learning_rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise TrainingError(
                    f"{name} is {getattr(self, name)}: it must be positive and finite"
                )
        ends = {
            "number_rate": math.inf,
            "weight_decay": math.inf,
            "noise": math.inf,
            "dropout": 1.0,
        }
        for name, end in ends.items():
            if not 0 <= getattr(self, name) < end:
                raise TrainingError(
                    f"{name} is {getattr(self, name)}: it must be at least 0 and below {end:g}"
                )

    def as_dict(self) -> dict[str, Any]:
        """Give everything as plain values, ranges as lists, as JSON has them.

        Returns
        -------
        dict
        """
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
