"""A graph in ONNX: refused if it reaches outside its file, run on as many threads as torch uses."""

from __future__ import annotations

import importlib
import threading
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch

from fgmm.errors import EncoderBroken, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

__all__ = ["Graph", "check_graph", "import_onnx"]

_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
_KINDS = {"tensor(float)": torch.float32, "tensor(int64)": torch.int64}
_SILENT = 3  # onnxruntime writes to stderr itself; errors come as exceptions


def import_onnx(module: str) -> Any:
    """Import a module of the packages that ``fgmm[onnx]`` installs.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"ONNX needs the package {module.partition('.')[0]!r}, which does not import here "
            f"({error}). Install it with: pip install 'fgmm[onnx]'"
        ) from error


def check_graph(path: Path, *, name: str) -> None:
    """Refuse a file that is no ONNX graph, or whose graph reaches outside the file.

    A graph may name other files as the place of its weights, and operators that somebody's
    library computes. What fgmm writes has neither.

    Raises
    ------
    EncoderBroken
        If it is so.
    """
    onnx = import_onnx("onnx")
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's own kinds
        raise EncoderBroken(
            f"encoder {name!r}: {path} cannot be read as ONNX: {' '.join(str(error).split())[:200]}"
        ) from error
    if not model.graph.node:
        raise EncoderBroken(f"encoder {name!r}: {path} holds no ONNX graph")
    graphs = list(_graphs(model.graph))
    strange = {node.domain for graph in graphs for node in graph.node} - _DOMAINS
    if strange or model.functions:
        raise EncoderBroken(
            f"encoder {name!r}: {path} asks for operators of its own "
            f"({', '.join(sorted(strange)) or 'functions'}); only ONNX's and onnxruntime's are run"
        )
    external = onnx.TensorProto.EXTERNAL
    for tensor in chain.from_iterable(map(_tensors, graphs)):
        if tensor.data_location == external or tensor.external_data:
            raise EncoderBroken(
                f"encoder {name!r}: {path} keeps the weights {tensor.name!r} in another file. All "
                "of a graph has to be in its own; write it with fgmm.export_encoder"
            )


def _graphs(graph: Any) -> Iterator[Any]:
    """The graph, and those inside of its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node or inner.initializer:
                    yield from _graphs(inner)


def _tensors(graph: Any) -> Iterator[Any]:
    attributes = [one for node in graph.node for one in node.attribute]
    sparse = list(graph.sparse_initializer)
    yield from graph.initializer
    for attribute in attributes:
        yield from (attribute.t, *attribute.tensors)
        sparse += [attribute.sparse_tensor, *attribute.sparse_tensors]
    for one in sparse:
        yield from (one.values, one.indices)


class Graph:
    """A graph on disk, loaded by onnxruntime for the processor.

    onnxruntime fixes the number of threads when it loads; torch's can change, and be another in
    each thread. So there is one loaded copy for each number that was asked with.

    Parameters
    ----------
    path : Path
        Checked by `check_graph`.
    inputs : mapping of str to sequence of int
        The shape of each input without its first dimension, which is the batch.
    outputs : mapping of str to int
        How long the vectors of each output are.
    by_row : bool, default=False
        Compute a batch row by row. An int8 graph that finds its scales as it goes finds them for
        the batch, and a row must not depend on the others.
    name : str
        The encoder's name, for messages.

    Raises
    ------
    EncoderBroken
        If onnxruntime does not load it, or its inputs and outputs are others.
    MissingExtra
        If onnxruntime is not installed.
    """

    def __init__(
        self,
        path: Path,
        inputs: Mapping[str, Sequence[int]],
        outputs: Mapping[str, int],
        *,
        by_row: bool = False,
        name: str,
    ) -> None:
        self._path = path
        self._by_row = by_row
        self._name = name
        self._loading = threading.Lock()
        self._sessions: dict[int, Any] = {}
        found = self._session()
        self._inputs = {one.name: _KINDS.get(one.type) for one in found.get_inputs()}
        given = {one.name: list(one.shape[1:]) for one in found.get_inputs()}
        free = [one.name for one in found.get_inputs() if not isinstance(one.shape[0], str)]
        wide = {one.name: one.shape[-1] for one in found.get_outputs()}
        if given != {key: list(shape) for key, shape in inputs.items()} or wide != dict(outputs):
            raise EncoderBroken(
                f"encoder {name!r}: {path} takes {given} and gives {wide}; described are "
                f"{dict(inputs)} and {dict(outputs)}"
            )
        if free or None in self._inputs.values():
            raise EncoderBroken(
                f"encoder {name!r}: {path} takes no batch of any size of float32 or int64 numbers"
            )

    def run(self, batch: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
        """Compute some outputs of a batch.

        Parameters
        ----------
        batch : mapping of str to Tensor
            Every input, on the processor.
        outputs : sequence of str

        Returns
        -------
        list of Tensor
            float32, as many rows as the batch.
        """
        fed = {key: batch[key].to(kind).contiguous().numpy() for key, kind in self._inputs.items()}
        session, rows = self._session(), len(next(iter(fed.values())))
        parts = [slice(i, i + 1) for i in range(rows)] if self._by_row else [slice(None)]
        try:
            found = [
                session.run(list(outputs), {key: value[part] for key, value in fed.items()})
                for part in parts
            ]
        except Exception as error:  # onnxruntime has a dozen kinds of its own
            reason = " ".join(str(error).split())[:300]
            raise EncoderBroken(
                f"encoder {self._name!r}: onnxruntime cannot compute {self._path.name}: {reason}"
            ) from error
        return [torch.cat(list(map(torch.from_numpy, one))) for one in zip(*found, strict=True)]

    def _session(self) -> Any:
        threads = torch.get_num_threads()
        with self._loading:
            if threads not in self._sessions:
                self._sessions[threads] = self._load(threads)
            return self._sessions[threads]

    def _load(self, threads: int) -> Any:
        onnxruntime = import_onnx("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _SILENT
        # waiting threads would otherwise take the cores of those that decode pictures
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return onnxruntime.InferenceSession(
                str(self._path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            raise EncoderBroken(
                f"encoder {self._name!r}: onnxruntime cannot load {self._path}: {reason}"
            ) from error
