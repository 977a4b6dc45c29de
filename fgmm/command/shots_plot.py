"""Accuracy against shots, drawn."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from fgmm.command.head_marks import FOOTNOTE, marked

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from fewshot import Comparison

__all__ = ["PLOT_ENDINGS", "draw_plot", "places", "shifts"]

PLOT_ENDINGS = (".png", ".pdf", ".svg")

# Okabe and Ito's colours, which people of any colour vision tell apart. With more heads than
# colours the lines are dashed, and twelve markers keep two of one colour apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "osD^vP*X<>hp"
_LINES = ("-", "--", ":", "-.")
_BANDS = 3  # with more heads the bands over classes hide each other
_SPREAD = 0.3  # how far the heads of one number of shots stand apart, in doublings, at most
_STEP = 0.06  # and two neighbours


def draw_plot(
    found: Mapping[int, Comparison],
    path: Path,
    title: str,
    subtitle: str,
    transductive: Collection[str] = (),
) -> None:
    """Draw a line a head, with 95 % intervals.

    Bars are intervals over episodes; bands, where heads are few, over classes. Heads stand a
    little beside each other, so that no bar hides another.

    Parameters
    ----------
    found : mapping of int to Comparison
        By shots.
    path : Path
        Its ending says the format, one of `PLOT_ENDINGS`.
    title, subtitle : str
    transductive : collection of str
        Heads to mark.
    """
    from matplotlib.figure import Figure  # and not pyplot, which asks for a screen

    shots = sorted(found)
    last = {name: one.mean for n in shots for name, one in found[n].items()}
    names = sorted(last, key=lambda name: -last[name])
    at = places(shots)
    shift = shifts(len(names), list(at.values()))
    figure = Figure(figsize=(7.6, max(4.6, 1.6 + 0.24 * len(names))), dpi=160, layout="constrained")
    axes = figure.add_subplot()
    for number, name in enumerate(names):
        own = {at[n] + shift[number]: found[n][name] for n in shots if name in found[n]}
        mean = [100 * one.mean for one in own.values()]
        bars = [100 * abs(end - one.mean) for one in own.values() for end in one.ci95]
        bars = [0.0 if bar != bar else bar for bar in bars]  # one episode has no interval
        colour = _COLOURS[number % len(_COLOURS)]
        axes.errorbar(
            list(own),
            mean,
            yerr=[bars[::2], bars[1::2]],
            label=marked(name, name in transductive),
            color=colour,
            marker=_MARKERS[number % len(_MARKERS)],
            linestyle=_LINES[number // len(_COLOURS) % len(_LINES)],
            markersize=5,
            linewidth=1.3,
            capsize=2.5,
        )
        if len(names) <= _BANDS and len(own) > 1:
            low, high = zip(*(one.class_ci95 for one in own.values()), strict=True)
            axes.fill_between(
                list(own), [100 * x for x in low], [100 * x for x in high], color=colour, alpha=0.1
            )
    axes.set_xticks(list(at.values()), [str(n) for n in shots])
    axes.set_xlim(min(at.values()) - 0.35, max(at.values()) + 0.35)
    axes.set_xlabel("photos of each class (shots)")
    axes.set_ylabel("accuracy, %")
    _end_at_whole(axes)
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    bands = ", bands over classes" if len(names) <= _BANDS and len(shots) > 1 else ""
    lines = [*subtitle.split("\n"), f"95 % intervals: bars over episodes{bands}"]
    if transductive:
        lines.append(f"* {FOOTNOTE}")
    figure.suptitle(title, x=0.02, ha="left", fontsize=12, fontweight="bold")
    axes.set_title("\n".join(lines), loc="left", fontsize=8, color="#555555")
    draft = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        figure.savefig(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def places(shots: Sequence[int]) -> dict[int, float]:
    """Say where numbers of shots stand: a doubling is a step, and 0 stands a step before 1.

    Parameters
    ----------
    shots : sequence of int

    Returns
    -------
    dict of int to float

    Examples
    --------
    >>> places([0, 1, 8])
    {0: -1.0, 1: 0.0, 8: 3.0}
    """
    return {n: math.log2(n) if n else -1.0 for n in shots}


def shifts(n_heads: int, at: Sequence[float]) -> list[float]:
    """Say how far each head stands from the middle of its number of shots.

    Parameters
    ----------
    n_heads : int
    at : sequence of float
        Sorted places of the numbers of shots. Heads of one never reach those of the next.

    Returns
    -------
    list of float
        Sorted, around 0.

    Examples
    --------
    >>> [round(x, 2) for x in shifts(3, [0.0, 1.0])]
    [-0.06, 0.0, 0.06]
    """
    nearest = min((b - a for a, b in itertools.pairwise(at)), default=1.0)
    step = min(_STEP, min(_SPREAD, 0.6 * nearest) / max(n_heads - 1, 1))
    return [step * (number - (n_heads - 1) / 2) for number in range(n_heads)]


def _end_at_whole(axes: Axes) -> None:
    """Let the axis end a little above 100 %, so that caps there are whole, without a tick there."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, min(high, 100 + 0.02 * (100 - low)))
    axes.set_yticks([tick for tick in axes.get_yticks() if low <= tick <= min(high, 100)])
