"""What ``fgmm evaluate`` computes, and where its results go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from fewshot import Background, Comparison, Head, Words
    from fgmm.datasets import EmbeddedDataset

__all__ = ["evaluate_by_shots", "write_results"]


def evaluate_by_shots(
    embedded: EmbeddedDataset,
    features: Tensor,
    heads: Mapping[int, Mapping[str, Head]],
    *,
    ways: int,
    queries: int,
    episodes: int,
    seed: int,
    words: Words | None,
    background: Background | None,
) -> dict[int, Comparison]:
    """Run heads at every number of shots.

    Parameters
    ----------
    embedded : EmbeddedDataset
        Whose labels and queries.
    features : Tensor of shape (n, d)
        Its features, on the device to compute on.
    heads : mapping of int to (mapping of str to Head)
        By shots.
    ways, queries, episodes, seed : int
    words : Words or None
    background : Background or None

    Returns
    -------
    dict of int to Comparison
    """
    import fewshot

    return {
        n: fewshot.evaluate(
            own,
            features,
            embedded.labels,
            n_way=ways,
            n_shot=n,
            n_query=queries,
            n_episodes=episodes,
            seed=seed,
            words=words,
            background=background,
            query_features=embedded.query_features,
            query_labels=embedded.query_labels,
            space=embedded.space,
        )
        for n, own in heads.items()
    }


def write_results(
    found: dict[int, Comparison],
    title: str,
    footer: str,
    told: dict[str, Any],
    transductive: frozenset[str],
    out: Path | None,
    plot: Path | None,
) -> None:
    """Print the table; write JSON and plot where they are asked for.

    Parameters
    ----------
    found : dict of int to Comparison
        By shots.
    title, footer : str
    told : dict
        What was measured, for the JSON file.
    transductive : frozenset of str
        Heads to mark.
    out, plot : Path or None
    """
    from fgmm.command.evaluation_report import print_evaluations
    from fgmm.evaluation_file import save_evaluations

    print_evaluations(found, title, footer, transductive)
    if out is not None:
        save_evaluations(out, found, {**told, "transductive": sorted(transductive)})
    if plot is not None:
        from fgmm.command.shots_plot import draw_plot

        draw_plot(found, plot, title, footer.replace("; encoder", "\nencoder"), transductive)
