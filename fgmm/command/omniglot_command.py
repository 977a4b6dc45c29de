"""``fgmm evaluate omniglot-runs``: Omniglot's 20 official one-shot runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fgmm.command.evaluation_report import print_runs
from fgmm.command.evaluation_setup import find_background
from fgmm.command.head_marks import find_transductive
from fgmm.command.terminal import announced
from fgmm.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from fewshot import Background, Head
    from fgmm.datasets import OneShotRun
    from fgmm.encoders.base import Layer

__all__ = ["PIXELS", "evaluate_runs"]

PIXELS = {"pixels": None, "pixels-28": 28}
"""Encoders of these runs alone: raw pixels, 105 x 105, or shrunk to so many a side."""


def evaluate_runs(
    heads: dict[str, Head],
    *,
    encoder: str,
    layer: Layer,
    data: Path | None,
    device: str,
    batch_size: int,
    cache: bool,
    background: bool,
    out: Path | None,
) -> None:
    """Run heads through the official runs, print their errors, perhaps save them.

    Parameters
    ----------
    heads : dict of str to Head
    encoder : str
        A key of `PIXELS`, or as `fgmm.load_encoder` takes it.
    layer : {"joint", "features"}
        Of an encoder; pixels have none.
    data : Path or None
        Holds ``omniglot/all_runs.zip``.
    device, batch_size, cache, background
        As in the command.
    out : Path or None
        JSON file to write.
    """
    from fgmm.datasets import read_runs
    from fgmm.datasets.omniglot import PUBLISHED, error_interval
    from fgmm.datasets.registry import data_root
    from fgmm.evaluation_file import write_whole

    runs = read_runs(data_root(data, "omniglot-runs") / "omniglot" / "all_runs.zip")
    vectors, known, how = _vectors(runs, encoder, layer, device, batch_size, cache)
    found: dict[str, list[float]] = {name: [] for name in heads}
    for run, (training, test) in zip(runs, vectors, strict=True):
        for name, head in heads.items():
            found[name].append(_error(head, run, training, test, known if background else None))
    errors = {name: (sum(one) / len(one), error_interval(one)) for name, one in found.items()}
    ways = len(runs[0].training)
    title = f"Omniglot, {len(runs)} official one-shot runs among {ways} characters"
    transductive = find_transductive(heads)
    print_runs(errors, PUBLISHED, title, f"on {how}", transductive)
    if out is not None:
        told = {
            "format": "fgmm-omniglot-runs-1",
            "encoder": encoder,
            "vectors": how,
            "transductive": sorted(transductive),
            "runs": [run.name for run in runs],
            "heads": {
                name: {"error": mean, "ci95": interval, "errors": found[name]}
                for name, (mean, interval) in errors.items()
            },
            "published_percent": {what: percent for what, percent, _ in PUBLISHED},
        }
        write_whole(out, json.dumps(told, indent=1))


def _error(
    head: Head, run: OneShotRun, training: Tensor, test: Tensor, background: Background | None
) -> float:
    import torch

    from fewshot import label_support

    classes = range(len(training))
    support, _ = label_support(training, list(classes), background=background)
    with torch.inference_mode():
        named = head.fit(support).logits(test).argmax(-1)
    return float((named != torch.tensor(run.answers)).float().mean())


def _vectors(
    runs: tuple[OneShotRun, ...],
    encoder: str,
    layer: Layer,
    device: str,
    batch_size: int,
    cache: bool,
) -> tuple[list[tuple[Tensor, Tensor]], Background | None, str]:
    """Give vectors of each run's training and test pictures, and what they are in words."""
    pictures = [picture for run in runs for picture in (*run.training, *run.test)]
    known: Background | None = None
    if encoder in PIXELS:
        from fgmm.datasets.omniglot import ink

        side = PIXELS[encoder]
        rows = ink(pictures, side)
        how = (
            "pixels as they are, 0 or 1" if side is None else f"pixels averaged to {side} x {side}"
        )
    else:
        with announced(f"loading the encoder {encoder} ..."):
            from fgmm.embedding import embed_images
            from fgmm.encoders.registry import load_encoder

            model = load_encoder(encoder, device=device)
        embedded = embed_images(
            pictures, encoder=model, layer=layer, batch_size=batch_size, cache=cache
        )
        if embedded.failures:
            raise DatasetError(f"a picture of the runs: {embedded.failures[0].error}")
        rows, known = embedded.vectors, find_background(model, layer, embedded.space)
        how = f"encoder {encoder}, layer {layer}"
    parts, at = [], 0
    for run in runs:
        middle, end = at + len(run.training), at + len(run.training) + len(run.test)
        parts.append((rows[at:middle], rows[middle:end]))
        at = end
    return parts, known, how
