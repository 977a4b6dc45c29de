"""The predictions of many pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

from fgmm.prediction import Prediction

__all__ = ["Predictions"]

_SHOWN = 5


class Predictions(Sequence[Prediction]):
    """The predictions of many pictures, in the order the pictures came.

    A picture given twice has two predictions. Pictures that could not be read have none
    and are listed in ``failures``. A slice is `Predictions` too.

    Parameters
    ----------
    items : sequence of Prediction
    failures : sequence of (input, error), optional

    Attributes
    ----------
    failures : list of (input, error)
        What was given and why it could not be read. They are of the whole call: a slice is
        a choice among the pictures that were read, and has no failures.

    Examples
    --------
    >>> from PIL import Image
    >>> from fgmm import classify
    >>> pictures = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "red")]
    >>> predictions = classify(pictures, ["red", "green", "blue"], encoder="fake")
    >>> [prediction.label for prediction in predictions]
    ['red', 'blue', 'red']
    >>> predictions.failures
    []
    """

    def __init__(
        self,
        items: Sequence[Prediction],
        failures: Sequence[tuple[object, Exception]] = (),
    ) -> None:
        self._items = items
        self.failures = list(failures)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self._items)

    @overload
    def __getitem__(self, index: int) -> Prediction: ...
    @overload
    def __getitem__(self, index: slice) -> Predictions: ...
    def __getitem__(self, index: int | slice) -> Prediction | Predictions:
        if isinstance(index, slice):
            return Predictions([self._items[i] for i in range(*index.indices(len(self)))])
        return self._items[index]

    def to_dicts(self, k: int | None = None) -> list[dict[str, Any]]:
        """Give `Prediction.to_dict` of every prediction, in order; failures are not among them."""
        return [prediction.to_dict(k) for prediction in self]

    def __repr__(self) -> str:
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"<Predictions of {_pictures(len(self))}{failed}>"

    def __str__(self) -> str:
        shown = [str(prediction) for prediction in self[:_SHOWN]]
        if len(self) > _SHOWN:
            shown.append(f"... and {_pictures(len(self) - _SHOWN, 'more ')}")
        failed = [f"failed: {given!r}: {error}" for given, error in self.failures[:_SHOWN]]
        return "\n\n".join([*shown, *failed]) or "no pictures"


def _pictures(n: int, more: str = "") -> str:
    return f"{n} {more}picture{'' if n == 1 else 's'}"
