"""Where a model of open_clip comes from: a tag, a repository of the hub, or a folder."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmm.encoders.folders import find_weights, looks_like_path, read_json, require_mean_and_std
from fgmm.encoders.hub import Wanted, fetch_repository
from fgmm.errors import EncoderBroken, EncoderNotFound, WeightsNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Source", "find_source"]

_CONFIG = "open_clip_config.json"
# open_clip's own order of preference
_WEIGHTS = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
)
_PREPROCESSING = ("mean", "std", "interpolation", "resize_mode")


@dataclass(frozen=True)
class Source:
    """A model: what open_clip calls it, where its files are, and what it depends on."""

    model: str
    weights: Path
    architecture: dict[str, Any]
    preprocessing: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    tokenizer: Path | None = None


def find_source(source: str, name: str) -> Source:
    """Find a model's files and what belongs to them.

    Parameters
    ----------
    source : str
        As in `fgmm.encoders.openclip.OpenClipEncoder`.
    name : str
        The encoder's name, for messages.

    Returns
    -------
    Source

    Raises
    ------
    EncoderBroken, EncoderNotFound, WeightsNotFound
        As there.
    """
    from open_clip import list_models

    if not source:
        raise EncoderNotFound(
            "'openclip' needs a model after the colon: 'openclip:ViT-B-16/openai', "
            "'openclip:hf-hub:owner/name' or 'openclip:/path/to/folder'"
        )
    if source.startswith("hf-hub:"):
        wanted = Wanted(((_CONFIG,), _WEIGHTS), ("*token*", "*.model", "vocab*", "merges.txt"))
        folder = fetch_repository(
            source.removeprefix("hf-hub:"), wanted, name=name, scheme="openclip"
        )
        return _read_folder(folder, name, source.removeprefix("hf-hub:").partition("@")[0])
    architecture, _, tag = source.partition("/")
    if architecture not in list_models():
        path = source.removeprefix("local-dir:")
        if path != source or looks_like_path(source):
            folder = Path(path).expanduser()
            if not folder.is_dir():
                raise WeightsNotFound(f"encoder {name!r}: there is no folder {str(folder)!r}")
            return _read_folder(folder, name, None)
        raise EncoderNotFound(
            f"open_clip has no architecture {architecture!r}. "
            + _nearest(architecture, list_models(), "openclip:{}/...")
        )
    return _find_tag(architecture, tag, name)


def _read_folder(folder: Path, name: str, repository: str | None) -> Source:
    rule = f"An open_clip folder has a {_CONFIG} with 'model_cfg' and 'preprocess_cfg'"
    config = read_json(folder / _CONFIG, name=name, rule=rule)
    architecture = config.get("model_cfg")
    if not isinstance(architecture, dict) or not {"embed_dim", "vision_cfg", "text_cfg"} <= set(
        architecture
    ):
        raise EncoderBroken(f"encoder {name!r}: {folder / _CONFIG} has no whole 'model_cfg'")
    preprocessing = config.get("preprocess_cfg") or {}
    require_mean_and_std(preprocessing, ("mean", "std"), name=name, source=folder / _CONFIG)
    tokenizer_name = architecture["text_cfg"].get("hf_tokenizer_name")
    tokenizer = None
    if tokenizer_name:
        elsewhere = repository is not None and tokenizer_name != repository
        tokenizer = _fetch_tokenizer(tokenizer_name, name) if elsewhere else folder
    return Source(
        model=f"local-dir:{folder}",
        weights=find_weights(folder, _WEIGHTS, name=name),
        architecture=architecture,
        tokenizer=tokenizer,
    )


def _find_tag(architecture: str, tag: str, name: str) -> Source:
    import open_clip

    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if not open_clip.is_pretrained_cfg(architecture, tag):
        asked = f"no tag {tag!r} for" if tag else "no weights named with"
        raise EncoderNotFound(
            f"open_clip has {asked} {architecture!r}. "
            + _nearest(tag, tags, f"openclip:{architecture}/{{}}")
        )
    tagged = open_clip.get_pretrained_cfg(architecture, tag)
    repository, _, file = str(tagged.get("hf_hub", "")).rpartition("/")
    if not repository:
        raise WeightsNotFound(
            f"encoder {name!r}: open_clip knows these weights only as {tagged.get('url')!r}. "
            "Fetch them, and pass a folder: 'openclip:/path/to/folder'"
        )
    names = (file.rpartition(".")[0] + ".safetensors", file) if file else _WEIGHTS
    wanted = Wanted((names,))
    folder = fetch_repository(repository, wanted, name=name, scheme="openclip")
    weights = find_weights(folder, names, name=name)
    require_mean_and_std(tagged, ("mean", "std"), name=name, source="open_clip's list of tags")
    # A tag says which activation its weights were trained with; open_clip only warns where
    # the architecture's own setting differs, and then answers wrongly.
    described = dict(open_clip.get_model_config(architecture))
    quick_gelu = bool(tagged.get("quick_gelu") or described.get("quick_gelu"))
    described["quick_gelu"] = quick_gelu
    preprocessing = {key: tagged[key] for key in _PREPROCESSING if tagged.get(key) is not None}
    tokenizer_name = described["text_cfg"].get("hf_tokenizer_name")
    return Source(
        model=architecture,
        weights=weights,
        architecture=described,
        options={
            "pretrained": str(weights),
            "quick_gelu": quick_gelu,
            **{f"image_{key}": value for key, value in preprocessing.items()},
        },
        tokenizer=_fetch_tokenizer(tokenizer_name, name) if tokenizer_name else None,
    )


def _fetch_tokenizer(repository: str, name: str) -> Path:
    files = ("tokenizer.json", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model")
    wanted = Wanted(((*files, "vocab.txt", "vocab.json"),), ("*token*", "merges.txt", *files))
    return fetch_repository(repository, wanted, name=name, scheme="openclip")


def _nearest(word: str, known: Sequence[str], pattern: str) -> str:
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.4) or list(known[:3])
    names = ", ".join(repr(pattern.format(one)) for one in near)
    rest = len(known) - len(near)
    return f"Nearest: {names}" + (f" ({rest} more)" if rest > 0 else "")
