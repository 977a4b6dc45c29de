"""Accuracy against shots, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fewshot import Comparison

__all__ = ["PLOT_ENDINGS", "draw_plot"]

PLOT_ENDINGS = (".png", ".pdf", ".svg")

# Okabe and Ito's colours, which people of any colour vision tell apart; markers help too.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "osD^vP*"
_BANDS = 3  # with more heads the bands over classes hide each other


def draw_plot(found: Mapping[int, Comparison], path: Path, title: str, subtitle: str) -> None:
    """Draw a line a head, with 95 % intervals.

    Bars are intervals over episodes; bands, where heads are few, over classes.

    Parameters
    ----------
    found : mapping of int to Comparison
        By shots.
    path : Path
        Its ending says the format, one of `PLOT_ENDINGS`.
    title, subtitle : str
    """
    from matplotlib.figure import Figure  # and not pyplot, which asks for a screen

    shots = sorted(found)
    last = {name: one.mean for n in shots for name, one in found[n].items()}
    names = sorted(last, key=lambda name: -last[name])
    figure = Figure(figsize=(7.2, 4.6), dpi=160, layout="constrained")
    axes = figure.add_subplot()
    for at, name in enumerate(names):
        own = [n for n in shots if name in found[n]]
        mean = [100 * found[n][name].mean for n in own]
        half = [100 * (found[n][name].ci95[1] - found[n][name].mean) for n in own]
        half = [0.0 if h != h else h for h in half]  # one episode has no interval
        colour = _COLOURS[at % len(_COLOURS)]
        axes.errorbar(
            own,
            mean,
            yerr=half,
            label=name,
            color=colour,
            marker=_MARKERS[at % len(_MARKERS)],
            linestyle=("-", "--", ":")[at // len(_COLOURS) % 3],
            markersize=5,
            linewidth=1.6,
            capsize=3,
        )
        if len(names) <= _BANDS and len(own) > 1:
            low, high = zip(*(found[n][name].class_ci95 for n in own), strict=True)
            axes.fill_between(
                own, [100 * x for x in low], [100 * x for x in high], color=colour, alpha=0.1
            )
    # shots double: a step is a doubling, and 0 has a place of its own
    axes.set_xscale("symlog", base=2, linthresh=1, linscale=0.5)
    axes.set_xticks(shots, [str(n) for n in shots])
    axes.set_xticks([], minor=True)
    axes.set_xlim(0.85 * shots[0] or -0.15, 1.15 * shots[-1] or 0.15)
    axes.set_xlabel("photos of each class (shots)")
    axes.set_ylabel("accuracy, %")
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    bands = ", bands over classes" if len(names) <= _BANDS and len(shots) > 1 else ""
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", pad=42)
    axes.text(
        0,
        1.02,
        f"{subtitle}\n95 % intervals: bars over episodes{bands}",
        transform=axes.transAxes,
        fontsize=8,
        color="#555555",
    )
    draft = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        figure.savefig(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
