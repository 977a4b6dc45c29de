"""A folder with an exported encoder: what its record says, and whether its files are those."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fgmm.encoders.folders import read_json
from fgmm.errors import EncoderBroken, WeightsNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "FLOAT",
    "IMAGE_FILE",
    "INT8",
    "INT8_BY_ROW",
    "NUMBERS",
    "RECORD",
    "TEXT_FILE",
    "OnnxRecord",
    "hash_file",
    "read_record",
]

RECORD, IMAGE_FILE, TEXT_FILE = "fgmm_onnx.json", "image.onnx", "text.onnx"
FLOAT, INT8, INT8_BY_ROW = NUMBERS = ("float32", "int8", "int8 by row")
_FORMAT, _VERSION = "fgmm-onnx", 1
_RULE = (
    f"A folder that fgmm.export_encoder wrote has {RECORD}, {IMAGE_FILE} and, for texts, text.onnx"
)
_BLOCK = 1 << 20
_LARGEST = 1 << 20  # numbers in one input or vector


@dataclass(frozen=True)
class OnnxRecord:
    """What stands in ``fgmm_onnx.json``.

    ``image_inputs`` and ``text_inputs`` are the shapes of one picture's and one text's inputs;
    ``files`` the hashes of the graphs, ``numbers`` what they compute in. ``checked`` says how
    far the graphs are from the encoder they were written from. Without a text tower
    ``text_inputs`` is empty.
    """

    source: dict[str, Any]
    preparing: dict[str, Any]
    dim: int
    features_dim: int
    image_inputs: dict[str, list[int]]
    text_inputs: dict[str, list[int]]
    files: dict[str, str]
    numbers: dict[str, str]
    logit_scale: float = 1.0
    logit_bias: float = 0.0
    scoring: str = "softmax"
    context_length: int = 0
    checked: dict[str, Any] = dataclasses.field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        about = {"format": _FORMAT, "version": _VERSION, **dataclasses.asdict(self)}
        text = json.dumps(about, indent=1, ensure_ascii=False)
        (folder / RECORD).write_text(text + "\n", encoding="utf-8")

    @property
    def names(self) -> list[str]:
        """The graphs there have to be."""
        return [IMAGE_FILE, TEXT_FILE] if self.text_inputs else [IMAGE_FILE]


def hash_file(path: Path) -> str:
    """Hash a file's bytes: 24 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=12)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def read_record(folder: Path, *, name: str) -> OnnxRecord:
    """Read the record of a folder, and refuse a folder whose files are not those it names.

    Raises
    ------
    WeightsNotFound
        If there is no such folder, or a graph is missing.
    EncoderBroken
        If the record is missing, says too little or is of a later format, or a graph is damaged
        or another one.
    """
    if not folder.is_dir():
        raise WeightsNotFound(f"encoder {name!r}: there is no folder {str(folder)!r}")
    content = read_json(folder / RECORD, name=name, rule=_RULE)
    if content.get("format") != _FORMAT or content.get("version") != _VERSION:
        raise EncoderBroken(
            f"encoder {name!r}: {folder / RECORD} is of format {content.get('format')!r}, version "
            f"{content.get('version')!r}; this fgmm reads {_FORMAT!r}, version {_VERSION}. Export "
            "it again with this one"
        )
    record = _check(content, folder / RECORD, name)
    for file in record.names:
        path = folder / file
        if not path.is_file():
            raise WeightsNotFound(f"encoder {name!r}: {folder} has no {file}. {_RULE}")
        if hash_file(path) != record.files.get(file):
            raise EncoderBroken(
                f"encoder {name!r}: {path} is not the file that {RECORD} describes: it is "
                "damaged, or another one. Copy the whole folder again, or export it again"
            )
    return record


def _check(content: Mapping[str, Any], path: Path, name: str) -> OnnxRecord:
    def refuse(key: str, rule: str) -> EncoderBroken:
        return EncoderBroken(
            f"encoder {name!r}: {path} has {key} {str(content.get(key))[:80]!r}; {rule}"
        )

    for key in ("source", "preparing", "files", "numbers", "checked"):
        if not isinstance(content.get(key), dict):
            raise refuse(key, "it has to be an object")
    for key in ("dim", "features_dim"):
        if not _is_size(content.get(key)):
            raise refuse(key, f"it has to be a whole number from 1 to {_LARGEST}")
    for key in ("image_inputs", "text_inputs"):
        inputs = content.get(key)
        whole = isinstance(inputs, dict) and all(
            isinstance(shape, list) and all(map(_is_size, shape)) for shape in inputs.values()
        )
        if not whole or (key == "image_inputs" and not inputs):
            raise refuse(key, "it has to be an object of names and shapes")
    for key in ("logit_scale", "logit_bias"):
        number: Any = content.get(key)
        if type(number) not in (int, float) or not abs(number) < float("inf"):
            raise refuse(key, "it has to be a number")
    if content.get("scoring") not in ("softmax", "sigmoid"):
        raise refuse("scoring", "it has to be 'softmax' or 'sigmoid'")
    graphs = [IMAGE_FILE, TEXT_FILE] if content["text_inputs"] else [IMAGE_FILE]
    if any(content["numbers"].get(file) not in NUMBERS for file in graphs):
        raise refuse("numbers", f"each of {', '.join(graphs)} has to have one of {NUMBERS}")
    if content["text_inputs"] and not _is_size(content.get("context_length")):
        raise refuse("context_length", "it has to be a number of tokens")
    fields = {field.name for field in dataclasses.fields(OnnxRecord)}
    return OnnxRecord(**{key: value for key, value in content.items() if key in fields})


def _is_size(value: object) -> bool:
    return type(value) is int and 0 < value <= _LARGEST
