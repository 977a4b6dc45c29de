"""What a table says of the species of a library besides: none of these, and why not to be sure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fgmm.prediction import Prediction

__all__ = ["NONE", "footnotes", "marked", "plausible_column", "species_lines", "unknown_of"]

NONE = "none of these"
"""Over the column of `unknown_of`."""
_MARK = " ?"
_PLAUSIBLE_SHOWN = 3


def unknown_of(prediction: Any) -> float | None:
    """Give the probability that it is none of a library's species; None of other labels."""
    unknown: float | None = getattr(prediction, "unknown", None)
    return unknown


def marked(prediction: Any, label: str) -> str:
    """Write a label, with a mark where something speaks against it."""
    return label if getattr(prediction, "abstains", None) is None else f"{label}{_MARK}"


def footnotes(predictions: Sequence[Prediction]) -> list[str]:
    """Say under a table what its columns and marks mean, as far as there are such."""
    first: Any = predictions[0]
    if unknown_of(first) is None:
        return []
    lines = [f"{NONE}: how likely it is something else than the library's species"]
    if any(getattr(one, "abstains", None) is not None for one in predictions):
        sets = first.plausible is not None
        more = ", or not exactly one is plausible" if sets else ""
        lines.append(f"{_MARK.strip()} not sure: rather none of the species{more}")
    if first.plausible is not None:
        lines.append(f"plausible: {first.coverage:.0%} of the time the right one is among them")
    return lines


def plausible_column(predictions: Sequence[Prediction]) -> tuple[str, list[str]] | None:
    """Give the head and the cells of a column of prediction sets, if there are such."""
    first: Any = predictions[0]
    if getattr(first, "plausible", None) is None:
        return None
    return f"plausible, {first.coverage:.0%}", [_some(one) for one in predictions]


def _some(prediction: Any) -> str:
    found = prediction.plausible
    more = len(found) - _PLAUSIBLE_SHOWN
    shown = ", ".join(found[:_PLAUSIBLE_SHOWN]) or "none"
    return f"{shown} and {more:,} more" if more > 0 else shown


def species_lines(prediction: Any) -> list[str]:
    """Say of one picture which photo it looks most like, and how sure that is."""
    if unknown_of(prediction) is None:
        return []
    photo = prediction.nearest_photo()
    told = [] if photo is None else [f"looks most like {photo}"]
    if prediction.unrestricted is not None and prediction.unrestricted.label != prediction.label:
        told.append(f"of all species: {prediction.unrestricted.label}")
    told.append(f"{NONE} species: probability {prediction.unknown:.3f}")
    if prediction.plausible is not None and len(prediction.plausible) == 1:
        told.append(f"plausible at a coverage of {prediction.coverage:.0%}: it alone")
    if prediction.abstains is not None:
        told.append(f"not sure: {prediction.abstains}")
    return told
