"""Encoders of open_clip, CLIP and SigLIP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fgmm.encoders.device import choose_device, choose_dtype
from fgmm.encoders.fingerprint import choose_keys
from fgmm.encoders.neural_text import NeuralEncoder
from fgmm.encoders.openclip_files import find_source
from fgmm.encoders.openclip_text import copy_tokenizer, load_tokenizer
from fgmm.encoders.openclip_trunk import find_projection, pool_features, remove_projection
from fgmm.errors import EncoderBroken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch
    from PIL.Image import Image
    from torch import Tensor

    from fgmm.encoders.base import Layer
    from fgmm.encoders.neural import Prepared
    from fgmm.encoders.registry import OnLong

__all__ = ["OpenClipEncoder"]

# of what open_clip fills in: all that decides which pixels the network is shown
_SEEN = ("size", "mode", "mean", "std", "interpolation", "resize_mode", "fill_color")

# of a text tower's configuration: all that decides which tokens it is given
_READ = ("context_length", "hf_tokenizer_name", "tokenizer_kwargs", "tokenizer_mode")


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
        found = find_source(source, name)
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
        self._source = found
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
                "preprocessing": choose_keys(model.visual.preprocess_cfg, _SEEN),
                "tokenizer": self._tokenizer.description,
            },
            device=device,
            dtype=dtype,
        )
        self._trunk = remove_projection(self._model.visual)
        self._projection = find_projection(self._model.visual)

    def _prepare(self, image: Image) -> Prepared:
        return {"image": self._transform(image)}

    def _write_preparing(self, folder: Path) -> dict[str, Any]:
        if self._source.tokenizer is not None:
            copy_tokenizer(self._source.tokenizer, folder)
        return {
            "library": "openclip",
            "preprocessing": choose_keys(self._model.visual.preprocess_cfg, _SEEN),
            "text": choose_keys(self._source.architecture["text_cfg"], _READ),
        }

    def _encode_pictures(self, batch: dict[str, Any], layer: Layer) -> Tensor:
        if layer == "joint":
            vectors: Tensor = self._model.encode_image(batch["image"])
            return vectors
        return pool_features(self._trunk(batch["image"]))

    def _encode_both(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        if self._projection is None:
            return super()._encode_both(batch)
        output = self._trunk(batch["image"])
        first = output[0] if isinstance(output, tuple) else output
        return self._projection(first), pool_features(first)

    def _count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._tokenizer.count(texts)

    def _tokenize(self, texts: Sequence[str]) -> dict[str, Tensor]:
        return {"text": self._tokenizer.tokenize(texts)}

    def _encode_tokens(self, batch: dict[str, Any]) -> Tensor:
        vectors: Tensor = self._model.encode_text(batch["text"])
        return vectors
