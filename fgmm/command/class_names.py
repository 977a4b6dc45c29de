"""What classes are called, where their labels do not say it: ``--names``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from fgmm.command.label_list import read_label_file

if TYPE_CHECKING:
    from pathlib import Path

    from fgmm.datasets import LabelledImages

__all__ = ["name_classes"]


def name_classes(dataset: LabelledImages, path: Path) -> LabelledImages:
    """Give classes the names that a file has for them.

    Parameters
    ----------
    dataset : LabelledImages
    path : Path
        Lines ``label<TAB>name``, or JSON ``{label: name}``. Labels that are no class here are
        passed over.

    Returns
    -------
    LabelledImages
        Its usual words, of kind "name", are those of the file.

    Raises
    ------
    CandidateError
        If the file cannot be read so.
    typer.BadParameter
        If a class has no name in it, or more than one.
    """
    told = read_label_file(path)
    if not isinstance(told, dict):
        raise typer.BadParameter(
            f"{path} lists names and not whose they are: write a line a class, its folder, a tab, "
            "and its name",
            param_hint="--names",
        )
    given = {label: [of] if isinstance(of, str) else list(of) for label, of in told.items()}
    for label in dataset.classes:
        names = given.get(label, [])
        if len(names) != 1 or not isinstance(names[0], str) or not names[0].strip():
            raise typer.BadParameter(
                f"{path} has {len(names) or 'no'} name{'s' if len(names) > 1 else ''} for class "
                f"{label!r}: give one a class",
                param_hint="--names",
            )
    own = {label: given[label][0].strip() for label in dataset.classes}
    others = {kind: of for kind, of in dataset.texts.items() if kind != "name"}
    return replace(dataset, texts={"name": own, **others})
