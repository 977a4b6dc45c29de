"""A model somebody already has, read as log-probabilities of its own classes.

Four kinds are read: a function of pictures, a torch module, a scikit-learn classifier and a
pipeline of transformers. What each answers is checked every time; nothing about it is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch

from fgmm.errors import ModelError
from fgmm.name_folding import fold_name
from fgmm.recognition.model_answers import (
    LABEL_CURE,
    Outputs,
    of_classifier,
    of_function,
    of_module,
    of_pipeline,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL.Image import Image
    from torch import Tensor

__all__ = ["ModelKind", "OwnModel", "read_model"]

ModelKind = Literal["auto", "callable", "torch", "sklearn", "pipeline"]


@dataclass(frozen=True, slots=True, eq=False)
class OwnModel:
    """A model and the names of its classes. Make it with `read_model`.

    Parameters
    ----------
    labels : tuple of k str
        In the order of the model's outputs.
    kind : {"callable", "torch", "sklearn", "pipeline"}
    reads_vectors : bool
        Whether it is given an encoder's vectors, and not pictures.
    answer : callable
        Takes a batch, pictures or vectors, and gives log-probabilities (n, k), not yet checked.
    batch_size : int, default=32
    width : int or None
        How many numbers it was fitted to, where it reads vectors and says so.
    """

    labels: tuple[str, ...]
    kind: str
    reads_vectors: bool
    answer: Callable[[Any], Tensor]
    batch_size: int = 32
    width: int | None = None

    def check_width(self, features: int, encoder: str) -> None:
        """Refuse a model that was fitted to other vectors than those it will be given.

        Parameters
        ----------
        features : int
            How many numbers the encoder's layer "features" has.
        encoder : str
            Its name.

        Raises
        ------
        ModelError
            If so.
        """
        if self.width is not None and self.width != features:
            raise ModelError(
                f"the model was fitted to {self.width} numbers a picture, and the features of "
                f"{encoder!r} are {features}: fit it to embed_images(..., encoder={encoder!r}, "
                "layer='features'), or pass preprocess=, from a picture to its row of numbers"
            )

    def log_probabilities(self, given: Sequence[Image] | Tensor) -> Tensor:
        """Ask the model, each picture once.

        Parameters
        ----------
        given : sequence of n pictures, or Tensor of shape (n, d)
            Vectors of the layer "features", unit rows, where it `reads_vectors`.

        Returns
        -------
        Tensor of shape (n, k), float64
            Logarithms of probabilities over its classes, all finite.

        Raises
        ------
        ModelError
            If it does not answer with finite numbers for each picture and label.
        """
        size = self.batch_size
        batches = [self.answer(given[at : at + size]) for at in range(0, len(given), size)]
        return torch.cat([torch.empty(0, len(self.labels), dtype=torch.float64), *batches])


def read_model(
    model: Any,
    labels: Iterable[str] | None = None,
    *,
    kind: ModelKind = "auto",
    preprocess: Callable[[Image], Any] | None = None,
    outputs: Outputs | None = None,
    batch_size: int = 32,
) -> OwnModel:
    """Make a model of any of the four kinds one that is asked in one way.

    Parameters
    ----------
    model : callable, torch.nn.Module, scikit-learn classifier or transformers pipeline
    labels : iterable of str, optional
        Names of its classes. A classifier of scikit-learn has them in ``classes_`` (numbers become
        texts: 7 is called "7"), a pipeline in its configuration; of others they must be given.
    kind : {"auto", "callable", "torch", "sklearn", "pipeline"}, default="auto"
        What it is; "auto" looks at what it can do.
    preprocess : callable, optional
        Takes one picture, upright RGB, and gives what the model is given of it: a tensor for a
        torch module (needed), a row of numbers for scikit-learn (by default the encoder's
        vector, layer "features"), anything for a function (by default the picture).
    outputs : {"logits", "probabilities"}, optional
        What a function or module gives. By default logits, but rows that look like probabilities
        are refused until it is said which they are.
    batch_size : int, default=32
        Pictures it is given at a time.

    Returns
    -------
    OwnModel

    Raises
    ------
    ModelError
        If it is none of these, or labels or ``preprocess`` are missing or do not fit.

    Examples
    --------
    >>> def redness(pictures):
    ...     return [[0.0, p.resize((1, 1)).getpixel((0, 0))[0] / 64 - 2] for p in pictures]
    >>> from PIL import Image
    >>> model = read_model(redness, ["other", "red"])
    >>> model.log_probabilities([Image.new("RGB", (8, 8), "red")]).exp().round(decimals=2)
    tensor([[0.1200, 0.8800]], dtype=torch.float64)
    """
    found = _kind_of(model) if kind == "auto" else kind
    if found not in get_args(ModelKind):
        raise ModelError(f"kind is {kind!r}: it is one of {', '.join(get_args(ModelKind))}")
    if outputs is not None and outputs not in get_args(Outputs):
        raise ModelError(f"outputs is {outputs!r}: it is 'logits' or 'probabilities'")
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ModelError(f"batch_size is {batch_size!r}: it is a number of 1 or more")
    if outputs is not None and found in ("sklearn", "pipeline"):
        raise ModelError(
            f"outputs={outputs!r} with a {found} model, which says so itself: leave it out"
        )
    if labels is None:
        labels = _own_labels(model, found)
    names = _checked_labels(labels)
    answer = {
        "callable": of_function,
        "torch": of_module,
        "sklearn": of_classifier,
        "pipeline": of_pipeline,
    }[found](model, names, preprocess, outputs)
    reads_vectors = found == "sklearn" and preprocess is None
    width = getattr(model, "n_features_in_", None) if reads_vectors else None
    return OwnModel(names, found, reads_vectors, answer, batch_size, width)


def _kind_of(model: Any) -> str:
    if getattr(model, "task", None) is not None and hasattr(model, "image_processor"):
        return "pipeline"
    if isinstance(model, torch.nn.Module):
        return "torch"
    if hasattr(model, "predict_proba") or hasattr(model, "decision_function"):
        return "sklearn"
    if callable(model):
        return "callable"
    raise ModelError(
        f"the model is {model!r}, a {type(model).__name__}: pass a function of pictures, a torch "
        "module, a scikit-learn classifier with predict_proba or decision_function, or an "
        "image-classification pipeline of transformers"
    )


def _own_labels(model: Any, kind: str) -> Iterable[str]:
    """Give the labels a model brings."""
    if kind == "sklearn" and hasattr(model, "classes_"):
        return [str(one) for one in model.classes_]
    if kind == "sklearn":
        raise ModelError(f"{model!r} has no classes_: fit it before it is extended")
    if kind == "pipeline":
        told = model.model.config.id2label
        return [told[at] for at in sorted(told)]
    raise ModelError(f"a {kind} model does not say what its classes are called: {LABEL_CURE}")


def _checked_labels(labels: Iterable[str]) -> tuple[str, ...]:
    if isinstance(labels, str) or not isinstance(labels, Iterable):
        raise ModelError(f"labels are {labels!r}: {LABEL_CURE}")
    names: tuple[Any, ...] = tuple(labels)
    if not names:
        raise ModelError(f"there are no labels: {LABEL_CURE}")
    seen: dict[str, int] = {}
    for at, name in enumerate(names):
        if isinstance(name, (Integral, np.bool_)):
            raise ModelError(
                f"label {at} is {name!r}, a number: labels are names that are read as words; pass "
                "labels=[str(x) for x in ...], or better what each is called"
            )
        if not isinstance(name, str) or not name.strip():
            raise ModelError(f"label {at} is {name!r}: labels are texts, not empty; {LABEL_CURE}")
        first = seen.setdefault(fold_name(name), at)
        if first != at:
            raise ModelError(
                f"labels {first} and {at} are {names[first]!r} and {name!r}: labels are told apart "
                "by more than case and spaces; pass labels= in which they differ"
            )
    return names
