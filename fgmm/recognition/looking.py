"""Pictures shown to a model somebody has and to an encoder, each decoded once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from fgmm.errors import ImageError
from fgmm.images import read_image
from fgmm.progress import ProgressBar
from fgmm.recognition.sources import origin_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fgmm.recognition.layers import PictureLayers
    from fgmm.recognition.own_model import OwnModel

__all__ = ["Looked", "look_at"]


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What was seen of n pictures that could be read.

    Parameters
    ----------
    said : Tensor of shape (n, k), float64
        The model's log-probabilities.
    kept : Tensor of shape (n, d)
        Vectors as a library keeps them; d is 0 where they were not asked for.
    positions : tuple of n int
        Where each stood among the sources.
    names : tuple of n str
    failures : list of (input, error)
    """

    said: Tensor
    kept: Tensor
    positions: tuple[int, ...]
    names: tuple[str, ...]
    failures: list[tuple[Any, Exception]]


def look_at(
    sources: Sequence[Any],
    model: OwnModel,
    layers: PictureLayers,
    *,
    vectors: bool = True,
    strict: bool = False,
    progress: bool | None = None,
) -> Looked:
    """Show pictures to the model, each once, and to the encoder.

    Parameters
    ----------
    sources : sequence of pictures
    model : OwnModel
    layers : PictureLayers
    vectors : bool, default=True
        Whether the encoder's vectors are wanted, too.
    strict : bool, default=False
        Raise for a picture that cannot be read, in place of listing it.
    progress : bool, optional
        False: no bar.

    Returns
    -------
    Looked

    Raises
    ------
    ImageError
        If one cannot be read and ``strict`` is set.
    ModelError
        If the model's answer is none.
    """
    if model.reads_vectors:
        found = layers.embed(
            sources,
            batch_size=model.batch_size,
            progress=progress,
            on_error="raise" if strict else "list",
        )
        said = model.log_probabilities(layers.split(found)[0].vectors)
        failures = [(sources[one.position], one.error) for one in found.failures]
        return Looked(said, found.vectors, found.positions, found.names, list(failures))
    rows, told, positions = [torch.empty(0, layers.dim if vectors else 0)], [], []
    failed: list[tuple[Any, Exception]] = []
    size = model.batch_size
    with ProgressBar("Looking at pictures", len(sources), progress) as bar:
        for start in range(0, len(sources), size):
            pictures = []
            for at, source in enumerate(sources[start : start + size], start):
                try:
                    pictures.append(read_image(source, name=origin_of(source) or f"#{at}"))
                except ImageError as error:
                    if strict:
                        raise
                    failed.append((source, error))
                else:
                    positions.append(at)
                bar.advance()
            told.append(model.log_probabilities(pictures))
            if vectors:
                rows.append(layers.embed(pictures, progress=False).vectors)
    empty = model.log_probabilities([])
    names = tuple(origin_of(sources[at]) or f"#{at}" for at in positions)
    return Looked(torch.cat([empty, *told]), torch.cat(rows), tuple(positions), names, failed)
