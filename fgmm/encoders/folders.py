"""An encoder's files on disk: their configuration, and weights that are safe to read."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmm.errors import EncoderBroken, WeightsNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["check_weights", "find_weights", "looks_like_path", "read_json", "require_mean_and_std"]


def looks_like_path(name: str) -> bool:
    """Tell a folder from a model's name: it exists, or is written as only paths are."""
    written = name.startswith(("/", "./", "../", "~", ".\\", "..\\")) or name[1:3] in (":\\", ":/")
    return written or Path(name).expanduser().is_dir()


def read_json(path: Path, *, name: str, rule: str) -> dict[str, Any]:
    """Read a configuration file.

    Parameters
    ----------
    path : Path
    name, rule : str
        The encoder's name and why it needs the file, for the message.

    Returns
    -------
    dict

    Raises
    ------
    EncoderBroken
        If the file is missing or is not a JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EncoderBroken(
            f"encoder {name!r}: {path.parent} has no {path.name}. {rule}"
        ) from error
    except (OSError, ValueError) as error:
        raise EncoderBroken(
            f"encoder {name!r}: {path} cannot be read as JSON: {error}. {rule}"
        ) from error
    if not isinstance(content, dict):
        raise EncoderBroken(f"encoder {name!r}: {path} is not a JSON object. {rule}")
    return content


def require_mean_and_std(
    preprocessing: Mapping[str, Any], keys: tuple[str, str], *, name: str, source: object
) -> None:
    """Refuse preprocessing that does not say how pictures are normalised.

    Weights fed pictures normalised for other weights answer wrongly without failing, so
    nothing is ever filled in by default.

    Raises
    ------
    EncoderBroken
        If either of the two keys does not hold numbers.
    """
    for key in keys:
        numbers = preprocessing.get(key)
        if isinstance(numbers, (int, float)):
            numbers = [numbers]
        if not isinstance(numbers, (list, tuple)) or not numbers:
            raise EncoderBroken(
                f"encoder {name!r}: the preprocessing in {source} has no {key!r}. The right "
                "preprocessing has to come with the weights; add it as their authors give it"
            )


def find_weights(folder: Path, names: Sequence[str], *, name: str) -> Path:
    """Find a folder's weights, the first of several names, and check that they are safe.

    Raises
    ------
    WeightsNotFound
        If none of the names is there.
    EncoderBroken
        If the file holds more than tensors, or is damaged.
    """
    for candidate in names:
        if (folder / candidate).is_file():
            check_weights(folder / candidate, name=name)
            return folder / candidate
    raise WeightsNotFound(
        f"encoder {name!r}: {folder} has no weights; it needs one of {', '.join(names)}"
    )


def check_weights(path: Path, *, name: str) -> None:
    """Refuse a file of weights that is damaged or that holds anything but tensors.

    Libraries fall back to running a pickle when reading it as tensors fails; so the file is
    read here first, as tensors only and, where its format allows, without loading them.

    Raises
    ------
    EncoderBroken
        If it is so.
    """
    import torch
    from safetensors import safe_open

    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                file.keys()
        elif path.name.endswith(".index.json"):
            for shard in _shards(path):
                check_weights(shard, name=name)
        else:
            torch.load(
                path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path) or None
            )
    except EncoderBroken:
        raise
    except Exception as error:  # the readers raise a dozen kinds
        raise EncoderBroken(
            f"encoder {name!r}: {path} is not a file of weights alone: it is damaged, or a pickle "
            "that would run code. Weights are read from safetensors, or from what "
            "torch.load(weights_only=True) reads; save them with safetensors.torch.save_file"
        ) from error


def _shards(index: Path) -> list[Path]:
    names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    return [index.parent / Path(shard).name for shard in sorted(names)]
