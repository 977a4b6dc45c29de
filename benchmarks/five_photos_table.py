"""The figures of `five_photos` as tables of markdown.

python benchmarks/five_photos_table.py runs/five/flowers.json runs/five/grocery.json
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

__all__ = ["families", "markdown"]

WAYS = ("one at a time", "all at once")
OURS, SHORT = "Recognizer", 100


def points(told: dict[str, Any], signed: bool = True) -> str:
    """A value and its interval, in per cent or points."""
    low, high = told["class_ci95"]
    sign = "+" if signed else ""
    form = f"{{:{sign}.1f}} [{{:{sign}.1f}}, {{:{sign}.1f}}]"
    return form.format(*(SHORT * v for v in (told["mean"], low, high)))


def own(row: dict[str, Any], side: str) -> str:
    low, high = row[f"{side} class_ci95"]
    return f"{SHORT * row[side]:.1f} [{SHORT * low:.1f}, {SHORT * high:.1f}]"


def families(rows: dict[str, Any]) -> dict[str, list[str]]:
    """Rows that are one method, as it comes or tuned, on one layer or both; best H first.

    Examples
    --------
    >>> rows = {name: {"H": h} for name, h in [("gda", 0.2), ("gda (tuned)", 0.3), ("clap", 0.1)]}
    >>> families(rows)
    {'gda': ['gda (tuned)', 'gda'], 'clap': ['clap']}
    """
    found: dict[str, list[str]] = {}
    for name in sorted(rows, key=lambda name: -rows[name]["H"]):
        found.setdefault(re.split(r" \(|, | and ", name)[0], []).append(name)
    return found


def accuracy_table(rows: dict[str, Any]) -> list[str]:
    """The best row of every method, and H of its others."""
    lines = [
        "| method | U | S | H | fall of S | H, Recognizer less it | H of its other rows |",
        "|---|---|---|---|---|---|---|",
    ]
    for family, (best, *others) in families(rows).items():
        row, star = rows[best], star_of(rows, best)
        shown = f"**{best}**" if best == OURS else best + star
        cells = [own(row, side) for side in ("U", "S", "H", "fall")]
        less = "" if best == OURS else points(row["ours less it"]["H"])
        rest = [
            f"{name.removeprefix(family).strip(' ,') or 'plain'}{star_of(rows, name)} "
            f"{SHORT * rows[name]['H']:.1f}"
            for name in others
        ]
        lines.append(f"| {shown} | {' | '.join(cells)} | {less} | {'; '.join(rest)} |")
    return lines


def star_of(rows: dict[str, Any], name: str) -> str:
    """Mark rows of fewer draws."""
    return "\\*" if rows[name]["draws"] < rows[OURS]["draws"] else ""


def unknown_table(told: dict[str, Any]) -> list[str]:
    lines = []
    for library, rows in told.items():
        lines += [
            "",
            f"Library: {library}.",
            "",
            "| rule | AUROC | ours less it |",
            "|---|---|---|",
        ]
        for name, row in rows.items():
            less = "" if name == "none of these" else points(row["ours less it"])
            lines.append(f"| {name} | {points(row['auroc'], signed=False)} | {less} |")
    return lines


def sets_table(told: dict[str, Any]) -> list[str]:
    lines = [
        "| library | coverage (SD over draws) | draws within 88 and 92 | mean size | empty | "
        "accuracy | accuracy of left-out photos |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in told.items():
        coverage, size = row["coverage"], row["size"]
        lines.append(
            f"| {name} | {SHORT * coverage['mean']:.1f} ({SHORT * coverage['sd over draws']:.1f}) "
            f"| {SHORT * row['draws within 0.88 and 0.92']:.0f} % | {size['mean']:.2f} "
            f"| {SHORT * row['empty']['mean']:.1f} % | {SHORT * row['accuracy']['mean']:.1f} "
            f"| {SHORT * row['left-out accuracy']['mean']:.1f} |"
        )
    return lines


def markdown(told: dict[str, Any]) -> str:
    """Tables of every set in ``told``."""
    lines = []
    for data, found in told["sets"].items():
        for way in WAYS:
            lines += ["", f"### {data}, {way}", "", *accuracy_table(found[way])]
        lines += ["", f"### {data}, unknown species", *unknown_table(found["unknown"])]
        lines += ["", f"### {data}, sets at 90 %", "", *sets_table(found["sets"])]
    return "\n".join(lines).strip() + "\n"


if __name__ == "__main__":
    for path in sys.argv[1:]:
        print(markdown(json.loads(Path(path).read_text())))
