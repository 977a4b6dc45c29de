"""Pictures with texts, as ``fgmm train`` is given them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fgmm.command.graph_argument import open_graph
from fgmm.command.joint_pictures import find_concepts, open_pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fgmm.training import Pairs

__all__ = ["open_pairs"]


def open_pairs(
    source: str,
    *,
    data: Path | None = None,
    names: Path | None = None,
    knowledge: str | None = None,
    templates: Sequence[str] | None = None,
    concept: str | None = None,
    columns: tuple[str, str, str | None] = ("image", "text", None),
) -> Pairs:
    """Open what an encoder is to learn from, by what it is.

    Parameters
    ----------
    source : str
        A folder, a table, a shard or a pattern of shards, or the name of a set.
    data, names : Path, optional
        As in `open_pictures`.
    knowledge : str, optional
        A graph whose sentences are texts too.
    templates : sequence of str, optional
    concept : str, optional
        As in `fgmm.classify`.
    columns : tuple of str
        Of a table: pictures, texts, and labels or None.

    Returns
    -------
    Pairs

    Raises
    ------
    typer.BadParameter
        If an option does not go with the source.
    """
    from fgmm.training import (
        pair_labelled,
        pair_with_graph,
        read_folder_pairs,
        read_shard_pairs,
        read_table_pairs,
    )

    path = Path(source)
    if source.lower().endswith((".csv", ".tsv", ".tar")) or any(path.glob("*.tar")):
        if names is not None or knowledge is not None:
            raise typer.BadParameter(
                f"{source} has its own texts: give a folder of folders with this option",
                param_hint="--names" if names is not None else "--knowledge",
            )
        if not source.lower().endswith((".csv", ".tsv")):
            return read_shard_pairs(source)
        image, text, label = columns
        return read_table_pairs(path, image=image, text=text, label=label)
    said = tuple(templates) if templates else None
    if knowledge is not None:
        graph = open_graph(knowledge)
        dataset = open_pictures(source, data, "base", names)
        concepts = find_concepts(dataset, graph, False)
        return pair_with_graph(dataset, graph, concepts=concepts, templates=said)
    if names is None and path.is_dir():
        return read_folder_pairs(path, templates=said, concept=concept)
    return pair_labelled(
        open_pictures(source, data, "base", names), templates=said, concept=concept
    )
