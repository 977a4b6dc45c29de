"""What heads learned, as Markdown. A cell is a dictionary as `metatrain.cell` makes it."""

from __future__ import annotations

from typing import Any

__all__ = ["markdown"]

Cell = dict[str, Any]


def markdown(cells: list[Cell]) -> str:
    """A table a cell: the head, untrained, trained, the gain, and ahead of the best untrained."""
    return "\n\n".join(_table(cell) for cell in cells) + "\n"


def _table(cell: Cell) -> str:
    best, n = cell["best"], cell["shots"]
    others = sorted(cell["untrained"].items(), key=lambda pair: -pair[1])
    told = ", ".join(f"{name} {100 * mean:.1f}" for name, mean in others)
    photos = "1 photo" if n == 1 else f"{n} photos"
    lines = [
        f'### {cell["set"].capitalize()}, {photos} a class, layer "{cell["layer"]}"',
        "",
        f"{cell['classes']} novel classes, {cell['episodes']:,} episodes. Untrained: {told}.",
        "",
        f"| head | untrained | trained | gain | ahead of {best} | ECE | base, held out | plan | CPU s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in cell["rows"].items():
        before, after = row["base"]
        errors = " → ".join(f"{100 * e:.1f}" for e in row["ece"])
        parts = [
            name,
            f"{100 * row['untrained']:.1f}",
            f"{100 * row['trained']:.1f}",
            signed(row["gain"]),
            signed(row["ahead"]),
            errors,
            f"{before:.1f} → {after:.1f}",
            f"{row['plan']}; {row['episodes']:,} episodes",
            f"{row['seconds']:.0f}",
        ]
        lines.append(f"| {' | '.join(parts)} |")
    return "\n".join(lines)


def signed(gap: dict[str, Any]) -> str:
    """A difference in points, with its intervals over episodes and over classes."""
    told = [f"{100 * gap['mean']:+.1f}"]
    for key in ("ci95", "class_ci95"):
        low, high = gap[key]
        told.append(f"[{100 * low:+.1f}, {100 * high:+.1f}]")
    return " ".join(told)
