"""What ``fgmm joint`` prints: what was learned, and how it did on new classes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from fgmm.command.terminal import console
from fgmm.plurals import counted

if TYPE_CHECKING:
    from pathlib import Path

    from fgmm.joint import JointEmbedding
    from fgmm.joint.comparison import JudgedRow, Judgement
    from fgmm.joint.judging import SeenUnseen

__all__ = ["print_judgement", "print_training", "write_judgement"]

_SHOWN = 3  # of new classes of which nothing was learned


def print_training(
    learned: JointEmbedding, name: str, kept: int, out: Path, commands: tuple[str, str]
) -> None:
    """Say in words what was learned, how well, and where it is.

    Parameters
    ----------
    learned : JointEmbedding
    name : str
        Of the pictures.
    kept : int
        How many pictures were kept back.
    out : Path
        The folder it was saved in.
    commands : tuple of two str
        What to do next: judge it, and ask with it.
    """
    about: dict[str, Any] = learned.about
    base, pictures, folds = about["base"], about["pictures"], about["folds"]
    chance = folds / len(base)  # of each part, weighted by its classes
    layer = {
        "features": 'layer "features": what comes before the space shared with words',
        "joint": 'layer "joint": the space shared with words',
    }[about["layer"]]
    ancestors = (
        f"{counted(len(learned.inputs.ancestors), 'group')} above the classes"
        if about["ancestors"]
        else "not what is above the classes"
    )
    back = f", {kept:,} kept back to be judged by" if kept else ""
    steps = counted(about["steps"], "step") + " of contrast" if about["steps"] else "no contrast"
    lines = {
        "learned from": f"{counted(len(base), 'class')}, {counted(len(pictures), 'picture')}{back}",
        "looked at": f"encoder {about['encoder']}, {layer}",
        "in terms of": f"{counted(len(learned.inputs.traits), 'attribute')} that differ between "
        f"these classes; {ancestors}",
        "chosen": f"penalty {about['penalty']:g}, {steps}",
        "how well": f"{100 * about['held-out accuracy']:.1f} % right on classes held out from the "
        f"learning, where chance is {100 * chance:.1f} % ({folds} parts; a little kind, as it was "
        "chosen by this)",
        "saved in": str(out),
    }
    screen = console()
    screen.print()
    screen.print(Text(f" {name}", style="bold"))
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for what, told in lines.items():
        table.add_row(what, Text(told, style="bold green" if what == "how well" else ""))
    screen.print(table)
    screen.print()
    judge, ask = commands
    screen.print(
        f" next, on classes it has not seen, beside controls:\n   {judge}\n"
        f" and on a picture, with questions to you:\n   {ask}",
        soft_wrap=True,
    )
    screen.print()


def print_judgement(judged: Judgement, title: str, encoder: str) -> None:
    """Print the tables, and say whether what was learned helps.

    Parameters
    ----------
    judged : Judgement
    title : str
    encoder : str
        As it was named.
    """
    screen = console()
    first, own = next(iter(judged.rows.items()))
    screen.print()
    screen.print(Text(f" {title}", style="bold"), soft_wrap=True)
    screen.print(
        Text(
            f" {counted(len(judged.new), 'new class')}, {counted(judged.pictures[0], 'picture')}",
            style="dim",
        )
    )
    table = _table("", "accuracy", "over classes", "ahead by")
    for name, row in judged.rows.items():
        best = name == first
        table.add_row(
            Text(name, style="bold" if best else ""),
            Text(f"{100 * row.alone.mean():.1f} %", style="bold green" if best else ""),
            _between(row),
            "" if best else _points(*own.ahead_of(row)),
        )
    table.add_row("chance", f"{100 / len(judged.new):.1f} %", "", "", style="dim")
    screen.print(table)
    screen.print()
    if own.beside is not None:
        _print_beside(judged, first)
    else:
        told = (
            f" the {len(judged.base)} base classes have no pictures here that were not trained on: "
            "how the new ones do beside them is not told"
        )
        screen.print(Text(told, style="dim"))
    screen.print(Text(f" {_verdict(judged)}", style="bold"))
    if judged.nothing_known:
        more = ", ..." if len(judged.nothing_known) > _SHOWN else ""
        some = ", ".join(judged.nothing_known[:_SHOWN]) + more
        screen.print(
            Text(
                f" of {counted(len(judged.nothing_known), 'new class')} the graph says nothing "
                f"that was learned: {some}",
                style="yellow",
            )
        )
    told = (
        f" encoder {encoder}; ahead by: {first} less the row, in points; means over classes, "
        "intervals of 95 % over classes; swapped knowledge: each new class has that of another; "
        "scrambled names: letters shuffled within each word"
    )
    screen.print(Text(told, style="dim"))
    screen.print()


def _print_beside(judged: Judgement, first: str) -> None:
    from fgmm.joint.judging import harmonic_interval

    screen = console()
    screen.print(
        Text(
            f" with the {len(judged.base)} base classes to choose from, too "
            f"({counted(judged.pictures[1], 'picture')} of those)",
            style="dim",
        )
    )
    own = _mixed(judged.rows[first])
    table = _table("", "U", "S", "H", "over classes", "H ahead by")
    for name, row in judged.rows.items():
        mixed, best = _mixed(row), name == first
        if mixed is None or own is None:
            continue
        low, high = (100 * x for x in harmonic_interval(mixed))
        table.add_row(
            Text(name, style="bold" if best else ""),
            f"{100 * mixed.unseen.mean():.1f}",
            f"{100 * mixed.seen.mean():.1f}",
            Text(f"{100 * mixed.harmonic:.1f}", style="bold green" if best else ""),
            f"{low:.1f} to {high:.1f}",
            "" if best else _points(own.harmonic - mixed.harmonic, *harmonic_interval(own, mixed)),
        )
    screen.print(table)
    told = " U: new classes, S: base classes, in per cent; H: their harmonic mean."
    if judged.rows[first].calibrated is not None:
        told += (
            " All base classes lose the number of nats that was best for the other half of the "
            "classes"
        )
    screen.print(Text(told, style="dim"))
    screen.print()


def _mixed(row: JudgedRow) -> SeenUnseen | None:
    return row.beside if row.calibrated is None else row.calibrated


def _verdict(judged: Judgement) -> str:
    (first, own), *others = judged.rows.items()
    asked = [
        (name, own.ahead_of(row)[1]) for name, row in others if name == "names" or "swapped" in name
    ]
    ahead = [name for name, low in asked if low > 0]
    behind = [name for name, low in asked if low <= 0]
    if not behind:
        return f"The knowledge helps: {first} is surely ahead of {' and of '.join(ahead)}."
    also = f", though ahead of {' and of '.join(ahead)}" if ahead else ""
    return (
        f"It is not sure that the knowledge helps: {first} is not surely ahead of "
        f"{' nor of '.join(behind)}{also}."
    )


def write_judgement(judged: Judgement, path: Path) -> None:
    """Write every figure as JSON: accuracies of classes, in [0, 1].

    Parameters
    ----------
    judged : Judgement
    path : Path
    """
    new, base = judged.pictures
    told: dict[str, Any] = {
        "new classes": list(judged.new),
        "base classes": list(judged.base),
        "pictures": {"new": new, "base": base},
        "nothing known": list(judged.nothing_known),
        "rows": {},
    }
    for name, row in judged.rows.items():
        told["rows"][name] = {"alone": row.alone.tolist()}
        for kind, mixed in (("beside", row.beside), ("calibrated", row.calibrated)):
            if mixed is not None:
                told["rows"][name][kind] = {
                    "unseen": mixed.unseen.tolist(),
                    "seen": mixed.seen.tolist(),
                    "harmonic": mixed.harmonic,
                }
    path.write_text(json.dumps(told, indent=1), encoding="utf-8")


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    for heading in headings:
        number = heading in ("accuracy", "U", "S", "H")
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    return table


def _between(row: JudgedRow) -> str:
    from fewshot.intervals import class_interval

    low, high = (100 * x for x in class_interval(row.alone))
    return f"{low:.1f} to {high:.1f}"


def _points(mean: float, low: float, high: float) -> str:
    return f"{100 * mean:+.1f} ({100 * low:+.1f}, {100 * high:+.1f})"
