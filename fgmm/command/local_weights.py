"""Which models lie on this machine, found without loading any of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cached_models", "folder_bytes", "hub_folder", "in_words", "tiny_bytes", "tiny_folder"]

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth")
_READ_BY_HF = {"clip", "siglip", "siglip2", "dinov2"}


def in_words(n_bytes: int) -> str:
    """Give a number of bytes as people say it.

    Examples
    --------
    >>> in_words(999), in_words(25_300_000)
    ('999 bytes', '25.3 MB')
    """
    size, units = float(n_bytes), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.0f} bytes" if units[0] == "bytes" else f"{size:.1f} {units[0]}"


def folder_bytes(folder: Path) -> int:
    """Add up the files of a folder, links counted once; 0 if there is no such folder."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)


def tiny_folder() -> Path:
    """Say where the files of `tiny` are, if they came with this installation."""
    return Path(__file__).parents[1] / "weights" / "tiny"


def tiny_bytes() -> str:
    """Say how large the files of `tiny` are; nothing if they did not come along."""
    folder = tiny_folder()
    return in_words(folder_bytes(folder)) if any(folder.glob("*.safetensors")) else ""


def hub_folder() -> Path:
    """Say where the Hugging Face hub's client keeps what it fetched."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def cached_models() -> dict[str, list[str]]:
    """Give the models in the hub's cache that an encoder can read.

    Returns
    -------
    dict of str to list of str
        Encoder to names that can follow its colon, with their sizes.
    """
    found: dict[str, list[str]] = {}
    folder = hub_folder()
    for repository in sorted(folder.glob("models--*--*")) if folder.is_dir() else []:
        name = repository.name.removeprefix("models--").replace("--", "/")
        size = in_words(folder_bytes(repository / "blobs"))
        for encoder, prefix in _readers(repository):
            found.setdefault(encoder, []).append(f"{prefix}{name} ({size})")
    return found


def _readers(repository: Path) -> Iterator[tuple[str, str]]:
    for snapshot in sorted((repository / "snapshots").glob("*")):
        if not any(path.suffix in _WEIGHTS for path in snapshot.iterdir()):
            continue
        if (snapshot / "open_clip_config.json").is_file():
            yield "openclip", "hf-hub:"
        config = _read_config(snapshot / "config.json")
        if config.get("model_type") in _READ_BY_HF:
            yield "hf", ""
        if "architecture" in config and "pretrained_cfg" in config:
            yield "timm", "hf-hub:"
        return


def _read_config(path: Path) -> dict[str, object]:
    try:
        config: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}
