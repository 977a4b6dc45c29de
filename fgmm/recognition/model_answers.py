"""How each kind of model is asked, and its answer checked: from a batch to log-probabilities.

Each function takes the model, its labels, the user's preprocessing and what it is said to give, and
gives a function of a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from fgmm.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL.Image import Image
    from torch import Tensor

__all__ = ["LABEL_CURE", "Outputs", "of_classifier", "of_function", "of_module", "of_pipeline"]

Outputs = Literal["logits", "probabilities"]
LABEL_CURE = "pass labels=[...], a text for each of the model's outputs, in their order"

_OFF = 1e-3  # how far a row of probabilities may be from a sum of one


def of_function(
    model: Any,
    names: tuple[str, ...],
    preprocess: Callable[[Image], Any] | None,
    outputs: Outputs | None,
) -> Callable[[Any], Tensor]:
    """Ask a function of a list of pictures."""

    def answer(pictures: Sequence[Image]) -> Tensor:
        ready = [preprocess(one) for one in pictures] if preprocess else list(pictures)
        return _checked(model(ready), len(ready), names, outputs)

    return answer


def of_module(
    model: Any,
    names: tuple[str, ...],
    preprocess: Callable[[Image], Any] | None,
    outputs: Outputs | None,
) -> Callable[[Any], Tensor]:
    """Ask a torch module, in eval mode and without gradients, and leave it as it was."""
    if preprocess is None:
        raise ModelError(
            "a torch module is given tensors, and nothing says how pictures become such: pass "
            "preprocess=, a function from a PIL picture to a tensor, as the model was trained with"
        )

    def answer(pictures: Sequence[Image]) -> Tensor:
        rows = [torch.as_tensor(preprocess(one)) for one in pictures]
        shapes = {tuple(row.shape) for row in rows}
        if len(shapes) > 1:
            raise ModelError(
                f"preprocess gives tensors of different shapes, {sorted(shapes)[:3]}: they go into "
                "one batch; let it resize or crop to one size"
            )
        place = next(iter(model.parameters()), torch.empty(0)).device
        modes = [(part, part.training) for part in model.modules()]
        model.eval()
        try:
            with torch.inference_mode():
                told = model(torch.stack(rows).to(place))
        finally:
            for part, training in modes:  # as it was, part by part
                part.training = training
        return _checked(getattr(told, "logits", told), len(rows), names, outputs)

    return answer


def of_classifier(
    model: Any,
    names: tuple[str, ...],
    preprocess: Callable[[Image], Any] | None,
    outputs: Outputs | None,
) -> Callable[[Any], Tensor]:
    """Ask a classifier of scikit-learn, by probabilities where it has them."""
    sure = hasattr(model, "predict_proba")
    if not sure and len(names) > 2 and _fitted(model, "decision_function_shape") == "ovo":
        raise ModelError(
            f"{model!r} gives a number for each pair of classes, and not for each class: make it "
            "with decision_function_shape='ovr', or with probability=True"
        )
    told: Outputs = "probabilities" if sure else "logits"

    def answer(given: Any) -> Tensor:
        rows = np.stack([np.asarray(preprocess(one)) for one in given]) if preprocess else given
        table = np.asarray(rows)
        found = model.predict_proba(table) if sure else model.decision_function(table)
        if not sure and np.ndim(found) == 1:  # of two classes: how far on the second one's side
            found = np.stack([np.zeros(len(found)), found], 1)
        return _checked(found, len(table), names, told)

    return answer


def of_pipeline(
    model: Any,
    names: tuple[str, ...],
    preprocess: Callable[[Image], Any] | None,
    outputs: Outputs | None,
) -> Callable[[Any], Tensor]:
    """Ask a pipeline of transformers for the logits of all its labels."""
    if preprocess is not None:
        raise ModelError("a pipeline prepares pictures itself: leave preprocess out")
    task = getattr(model, "task", None)
    if task != "image-classification":
        raise ModelError(
            f"the pipeline's task is {task!r}: make it with pipeline('image-classification', ...)"
        )
    own = model.model.config.id2label
    order = [own[at] for at in sorted(own)]
    if len(set(order)) < len(order):
        twice = next(name for at, name in enumerate(order) if name in order[:at])
        raise ModelError(
            f"the pipeline calls two classes {twice!r}, and answers by names: set "
            "pipeline.model.config.id2label to names that differ"
        )

    def answer(pictures: Sequence[Image]) -> Tensor:
        # logits and not its own scores, which may be rounded to 1 or be sigmoids
        told = model(list(pictures), top_k=len(order), function_to_apply="none")
        rows = [{one["label"]: one["score"] for one in row} for row in told]
        table = [[row.get(name, float("nan")) for name in order] for row in rows]
        return _checked(table, len(pictures), names, "logits")

    return answer


def _fitted(model: Any, setting: str) -> Any:
    """Give a setting of a classifier of scikit-learn, also of one in a pipeline or a search."""
    for _ in range(9):  # one in another, and that in one more
        steps = getattr(model, "steps", None)
        inner = steps[-1][1] if steps else getattr(model, "best_estimator_", None)
        if inner is None:
            break
        model = inner
    return getattr(model, setting, None)


def _checked(told: Any, n: int, names: tuple[str, ...], outputs: Outputs | None) -> Tensor:
    """Turn what a model gave into log-probabilities, or say what is wrong with it."""
    try:
        rows = told if isinstance(told, torch.Tensor) else torch.as_tensor(np.asarray(told))
        table = rows.detach().to("cpu", torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"the model gave a {type(told).__name__}, which is no table of numbers ({error}): it "
            "gives a tensor or an array, a row for each picture"
        ) from error
    if table.shape != (n, len(names)):
        raise ModelError(
            f"the model gave numbers of shape {tuple(table.shape)} for {n} pictures and "
            f"{len(names)} labels: a row for each picture and a column for each label; {LABEL_CURE}"
        )
    if not bool(table.isfinite().all()):
        row, column = (~table.isfinite()).nonzero()[0].tolist()
        raise ModelError(
            f"the model gave {float(table[row, column])} for {names[column]!r} (picture {row} of a "
            "batch): its outputs are finite numbers; look at its weights and its preprocessing"
        )
    sums = table.sum(1)
    like = bool((table >= 0).all()) and bool(((sums - 1).abs() < _OFF).all())
    if outputs == "probabilities":
        if not like:
            worst = int((sums - 1).abs().argmax())
            raise ModelError(
                f"the model's probabilities are from {float(table.min()):.3g} to "
                f"{float(table.max()):.3g} and a row adds up to {float(sums[worst]):.3g}: they "
                "are 0 or more and add up to 1; if they are logits, pass outputs='logits'"
            )
        table = table.clamp(min=torch.finfo(table.dtype).tiny).log()
        return table.log_softmax(1)  # their sum is 1 to a few digits only
    if outputs is None and like and n and len(names) > 1:
        raise ModelError(
            "the model's outputs are 0 or more and add up to 1, as probabilities do: say which "
            "they are, outputs='probabilities' or outputs='logits'"
        )
    return table.log_softmax(1)
