"""What a training is told: what learns, by which loss, how long."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fgmm.errors import TrainingError

if TYPE_CHECKING:
    import os

__all__ = ["TuningPlan", "read_plan"]

_CHOICES = {
    "adapt": ("lora", "all"),
    "tower": ("both", "image", "text"),
    "modules": ("all", "attention"),
    "loss": ("auto", "clip", "siglip", "prototypes"),
    "distil": ("cosine", "kl"),
    "precision": ("auto", "float32", "bfloat16"),
}
_COUNTS = {"rank": 1, "steps": 1, "batch": 2, "chunk": 0, "per_class": 0, "every": 1, "patience": 0}
_RATES = {"lora": 2e-4, "all": 1e-5}
_TINY, _ALMOST_ONE, _HUGE = 1e-300, math.nextafter(1.0, 0.0), 1e300
_RANGES = (
    (("alpha", "clip"), (_TINY, _HUGE), "positive and finite"),
    (("lora_dropout", "ema", "warm_up", "validation"), (0, _ALMOST_ONE), "at least 0 and below 1"),
    (("flip", "erase", "colour"), (0, 1), "in [0, 1]"),
    (
        ("rate", "weight_decay", "maximum_entropy", "centre", "distillation"),
        (0, _HUGE),
        "at least 0 and finite",
    ),
    (("crop",), (_TINY, 1), "above 0 and at most 1"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningPlan:
    """How an encoder is trained.

    Parameters
    ----------
    adapt : {"lora", "all"}, default="lora"
        What learns: small matrices beside the weights (Hu et al. 2022), or the weights.
    tower : {"both", "image", "text"}, default="both"
        Of which half of the encoder.
    modules : {"all", "attention"}, default="all"
        Where LoRA goes: every linear and convolutional layer, or attention alone.
    rank : int, default=8
        Of LoRA's matrices.
    alpha : float, default=16.0
        LoRA's change is scaled by ``alpha / rank``.
    lora_dropout : float, default=0.0
        Share of LoRA's inputs left out, in [0, 1).
    loss : {"auto", "clip", "siglip", "prototypes"}, default="auto"
        "auto" is "siglip" for an encoder that scores by sigmoid, "clip" for one that scores by
        softmax, and "prototypes" for one that reads no texts.
    maximum_entropy, centre, distillation : float, default=0.0, 0.0, 1.0
        Weights of what is added to the loss; the last counts only where there is a teacher.
    distil : {"cosine", "kl"}, default="cosine"
        What is learned from a teacher: the cosines between pictures, or, of one that reads texts,
        their probabilities given pictures.
    steps : int, default=1000
        Of the optimiser.
    batch : int, default=32
        Pictures a step, over all processes together.
    chunk : int, default=0
        Pictures that go through the network at a time; 0: all of a step. The result is the same,
        in less memory and about 4/3 of the time (Gao et al. 2021).
    per_class : int, default=0
        Pictures of a class that come together in a batch; 0: as chance has it. The loss
        "prototypes" needs two or more, and takes four where this is 0.
    rate : float, default=0.0
        Learning rate at its highest; 0: 0.0002 for LoRA, and 0.00001 for all weights, which would
        otherwise lose what they know.
    warm_up : float, default=0.05
        Share of the steps in which the rate rises from 0; then it falls along half a cosine.
    weight_decay : float, default=0.01
        Of matrices; biases, norms and scales have none.
    clip : float, default=1.0
        Longest gradient; longer ones are shortened.
    ema : float, default=0.0
        Decay of the running mean of the weights, which is then what is judged and kept; 0: none.
        The first steps have a smaller one, ``(1 + step) / (10 + step)``.
    learn_scale : bool, default=True
        Whether the logit scale learns too, and the bias of a sigmoid encoder. The scale stays at
        or below 100.
    batch_statistics : bool, default=False
        Whether batch norms normalise by the batch and learn from it. Only where ``adapt`` is "all".
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        What products are computed in; "auto" is bfloat16 on a GPU. Weights stay float32.
    crop : float, default=0.5
        Smallest share of a picture's area that is shown, in (0, 1]; 1: all of it.
    flip : float, default=0.5
        Probability of a mirrored picture. 0 for signs, letters, and what has a left and a right.
    colour : float, default=0.2
        Largest relative change of brightness, contrast and saturation.
    erase : float, default=0.1
        Probability of a grey rectangle over a part of it (Zhong et al. 2020).
    validation : float, default=0.0
        Share of the pictures that is held out to judge by, in [0, 1). The best weights are kept.
    every : int, default=50
        Steps between records, checkpoints and validations.
    patience : int, default=0
        Validations without a better one before training stops; 0: it does not stop.
    seed : int, default=0
        Of everything that is drawn.

    Raises
    ------
    TrainingError
        If a number is out of range or a word is none of those.

    Examples
    --------
    >>> TuningPlan(steps=200, loss="clip").rate, TuningPlan(adapt="all").rate
    (0.0002, 1e-05)
    """

    adapt: Literal["lora", "all"] = "lora"
    tower: Literal["both", "image", "text"] = "both"
    modules: Literal["all", "attention"] = "all"
    rank: int = 8
    alpha: float = 16.0
    lora_dropout: float = 0.0
    loss: Literal["auto", "clip", "siglip", "prototypes"] = "auto"
    maximum_entropy: float = 0.0
    centre: float = 0.0
    distillation: float = 1.0
    distil: Literal["cosine", "kl"] = "cosine"
    steps: int = 1000
    batch: int = 32
    chunk: int = 0
    per_class: int = 0
    rate: float = 0.0
    warm_up: float = 0.05
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.0
    learn_scale: bool = True
    batch_statistics: bool = False
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    crop: float = 0.5
    flip: float = 0.5
    colour: float = 0.2
    erase: float = 0.1
    validation: float = 0.0
    every: int = 50
    patience: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                told = ", ".join(map(repr, choices))
                raise TrainingError(f"{name} is {getattr(self, name)!r}: use one of {told}")
        for name, least in _COUNTS.items():
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise TrainingError(
                    f"{name} is {value!r}: it must be a whole number of at least {least}"
                )
        self._check_numbers()
        if not self.rate:
            object.__setattr__(self, "rate", _RATES[self.adapt])
        if type(self.seed) is not int:
            raise TrainingError(f"seed is {self.seed!r}: it must be a whole number")
        if self.batch_statistics and self.adapt != "all":
            raise TrainingError(
                "batch_statistics=True changes what LoRA cannot keep: use adapt='all', or leave "
                "the statistics as they are"
            )
        if self.patience and not self.validation:
            raise TrainingError(
                f"patience is {self.patience} and nothing is held out to judge by: give validation "
                "too, such as 0.1"
            )
        if self.per_class and self.batch % self.per_class:
            raise TrainingError(
                f"batch is {self.batch} and per_class {self.per_class}: give a multiple of it"
            )

    def _check_numbers(self) -> None:
        for names, (low, high), rule in _RANGES:
            for name in names:
                value = getattr(self, name)
                number = isinstance(value, (int, float)) and not isinstance(value, bool)
                if not (number and low <= value <= high):
                    raise TrainingError(f"{name} is {value!r}: it must be a number, {rule}")
        for name in ("learn_scale", "batch_statistics"):
            if not isinstance(getattr(self, name), bool):
                raise TrainingError(f"{name} is {getattr(self, name)!r}: it must be true or false")

    def as_dict(self) -> dict[str, Any]:
        """Give everything as plain values, as JSON has them.

        Returns
        -------
        dict
        """
        return {one.name: getattr(self, one.name) for one in fields(self)}


def read_plan(path: str | os.PathLike[str], **changed: Any) -> TuningPlan:
    """Read a plan from JSON: an object with any of the parameters of `TuningPlan`.

    Parameters
    ----------
    path : path
        Such as the ``plan.json`` that a training left.
    **changed
        What is to be otherwise than the file has it.

    Returns
    -------
    TuningPlan

    Raises
    ------
    TrainingError
        If the file is no such object.
    """
    import difflib

    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(told, dict):
        raise TrainingError(f'{path} is no plan: write an object, such as {{"steps": 500}}')
    known = [one.name for one in fields(TuningPlan)]
    for name in told:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise TrainingError(f"{path}: a plan has no {name!r}: {hint}")
    return TuningPlan(**{**told, **changed})
