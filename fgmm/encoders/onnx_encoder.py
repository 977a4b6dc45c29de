"""Encoders that `fgmm.export_encoder` wrote, computed by onnxruntime on the processor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from fgmm.encoders.device import choose_dtype
from fgmm.encoders.neural import NeuralImageEncoder
from fgmm.encoders.neural_text import NeuralEncoder
from fgmm.encoders.onnx_files import IMAGE_FILE, INT8_BY_ROW, TEXT_FILE, read_record
from fgmm.encoders.onnx_graph import Graph, check_graph
from fgmm.encoders.onnx_preparing import load_preparing
from fgmm.errors import DeviceError, EncoderBroken, EncoderNotFound, ExportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image
    from torch import Tensor

    from fgmm.encoders.base import Layer
    from fgmm.encoders.neural import Prepared
    from fgmm.encoders.onnx_files import OnnxRecord
    from fgmm.encoders.onnx_preparing import Preparing
    from fgmm.encoders.registry import OnLong

__all__ = ["OnnxEncoder", "OnnxImageEncoder", "load_onnx"]


def load_onnx(
    source: str,
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype | None = None,
    on_long: OnLong = "error",
) -> OnnxEncoder | OnnxImageEncoder:
    """Load a folder that `fgmm.export_encoder` wrote.

    Parameters
    ----------
    source : str
        The folder.
    device : str or torch.device, default="auto"
        "auto" or "cpu": these encoders are for the processor.
    dtype : optional
        float32: a folder's graphs compute in what they were written in.
    on_long
        As in `fgmm.load_encoder`.

    Returns
    -------
    OnnxEncoder or OnnxImageEncoder
        The second where there is no text tower.

    Raises
    ------
    EncoderNotFound
        If no folder is named.
    WeightsNotFound
        If the folder or one of its graphs is missing.
    EncoderBroken
        If its files are damaged, are not those of its record, or reach outside the folder.
    DeviceError
        If another device or kind of number is asked for.
    MissingExtra
        If onnx or onnxruntime is not installed.
    """
    if not source:
        raise EncoderNotFound("'onnx' needs a folder after the colon: 'onnx:/path/to/folder'")
    name = f"onnx:{source}"
    if str(device) not in ("auto", "cpu"):
        raise DeviceError(
            f"encoder {name!r} computes on the processor, and {str(device)!r} was asked for: load "
            "it with device='cpu', or load the encoder it was exported from"
        )
    if choose_dtype(dtype) is not torch.float32:
        raise DeviceError(
            f"encoder {name!r} computes in what it was exported in, not in {dtype!r}: leave out "
            "dtype, or export it with int8"
        )
    folder = Path(source).expanduser()
    record = read_record(folder, name=name)
    for file in record.names:
        check_graph(folder / file, name=name)
    preparing = load_preparing(record.preparing, folder, name=name)
    if record.text_inputs:
        return OnnxEncoder(name, folder, record, preparing, on_long=on_long)
    return OnnxImageEncoder(name, folder, record, preparing)


class _Pictures:
    """What both kinds do with pictures."""

    name: str
    _preparing: Preparing
    _record: OnnxRecord
    _image_graph: Graph

    def _open(self, folder: Path, record: OnnxRecord, preparing: Preparing) -> None:
        self._preparing, self._record = preparing, record
        outputs = {"joint": record.dim, "features": record.features_dim}
        by_row = record.numbers[IMAGE_FILE] == INT8_BY_ROW
        self._image_graph = Graph(
            folder / IMAGE_FILE, record.image_inputs, outputs, by_row=by_row, name=self.name
        )
        self._layout = torch.contiguous_format  # what onnxruntime takes

    def _prepare(self, image: Image) -> Prepared:
        prepared = self._preparing.picture(image)
        shapes = {key: list(value.shape) for key, value in prepared.items()}
        if shapes != self._record.image_inputs:
            raise EncoderBroken(
                f"encoder {self.name!r}: its preprocessing makes {shapes} of a picture, and its "
                f"network takes {self._record.image_inputs}"
            )
        return prepared

    def _write_preparing(self, folder: Path) -> dict[str, Any]:
        raise ExportError(
            f"encoder {self.name!r} is an export already; export the encoder it was made from"
        )

    def _encode_pictures(self, batch: dict[str, Any], layer: Layer) -> Tensor:
        return self._image_graph.run(batch, [layer])[0]

    def _encode_both(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        joint, features = self._image_graph.run(batch, ["joint", "features"])
        return joint, features


class OnnxImageEncoder(_Pictures, NeuralImageEncoder):
    """An exported encoder of pictures alone; made by `load_onnx`.

    Attributes
    ----------
    space : str
        Fingerprint of the graph's file and the preprocessing: a space of its own, not that of
        the encoder it was exported from.
    dim : int
        Length of a joint vector.
    """

    def __init__(self, name: str, folder: Path, record: OnnxRecord, preparing: Preparing) -> None:
        super().__init__(
            name,
            torch.nn.Module(),
            library="onnx",
            dim=record.dim,
            description=_describe(record, preparing),
            device="cpu",
            dtype=None,
        )
        self._open(folder, record, preparing)


class OnnxEncoder(_Pictures, NeuralEncoder):
    """An exported encoder of pictures and texts; made by `load_onnx`.

    Attributes
    ----------
    space : str
        Fingerprint of the graphs' files, preprocessing and tokenizer: a space of its own, not
        that of the encoder it was exported from.
    dim : int
        Length of a joint vector.
    logit_scale, logit_bias : float
        ``logit = logit_scale * cosine + logit_bias``.
    scoring : {"softmax", "sigmoid"}
        How the encoder was trained to read its logits.
    context_length : int
        Longest text in tokens, special tokens counted.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        record: OnnxRecord,
        preparing: Preparing,
        *,
        on_long: OnLong = "error",
    ) -> None:
        scoring: Any = record.scoring
        super().__init__(
            name,
            torch.nn.Module(),
            logit_scale=float(record.logit_scale),
            logit_bias=float(record.logit_bias),
            scoring=scoring,
            context_length=record.context_length,
            on_long=on_long,
            library="onnx",
            dim=record.dim,
            description=_describe(record, preparing),
            device="cpu",
            dtype=None,
        )
        if preparing.texts is None or preparing.count is None:
            raise EncoderBroken(f"encoder {name!r}: its record describes no tokenizer")
        self._tokenize_texts, self._count = preparing.texts, preparing.count
        self._open(folder, record, preparing)
        by_row = record.numbers[TEXT_FILE] == INT8_BY_ROW
        self._text_graph = Graph(
            folder / TEXT_FILE, record.text_inputs, {"joint": record.dim}, by_row=by_row, name=name
        )

    def _count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._count(texts)

    def _tokenize(self, texts: Sequence[str]) -> dict[str, Tensor]:
        return self._tokenize_texts(texts)

    def _encode_tokens(self, batch: dict[str, Any]) -> Tensor:
        return self._text_graph.run(batch, ["joint"])[0]


def _describe(record: OnnxRecord, preparing: Preparing) -> dict[str, object]:
    graphs = {file: [record.files[file], record.numbers[file]] for file in record.names}
    return {"graphs": graphs, **preparing.description}
