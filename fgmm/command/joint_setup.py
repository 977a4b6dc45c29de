"""What ``fgmm joint`` checks before anything slow is done, and what it proposes to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import typer

from fgmm.command.joint_pictures import SPLIT_SETS
from fgmm.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from fgmm.joint import JointEmbedding
    from knowledge import KnowledgeGraph

__all__ = ["check_base", "check_folder", "next_commands", "read_base"]


def check_folder(out: Path, *, force: bool) -> None:
    """Refuse a folder that cannot be written to, or holds what was learned before.

    Parameters
    ----------
    out : Path
    force : bool
        Write over what was learned before.

    Raises
    ------
    typer.BadParameter
    """
    if not out.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.parent}", param_hint="--out")
    if out.exists() and not out.is_dir():
        raise typer.BadParameter(f"{out} is a file: give a folder", param_hint="--out")
    if (out / "joint.json").exists() and not force:
        raise typer.BadParameter(
            f"{out} holds what was learned before: give another folder, or write over it with "
            "--force",
            param_hint="--out",
        )


def check_base(graph: KnowledgeGraph, base: Collection[str], folds: int) -> None:
    """Refuse base classes that nothing can be learned from, before pictures are encoded.

    Parameters
    ----------
    graph : KnowledgeGraph
    base : collection of str
        Ids of the classes.
    folds : int
        Into how many parts they are split.

    Raises
    ------
    typer.BadParameter
        If they are too few, or the graph says nothing that differs between them.
    """
    from fgmm.joint.class_inputs import ClassInputs

    if len(base) < 2 * folds:
        raise typer.BadParameter(
            f"{counted(len(base), 'class')} in {folds} folds: every fold needs two classes to tell "
            f"apart; give fewer folds (--folds 2), or more classes",
            param_hint="--folds",
        )
    if not ClassInputs.of(graph, base).traits:
        raise typer.BadParameter(
            f"no attribute differs between the {len(base)} classes: the graph must say what they "
            "look like; give one with attributes",
            param_hint="--knowledge",
        )


def read_base(learned: JointEmbedding, graph: KnowledgeGraph) -> list[str]:
    """Tell which classes were trained on.

    Parameters
    ----------
    learned : JointEmbedding
    graph : KnowledgeGraph
        Has to have them all.

    Returns
    -------
    list of str
        Ids.

    Raises
    ------
    typer.BadParameter
        If it does not say, or the graph lacks one.
    """
    base = learned.about.get("base")
    if not isinstance(base, list) or not all(isinstance(one, str) for one in base):
        raise typer.BadParameter(
            "it does not say which classes it was trained on: train it again", param_hint="FOLDER"
        )
    missing = [one for one in base if one not in graph]
    if missing:
        raise typer.BadParameter(
            f"the graph lacks {missing[0]!r}, which was trained on ({len(missing)} of {len(base)} "
            "classes are missing): give the graph of the training, or one that adds to it",
            param_hint="--knowledge",
        )
    return base


def next_commands(
    out: Path,
    source: str,
    knowledge: str,
    *,
    encoder: str,
    names: Path | None = None,
    data: Path | None = None,
    skip_unknown: bool = False,
) -> tuple[str, str]:
    """Propose to judge what was learned, and to ask with it.

    Parameters
    ----------
    out : Path
        Where it is.
    source, knowledge, encoder
        As they were given to ``fgmm joint train``, like the rest.
    names, data : Path, optional
    skip_unknown : bool, default=False

    Returns
    -------
    tuple of two str
        Only a set that has novel classes of its own can be judged on by its name; otherwise the
        user has to give a folder, NEW-PICTURES.

    Examples
    --------
    >>> from pathlib import Path
    >>> next_commands(Path("out"), "birds", "b.csv", encoder="tiny", names=Path("n.txt"))[0]
    'fgmm joint evaluate out NEW-PICTURES --knowledge b.csv --names n.txt'
    """
    has_novel = source in SPLIT_SETS
    judge = ["joint", "evaluate", out, source if has_novel else "NEW-PICTURES"]
    judge += ["--knowledge", knowledge]
    judge += [] if names is None else ["--names", names]
    judge += [] if data is None or not has_novel else ["--data", data]
    judge += ["--skip-unknown"] if skip_unknown else []
    ask = ["ask", "PICTURE", "--knowledge", knowledge, "--joint", out]
    ask += [] if encoder == "tiny" else ["--encoder", encoder]
    first, second = (shlex.join(["fgmm", *map(str, words)]) for words in (judge, ask))
    return first, second
