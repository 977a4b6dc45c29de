"""Graphs in whole numbers of eight bits: smaller, and faster where the processor is made for it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fgmm.encoders.onnx_graph import import_onnx

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from torch import Tensor

__all__ = ["is_convolutional", "quantize_dynamically", "quantize_with_pictures"]

_AT_ONCE = 16


def is_convolutional(path: Path) -> bool:
    """Tell whether a graph computes more by convolutions than by products of matrices."""
    kinds = [node.op_type for node in import_onnx("onnx").load(path).graph.node]
    return kinds.count("Conv") > kinds.count("MatMul") + kinds.count("Gemm")


def quantize_dynamically(path: Path) -> None:
    """Replace a graph by one whose matrices are int8; activations are scaled as they come.

    For transformers. Nothing has to be known of the pictures or texts to come. The scales are
    those of a whole batch: rows have to be computed one by one, or they depend on each other.

    Parameters
    ----------
    path : Path
        Of a graph in float32.
    """
    tools = import_onnx("onnxruntime.quantization")
    with _prepared(path) as ready, _quietly():
        tools.quantize_dynamic(
            ready,
            path,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=tools.QuantType.QInt8,
        )


def quantize_with_pictures(path: Path, pictures: Sequence[dict[str, Tensor]]) -> None:
    """Replace a graph by one that computes in int8, scaled by what is seen on some pictures.

    For convolutional networks.

    Parameters
    ----------
    path : Path
        Of a graph in float32.
    pictures : sequence of dict
        Prepared as for the network; a hundred of the kind to come are enough.
    """
    tools = import_onnx("onnxruntime.quantization")

    class Reader(tools.CalibrationDataReader):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.batches = _batches(pictures)

        def get_next(self) -> dict[str, Any] | None:
            return next(self.batches, None)

    with _prepared(path) as ready, _quietly():
        tools.quantize_static(
            ready,
            path,
            Reader(),
            quant_format=tools.QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            activation_type=tools.QuantType.QUInt8,
            weight_type=tools.QuantType.QInt8,
        )


def _batches(pictures: Sequence[dict[str, Tensor]]) -> Iterator[dict[str, Any]]:
    import torch

    for start in range(0, len(pictures), _AT_ONCE):
        some = pictures[start : start + _AT_ONCE]
        yield {key: torch.stack([one[key] for one in some]).numpy() for key in some[0]}


@contextmanager
def _prepared(path: Path) -> Iterator[Path]:
    """The graph as onnxruntime wants it before: shapes known, what can be joined joined."""
    steps = import_onnx("onnxruntime.quantization.shape_inference")
    ready = path.with_suffix(".ready.onnx")
    try:
        with _quietly():
            steps.quant_pre_process(path, ready, skip_symbolic_shape=True)
        onnx = import_onnx("onnx")
        model = onnx.load(ready)
        # the shapes of matrices too are noted there, and onnxruntime turns some without a note
        del model.graph.value_info[:]
        onnx.save(model, ready)
        yield ready
    finally:
        ready.unlink(missing_ok=True)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep onnxruntime from writing advice to the root logger."""
    root = logging.getLogger()
    before, had = root.level, list(root.handlers)
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)
        root.handlers[:] = had
