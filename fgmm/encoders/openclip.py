"""Encoders of open_clip: a tag, a repository of the hub, or a folder."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fgmm.encoders.device import choose_device, choose_dtype
from fgmm.encoders.folders import (
    find_weights,
    looks_like_path,
    read_json,
    require_mean_and_std,
)
from fgmm.encoders.hub import Wanted, fetch_repository
from fgmm.encoders.neural import NeuralEncoder
from fgmm.encoders.openclip_text import load_tokenizer
from fgmm.encoders.openclip_trunk import pool_features, remove_projection
from fgmm.errors import EncoderBroken, EncoderNotFound, WeightsNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from PIL.Image import Image
    from torch import Tensor

    from fgmm.encoders.base import Layer
    from fgmm.encoders.neural import Prepared
    from fgmm.encoders.registry import OnLong

__all__ = ["OpenClipEncoder"]

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
class _Source:
    """Where a model comes from: what open_clip calls it, and what it depends on."""

    model: str
    weights: Path
    architecture: dict[str, Any]
    preprocessing: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    tokenizer: Path | None = None


class OpenClipEncoder(NeuralEncoder):
    """A model of open_clip, CLIP or SigLIP.

    Parameters
    ----------
    source : str
        ``ViT-B-16/openai`` (architecture and tag), ``hf-hub:owner/name`` or a folder with
        ``open_clip_config.json``, weights, and the tokenizer's files where the configuration
        names an ``hf_tokenizer_name``.
    device, dtype, on_long
        As in `fgmm.load_encoder`.

    Attributes
    ----------
    space : str
        Fingerprint of architecture, weights, preprocessing and tokenizer.
    dim : int
        Length of a joint vector.
    logit_scale, logit_bias : float
        ``logit = logit_scale * cosine + logit_bias``.
    scoring : {"softmax", "sigmoid"}
        "sigmoid" where the model has a bias.
    context_length : int
        Longest text in tokens, special tokens counted.

    Raises
    ------
    EncoderNotFound
        If open_clip has no such architecture or tag; the message gives the nearest.
    WeightsNotFound
        If the files are neither here nor to be had.
    EncoderBroken
        If they do not make a whole encoder, or hold more than tensors.

    Notes
    -----
    ``layer="features"`` is what the image tower gives before its last projection. Where an
    attention pooling does pooling and projection in one (ModifiedResNet, timm towers with
    ``abs_attn`` or ``rot_attn``) it is the mean over the picture of what enters the pooling.
    """

    def __init__(
        self,
        source: str,
        *,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype | None = None,
        on_long: OnLong = "error",
        name: str | None = None,
    ) -> None:
        import open_clip

        device, dtype = choose_device(device), choose_dtype(dtype)
        name = name or f"openclip:{source}"
        found = _find_source(source, name)
        try:
            model, transform = open_clip.create_model_from_pretrained(
                found.model, **found.options, device="cpu", precision="fp32", weights_only=True
            )
        except Exception as error:  # open_clip raises whatever its parts do
            reason = " ".join(str(error).split())[:300]
            raise EncoderBroken(
                f"encoder {name!r}: open_clip cannot build the model from {found.weights}: {reason}"
            ) from error
        self._transform = transform
        self._tokenizer = load_tokenizer(
            found.architecture.get("text_cfg", {}), found.tokenizer, name=name
        )
        bias = getattr(model, "logit_bias", None)
        super().__init__(
            name,
            model,
            logit_scale=float(model.logit_scale.detach().exp()),
            logit_bias=0.0 if bias is None else float(bias.detach()),
            scoring="softmax" if bias is None else "sigmoid",
            context_length=self._tokenizer.context_length,
            on_long=on_long,
            library="openclip",
            dim=int(found.architecture["embed_dim"]),
            description={
                "architecture": found.architecture,
                "preprocessing": dict(model.visual.preprocess_cfg),
                "tokenizer": self._tokenizer.description,
            },
            device=device,
            dtype=dtype,
        )
        self._trunk = remove_projection(self._model.visual)

    def _prepare(self, image: Image) -> Prepared:
        return {"image": self._transform(image)}

    def _encode_pictures(self, batch: dict[str, Any], layer: Layer) -> Tensor:
        if layer == "joint":
            vectors: Tensor = self._model.encode_image(batch["image"])
            return vectors
        return pool_features(self._trunk(batch["image"]))

    def _count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._tokenizer.count(texts)

    def _tokenize(self, texts: Sequence[str]) -> dict[str, Tensor]:
        return {"text": self._tokenizer.tokenize(texts)}

    def _encode_tokens(self, batch: dict[str, Any]) -> Tensor:
        vectors: Tensor = self._model.encode_text(batch["text"])
        return vectors


def _find_source(source: str, name: str) -> _Source:
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


def _read_folder(folder: Path, name: str, repository: str | None) -> _Source:
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
    return _Source(
        model=f"local-dir:{folder}",
        weights=find_weights(folder, _WEIGHTS, name=name),
        architecture=architecture,
        tokenizer=tokenizer,
    )


def _find_tag(architecture: str, tag: str, name: str) -> _Source:
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
    return _Source(
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
