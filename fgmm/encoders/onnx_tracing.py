"""A tower of an encoder, written by torch as a graph in ONNX."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fgmm.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from fgmm.encoders.neural import NeuralImageEncoder
    from fgmm.encoders.neural_text import NeuralEncoder

__all__ = ["ImageTower", "TextTower", "trace_tower"]


class ImageTower(nn.Module):
    """Both layers of a batch, before they are brought to length one."""

    def __init__(self, encoder: NeuralImageEncoder) -> None:
        super().__init__()
        self.network = encoder._model
        self._encode: Any = encoder._encode_both

    def forward(self, batch: dict[str, Tensor]) -> Any:
        """Encode a batch, its inputs by name."""
        return self._encode(batch)

    outputs = ("joint", "features")


class TextTower(nn.Module):
    """The joint vectors of a batch of texts, before they are brought to length one."""

    def __init__(self, encoder: NeuralEncoder) -> None:
        super().__init__()
        self.network = encoder._model
        self._encode: Any = encoder._encode_tokens

    def forward(self, batch: dict[str, Tensor]) -> Any:
        """Encode a batch, its inputs by name."""
        return self._encode(batch)

    outputs = ("joint",)


def trace_tower(
    tower: Any, rows: Sequence[Mapping[str, Tensor]], path: Path, name: str
) -> dict[str, list[int]]:
    """Write a tower as a graph that takes batches of any size.

    Parameters
    ----------
    tower : ImageTower or TextTower
    rows : sequence of mapping of str to Tensor
        At least two pictures or texts, prepared: of one, torch would take the size for fixed.
    path : Path
        The file to write.
    name : str
        The encoder's name, for messages.

    Returns
    -------
    dict of str to list of int
        The shape of each input, without the batch.

    Raises
    ------
    ExportError
        If torch cannot write it.
    """
    batch = {key: torch.stack([row[key] for row in rows]).contiguous() for key in rows[0]}
    free = {"batch": {key: {0: torch.export.Dim.DYNAMIC} for key in batch}}
    try:
        with warnings.catch_warnings(), torch.no_grad(), _quiet_torch():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                tower.eval(),
                (batch, {}),  # torch takes a last dictionary for named arguments
                path,
                input_names=list(batch),
                output_names=list(tower.outputs),
                dynamic_shapes=free,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # torch raises whatever its parts do
        reason = " ".join(str(error).split())[:300]
        raise ExportError(
            f"encoder {name!r}: torch cannot write its network as {path.name}: {reason}"
        ) from error
    return {key: list(value.shape[1:]) for key, value in batch.items()}


class _quiet_torch:  # noqa: N801 (used as a function)
    """Keep the exporter's advice to its authors from the log."""

    _names = ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")

    def __enter__(self) -> None:
        self._before = {name: logging.getLogger(name).level for name in self._names}
        for name in self._names:
            logging.getLogger(name).setLevel(logging.CRITICAL)

    def __exit__(self, *_: object) -> None:
        for name, level in self._before.items():
            logging.getLogger(name).setLevel(level)
