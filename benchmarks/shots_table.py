"""Cells of the comparison as Markdown: who is best, by how much, and everybody's figures.

A cell is a dictionary as `shots.run_cell` makes it: ``heads`` maps a name to ``mean``,
``ci95``, ``class_ci95``, ``n`` (episodes), ``transductive``, and ``fused_minus`` (``mean``,
``ci95``, ``class_ci95``), all accuracies in [0, 1].
"""

from __future__ import annotations

from typing import Any

__all__ = ["best_other", "markdown", "met", "surely_ahead"]

GOAL = 0.005  # half a point

Cell = dict[str, Any]


def best_other(cell: Cell, *, transductive: bool = False) -> str | None:
    """The head with the highest accuracy among those run on every episode; not FusedHead.

    Picked on the episodes it is judged by, which favours it. Zero-shot counts.
    """
    most = max(found["n"] for found in cell["heads"].values())
    able = {
        name: found["mean"]
        for name, found in cell["heads"].items()
        if name != "fused" and found["n"] == most and found["transductive"] == transductive
    }
    return max(able, key=lambda name: able[name]) if able else None


def surely_ahead(cell: Cell) -> list[str]:
    """Heads run on fewer episodes that lead by more than half a point, by the paired interval.

    With few episodes the highest mean of many heads says little: they are not `best_other`.
    """
    most = max(found["n"] for found in cell["heads"].values())
    return sorted(
        name
        for name, found in cell["heads"].items()
        if found["n"] < most
        and not found["transductive"]
        and found["fused_minus"]["ci95"][1] < -GOAL
    )


def met(cell: Cell) -> tuple[bool, bool]:
    """Whether FusedHead is within half a point of the best, and of zero-shot, by the means."""
    best = best_other(cell)
    ahead = [cell["heads"][name]["fused_minus"]["mean"] for name in (best, "zero-shot") if name]
    return ahead[0] >= -GOAL, ahead[-1] >= -GOAL


def points(value: float) -> str:
    return f"{100 * value:.1f}"


def signed(found: dict[str, Any]) -> str:
    """A difference in points with both intervals: over episodes, then over classes."""
    parts = [f"{100 * found['mean']:+.1f}"]
    for key in ("ci95", "class_ci95"):
        low, high = found[key]
        parts.append(f"[{100 * low:+.1f}, {100 * high:+.1f}]")
    return " ".join(parts)


def markdown(told: dict[str, Any]) -> str:
    """Both tables of all cells: FusedHead against the best, then every head of every scene."""
    cells: dict[str, Cell] = told["cells"]
    ways = ", ".join(f"{n} ways on {data}" for data, n in told["ways"].items())
    lines = [
        f"Encoder `{told['encoder']}` ({told['space']}), joint layer, {told['date']}; novel "
        f"classes, {ways}, {told['n_query']} queries a class, {told['episodes']:,} episodes, "
        'protocol "no-val". Accuracies in per cent; differences in points, with 95 % intervals '
        "over episodes and over classes (bootstrap). The best other head is picked on the same "
        "episodes. Of a star, fewer episodes (the first ones).",
    ]
    for background in ("with", "without"):
        chosen = [c for c in cells.values() if c["background"] == background]
        if not chosen:
            continue
        passed = [met(c) for c in chosen]
        lines += [
            "",
            f"## {background.capitalize()} Background",
            "",
            f"Within half a point of the best in {sum(a for a, _ in passed)} of {len(passed)} "
            f"cells, of zero-shot in {sum(b for _, b in passed)}.",
            "",
            "| set | words | shots | zero-shot | best other | fused | fused - best other "
            "| fused - zero-shot | best transductive |",
            "|---|---|---|---|---|---|---|---|---|",
            *(summary_row(c) for c in chosen),
        ]
    names = dict.fromkeys((c["set"], c["wording"]) for c in cells.values())
    for data, wording in names:
        own = [c for c in cells.values() if (c["set"], c["wording"]) == (data, wording)]
        lines += ["", f"## {data}, words: {wording}", "", *every_head(own)]
    return "\n".join(lines) + "\n"


def summary_row(cell: Cell) -> str:
    heads, best = cell["heads"], best_other(cell)
    other = best_other(cell, transductive=True)
    close, safe = met(cell)
    told = [
        cell["set"],
        cell["wording"],
        cell["shots"],
        points(heads["zero-shot"]["mean"]),
        f"{best} {points(heads[best]['mean'])}"
        + "".join(f"; surely ahead: {name}\\*" for name in surely_ahead(cell)),
        points(heads["fused"]["mean"]),
        ("" if close else "**missed** ") + signed(heads[best]["fused_minus"]),
        ("" if safe else "**missed** ") + signed(heads["zero-shot"]["fused_minus"]),
        "" if other is None else f"{other} {points(heads[other]['mean'])}",
    ]
    return f"| {' | '.join(told)} |"


def every_head(cells: list[Cell]) -> list[str]:
    """Rows are heads, columns shots; what does not look at a background stands once."""
    shots = list(dict.fromkeys(c["shots"] for c in cells))
    rows: dict[str, dict[str, str]] = {}
    for cell in cells:
        most = max(found["n"] for found in cell["heads"].values())
        for name, found in cell["heads"].items():
            row = f"{name}, {cell['background']} Background" if found["reads_background"] else name
            half = (found["ci95"][1] - found["ci95"][0]) / 2
            star = "\\*" if found["n"] < most else ""
            text = f"{points(found['mean'])} ± {points(half)}{star}"
            rows.setdefault(row, {})[cell["shots"]] = text
    return [
        f"| head | {' | '.join(shots)} |",
        "|---|" + "---|" * len(shots),
        *(f"| {row} | {' | '.join(of.get(s, '') for s in shots)} |" for row, of in rows.items()),
    ]
