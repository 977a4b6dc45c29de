"""What heads learned, as Markdown. A cell is a dictionary as `metatrain.cell` makes it."""

from __future__ import annotations

from typing import Any

__all__ = ["markdown"]

Cell = dict[str, Any]


def markdown(cells: list[Cell]) -> str:
    """All cells side by side, and then a table a cell with everything that was measured."""
    parts = [_summary([c for c in cells if c["layer"] == x]) for x in ("features", "joint")]
    return "\n\n".join([*filter(None, parts), *(_table(cell) for cell in cells)]) + "\n"


def _summary(cells: list[Cell]) -> str:
    """Trained accuracy, and the gain over the untrained self with its interval over classes."""
    if not cells:
        return ""
    named = [f"{c['set']}, {c['shots']}-shot" for c in cells]
    best = [f"{c['best']} {100 * c['untrained'][c['best']]:.1f}" for c in cells]
    lines = [
        f'| layer "{cells[0]["layer"]}" | {" | ".join(named)} |',
        "|---|" + "---|" * len(cells),
        f"| best untrained | {' | '.join(best)} |",
    ]
    for name in cells[0]["rows"]:
        told = []
        for cell in cells:
            row = cell["rows"][name]
            low, high = row["gain"]["class_ci95"]
            gain = f"{100 * row['gain']['mean']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
            mark = "**" if row["ahead"]["class_ci95"][0] > 0 else ""
            told.append(f"{mark}{100 * row['trained']:.1f}{mark} ({gain})")
        lines.append(f"| {name} | {' | '.join(told)} |")
    return "\n".join(lines)


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
