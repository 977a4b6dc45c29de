"""What ``fgmm train`` prints: what it is going to do, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from fgmm.command.terminal import console
from fgmm.plurals import counted

if TYPE_CHECKING:
    from fgmm.training import Outline, TunedEncoder

__all__ = ["print_outline", "print_tuned"]

_LOSSES = {
    "clip": "CLIP's: each picture finds its text, each text its picture",
    "siglip": "SigLIP's: of every picture and text, whether they belong together",
    "prototypes": "prototypes': each picture is named by the means of the others",
}


def print_outline(told: Outline, name: str) -> None:
    """Say what a training will do.

    Parameters
    ----------
    told : Outline
    name : str
        Of what it learns from.
    """
    share = 100 * told.learning / told.all_parameters
    held = f", {told.held_out:,} held out to judge by" if told.held_out else ""
    classes = f", {counted(told.classes, 'class')}" if told.classes else ""
    lines = {
        "learns": f"{told.encoder}: {told.learning:,} numbers beside or among "
        f"{told.all_parameters:,} ({share:.2g} %)",
        "from": f"{counted(told.pictures, 'picture')}{held}{classes}, "
        f"{counted(told.texts, 'text')}",
        "by the loss": _LOSSES[told.loss],
        "for": f"{counted(told.steps, 'step')} of {counted(told.batch, 'picture')}: each picture "
        f"is shown {told.epochs:.3g} times",
    }
    if told.wrapped:
        cannot = f"; {len(told.left_out):,} cannot have it" if told.left_out else ""
        lines["LoRA on"] = f"{counted(len(told.wrapped), 'layer')}, from {told.wrapped[0]} to "
        lines["LoRA on"] += f"{told.wrapped[-1]}{cannot}"
    _print(name, lines)


def print_tuned(found: TunedEncoder, name: str, merged: str | None) -> None:
    """Say what came of a training, and how to use it.

    Parameters
    ----------
    found : TunedEncoder
    name : str
        Of what it learned from.
    merged : str or None
        What `fgmm.load_encoder` opens, where it was written whole.
    """
    first, last, best = found.records[0], found.records[-1], found.best
    lines = {"learned": f"{counted(last.step, 'step')}, {counted(last.pictures, 'picture')} shown"}
    if len(found.records) > 2:
        lines["loss"] = f"{found.records[1].loss:.3f} at first, {last.loss:.3f} at the end"
    judged = best.validation_accuracy == best.validation_accuracy
    if judged and best.step == 0:
        lines["held out"] = (
            f"loss {first.validation_loss:.3f} and {100 * first.validation_accuracy:.1f} % right "
            "before, and nothing that was learned did better: the encoder is as it was"
        )
    elif judged:
        lines["held out"] = (
            f"loss {first.validation_loss:.3f} and {100 * first.validation_accuracy:.1f} % right "
            f"before, {best.validation_loss:.3f} and {100 * best.validation_accuracy:.1f} % after "
            f"step {best.step}, whose loss is the least and which was kept"
        )
    if found.skipped:
        skipped = counted(len(found.skipped), "picture")
        lines["left out"] = f"{skipped} that cannot be read; see skipped.csv"
    lines["saved in"] = str(found.folder)
    _print(name, lines)
    whole = merged
    if whole is None and found.trainee.adapter is None:
        scheme = found.base.space.partition("/")[0]
        whole = f"{scheme}:{found.folder / 'model'}"
    hint = (
        f"fgmm classify PICTURE --labels NAMES --encoder {whole}"
        if whole is not None
        else "the same command with --resume --merged FOLDER writes it whole, for --encoder"
    )
    console().print(Text(f" use it  {hint}\n", style="dim"), soft_wrap=True)


def _print(title: str, lines: dict[str, str]) -> None:
    screen = console()
    screen.print()
    screen.print(Text(f" {title}", style="bold"))
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for what, told in lines.items():
        table.add_row(what, Text(told))
    screen.print(table)
    screen.print()
