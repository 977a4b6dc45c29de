"""Figures of `knowledge_accuracy` as lines and as Markdown."""

from __future__ import annotations

from typing import Any

__all__ = ["earned", "headline", "markdown"]

CONTROLS = ("swapped", "scrambled", "swapped in training")


def earned(row: dict[str, Any], way: str = "20-way") -> tuple[bool, bool]:
    """Whether a row is surely ahead of names alone, and of each of its controls.

    Surely: the interval over classes of the paired difference is above 0.
    """
    controls = [d[way]["class_ci95"][0] > 0 for d in row["minus controls"].values()]
    return row["minus names"][way]["class_ci95"][0] > 0, all(controls)


def points(found: dict[str, Any]) -> str:
    low, high = found["class_ci95"]
    return f"{100 * found['mean']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def signed(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    low, high = found["class_ci95"]
    return f"{100 * found['mean']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def headline(name: str, row: dict[str, Any]) -> str:
    """One row on one line."""
    controls = "".join(f"  - {c} {signed(d['20-way'])}" for c, d in row["minus controls"].items())
    return (
        f"{name:42s} 20-way {points(row['20-way'])}  all {points(row['all'])}  - names "
        f"{signed(row['minus names']['20-way'])}{controls}  H {100 * row['usual']['H']:.1f} -> "
        f"{100 * row['calibrated']['H']:.1f}"
    )


def markdown(told: dict[str, Any]) -> str:
    """Two tables a set: novel classes alone, and with the base classes in."""
    lines = [
        f"Encoder `{told['encoder']}` ({told['space']}), {told['date']}. Accuracies are means over "
        "classes in per cent, differences in points and paired by class; in brackets 95 % intervals "
        "over classes. Swapped and scrambled are means over "
        f"{told['draws']} draws. **Bold**: surely ahead of names alone and of every control of its "
        'own (interval above 0). "- JointEmbedding": less the row of `JointEmbedding` with the same '
        "words.",
    ]
    for data, found in told["sets"].items():
        lines += [
            "",
            f"### {data}: {found['novel classes']} novel classes, {found['novel pictures']:,} "
            f"pictures; learned from {found['base classes']} base classes, "
            f"{found['base pictures']:,} pictures",
            "",
            f"| row | 20-way | all {found['novel classes']} | 20-way - names | - swapped "
            "| - scrambled | - swapped in training | - JointEmbedding | all - names |",
            "|---|---|---|---|---|---|---|---|---|",
            *(zero_shot(name, row) for name, row in found["rows"].items()),
            "",
            "With base classes in: U of novel, S of base classes, H their harmonic mean; gamma is "
            "what base classes lose, chosen on held-out base classes. Names alone reach an H of "
            f"{100 * found['names, best H']:.1f} at most, with gamma chosen on the pictures judged.",
            "",
            "| row | U | S | H | gamma | U | S | H | H - names | H - JointEmbedding |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *(together(name, row) for name, row in found["rows"].items()),
        ]
    return "\n".join(lines) + "\n"


def zero_shot(name: str, row: dict[str, Any]) -> str:
    controls = (row["minus controls"].get(c, {}).get("20-way") for c in CONTROLS)
    first = f"**{name}**" if all(earned(row)) else name
    alone = name == "names"
    cells = [
        first,
        points(row["20-way"]),
        points(row["all"]),
        "" if alone else signed(row["minus names"]["20-way"]),
        *map(signed, controls),
        signed(rival(name, row, "minus", "20-way")),
        "" if alone else signed(row["minus names"]["all"]),
    ]
    return f"| {' | '.join(cells)} |"


def rival(name: str, row: dict[str, Any], kind: str, way: str | None = None) -> dict | None:
    """The difference to the row of JointEmbedding; None where it has none, or is that row."""
    others = [key for key in row if key.startswith(f"{kind} ") and key.endswith("JointEmbedding")]
    if not others or others[0] == f"{kind} {name}":
        return None
    return row[others[0]][way] if way else row[others[0]]


def together(name: str, row: dict[str, Any]) -> str:
    usual, best = row["usual"], row["calibrated"]
    low, high = best["H class_ci95"]
    cells = [
        name,
        *(f"{100 * usual[k]:.1f}" for k in "USH"),
        f"{row['gamma']:.2f}",
        *(f"{100 * best[k]:.1f}" for k in "US"),
        f"{100 * best['H']:.1f} [{100 * low:.1f}, {100 * high:.1f}]",
        "" if name == "names" else signed(row["H minus names"]),
        signed(rival(name, row, "H minus")),
    ]
    return f"| {' | '.join(cells)} |"
