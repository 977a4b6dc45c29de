"""Writing an encoder as ONNX, and checking that what was written is the same encoder."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from fgmm.encoders.check_tools import some_pictures
from fgmm.encoders.neural import NeuralImageEncoder
from fgmm.encoders.neural_text import NeuralEncoder
from fgmm.encoders.onnx_agreement import compare_encoders
from fgmm.encoders.onnx_encoder import load_onnx
from fgmm.encoders.onnx_files import (
    FLOAT,
    IMAGE_FILE,
    INT8,
    INT8_BY_ROW,
    TEXT_FILE,
    OnnxRecord,
    hash_file,
)
from fgmm.encoders.onnx_graph import import_onnx
from fgmm.encoders.onnx_preparing import load_preparing
from fgmm.encoders.onnx_quantization import (
    is_convolutional,
    quantize_dynamically,
    quantize_with_pictures,
)
from fgmm.encoders.onnx_tracing import ImageTower, TextTower, trace_tower
from fgmm.encoders.registry import load_encoder
from fgmm.errors import ExportError

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from PIL.Image import Image
    from torch import Tensor

    from fgmm.encoders.base import ImageEncoder
    from fgmm.encoders.onnx_agreement import Agreement
    from fgmm.images import ImageSource

__all__ = ["Export", "export_encoder"]

_LARGEST = 1_900_000_000  # bytes: an ONNX file ends at two gigabytes


@dataclass(frozen=True)
class Export:
    """What `export_encoder` wrote: ``name`` loads it, ``agreement`` is by layer."""

    folder: Path
    numbers: dict[str, str]
    bytes: dict[str, int]
    agreement: dict[str, Agreement]

    @property
    def name(self) -> str:
        """What `fgmm.load_encoder` loads it by."""
        return f"onnx:{self.folder}"


def export_encoder(
    encoder: str | ImageEncoder,
    folder: str | os.PathLike[str],
    *,
    int8: bool = False,
    pictures: Sequence[ImageSource] = (),
    least_cosine: float | None = None,
) -> Export:
    """Write an encoder as ONNX into a folder that ``onnx:FOLDER`` loads.

    Parameters
    ----------
    encoder : str or encoder
        Of open_clip, transformers or timm, or ``tiny``. An object has to be on the processor
        and in float32.
    folder : path
        New, or empty. It appears only when all in it is written and checked.
    int8 : bool, default=False
        Whether the networks compute in whole numbers of eight bits. Their vectors are then
        other vectors, near the encoder's.
    pictures : sequence of paths, bytes, arrays or PIL pictures
        What a convolutional image tower is fitted to eight bits with, and checked with: some
        hundred of the kind to come. Without ``int8``, and for transformers, only checked with.
    least_cosine : float, optional
        The smallest cosine allowed between a vector of the export and the encoder's own:
        0.99999 where None, and 0.95 with ``int8``.

    Returns
    -------
    Export

    Raises
    ------
    ExportError
        If the encoder is of a kind that cannot be written, the folder is not empty, pictures
        are missing for ``int8``, or what was written does not give the encoder's vectors.
    MissingExtra
        If onnx, onnxruntime or onnxscript is not installed.

    Notes
    -----
    The checks go the whole way, from pictures and texts to vectors, at batches of one and of
    several.

    Examples
    --------
    >>> from fgmm import export_encoder, load_encoder
    >>> export = export_encoder("tiny", folder)  # doctest: +SKIP
    >>> load_encoder(export.name).dim  # doctest: +SKIP
    256
    """
    for module in ("onnx", "onnxruntime", "onnxscript"):
        import_onnx(module)
    target = Path(folder).expanduser().absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ExportError(f"{target} is there already; name a folder that is new or empty")
    network = _check_encoder(encoder)
    shown = _read(pictures)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        record = _write(network, draft, [network.prepare(one) for one in shown], int8)
        agreement = compare_encoders(network, load_onnx(str(draft)), shown, int8, least_cosine)
        checked = {layer: asdict(one) for layer, one in agreement.items()}
        OnnxRecord(**{**vars(record), "checked": checked}).write(draft)
        draft.chmod(0o755)
        if target.exists():
            target.rmdir()
        draft.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    sizes = {file: (target / file).stat().st_size for file in record.names}
    return Export(target, record.numbers, sizes, agreement)


def _check_encoder(encoder: str | ImageEncoder) -> NeuralImageEncoder:
    found: Any = load_encoder(encoder, device="cpu") if isinstance(encoder, str) else encoder
    if not isinstance(found, NeuralImageEncoder):
        raise ExportError(
            f"{encoder!r} cannot be exported: it is a {type(found).__name__}, no network of "
            "open_clip, transformers or timm"
        )
    if found._device.type != "cpu" or found.dtype is not torch.float32:
        raise ExportError(
            f"{found!r} cannot be exported as it is: load it with device='cpu' and without a dtype"
        )
    size = sum(one.numel() for one in found._model.parameters()) * 4
    if size > _LARGEST:
        raise ExportError(
            f"encoder {found.name!r} has {size / 1e9:.1f} GB of weights; one ONNX file holds two"
        )
    return found


def _read(pictures: Sequence[ImageSource]) -> list[Image]:
    from fgmm.images import read_image

    return [read_image(one) for one in pictures]


def _write(
    encoder: NeuralImageEncoder, folder: Path, shown: Sequence[dict[str, Tensor]], int8: bool
) -> OnnxRecord:
    preparing = encoder._write_preparing(folder)
    loaded = load_preparing(preparing, folder, name=encoder.name)
    prepared = [loaded.picture(one) for one in some_pictures()]
    numbers = {IMAGE_FILE: FLOAT}
    inputs = trace_tower(ImageTower(encoder), prepared, folder / IMAGE_FILE, encoder.name)
    texts: dict[str, list[int]] = {}
    more: dict[str, Any] = {}
    if isinstance(encoder, NeuralEncoder) and loaded.texts is not None:
        rows = loaded.texts(["a red circle", "blue"])
        tokens = [{key: value[i] for key, value in rows.items()} for i in range(2)]
        texts = trace_tower(TextTower(encoder), tokens, folder / TEXT_FILE, encoder.name)
        numbers[TEXT_FILE] = FLOAT
        more = {key: getattr(encoder, key) for key in _SAID}
    if int8:
        _quantize(folder, numbers, shown, encoder.name)
    features = encoder.encode_images(some_pictures()[:1], layer="features")
    record = OnnxRecord(
        source={"name": encoder.name, "space": encoder.space},
        preparing=preparing,
        dim=encoder.dim,
        features_dim=features.dim,
        image_inputs=inputs,
        text_inputs=texts,
        files={file: hash_file(folder / file) for file in numbers},
        numbers=numbers,
        **more,
    )
    record.write(folder)
    return record


_SAID = ("logit_scale", "logit_bias", "scoring", "context_length")


def _quantize(
    folder: Path, numbers: dict[str, str], shown: Sequence[dict[str, Tensor]], name: str
) -> None:
    if is_convolutional(folder / IMAGE_FILE):
        if not shown:
            raise ExportError(
                f"encoder {name!r}: its image tower is convolutional, and int8 needs pictures to "
                "fit its scales to: pass some hundred of the kind to come (pictures=..., or "
                "--pictures)"
            )
        quantize_with_pictures(folder / IMAGE_FILE, shown)
        numbers[IMAGE_FILE] = INT8
    for file, kept in numbers.items():
        if kept == FLOAT:
            quantize_dynamically(folder / file)
            numbers[file] = INT8_BY_ROW
