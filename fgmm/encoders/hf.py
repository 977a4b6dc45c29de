"""Encoders of transformers: CLIP, SigLIP and SigLIP 2, and image towers such as DINOv2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fgmm.encoders.device import choose_device, choose_dtype
from fgmm.encoders.hf_files import load_model
from fgmm.encoders.hf_images import (
    HfImageEncoder,
    HfPatchEncoder,
    PictureInputs,
    pool_output,
)
from fgmm.encoders.neural_text import NeuralEncoder
from fgmm.errors import EncoderNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

    from fgmm.encoders.base import Layer
    from fgmm.encoders.hf_files import LoadedModel
    from fgmm.encoders.registry import OnLong

__all__ = ["HfEncoder", "HfImageEncoder", "HfPatchEncoder", "load_hf"]

_PATCH_MODELS = ("dinov2", "dinov2_with_registers", "dinov3_vit")


def load_hf(
    source: str,
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype | None = None,
    on_long: OnLong = "error",
) -> HfEncoder | HfImageEncoder:
    """Load a model of transformers as the encoder it can be.

    Parameters
    ----------
    source : str
        A repository of the hub, ``owner/name`` or ``owner/name@revision``, or a folder as
        transformers saves it: ``config.json``, weights, ``preprocessor_config.json`` (or
        ``processor_config.json``), and the tokenizer's files.
    device, dtype, on_long
        As in `fgmm.load_encoder`.

    Returns
    -------
    HfEncoder, HfPatchEncoder or HfImageEncoder
        With texts for CLIP, SigLIP and SigLIP 2; without, but with patches, for DINOv2;
        else for pictures alone.

    Raises
    ------
    EncoderNotFound
        If the hub has no such repository.
    WeightsNotFound
        If the files are neither here nor to be had.
    EncoderBroken
        If they do not make a whole encoder, or hold more than tensors.
    """
    if not source:
        raise EncoderNotFound(
            "'hf' needs a model after the colon: 'hf:google/siglip-base-patch16-224' or "
            "'hf:/path/to/folder'"
        )
    device, dtype = choose_device(device), choose_dtype(dtype)
    loaded = load_model(source)
    if loaded.tokenizer is not None:
        return HfEncoder(loaded, device=device, dtype=dtype, on_long=on_long)
    if loaded.model.config.model_type in _PATCH_MODELS:
        return HfPatchEncoder(loaded, device=device, dtype=dtype)
    return HfImageEncoder(loaded, device=device, dtype=dtype)


class HfEncoder(PictureInputs, NeuralEncoder):
    """CLIP, SigLIP or SigLIP 2 of transformers; made by `load_hf`.

    Attributes
    ----------
    space : str
        Fingerprint of configuration, weights, preprocessing and tokenizer.
    dim : int
        Length of a joint vector.
    logit_scale, logit_bias : float
        ``logit = logit_scale * cosine + logit_bias``.
    scoring : {"softmax", "sigmoid"}
        "sigmoid" where the model has a bias.
    context_length : int
        Longest text in tokens, special tokens counted.

    Notes
    -----
    Texts of a sigmoid model are padded to the context length and nothing is masked, as in
    its training; those of CLIP are padded to the longest of their batch, which changes
    nothing, because its text tower looks only backwards from the end of the text.
    SigLIP has no projection: ``layer="features"`` gives the joint vectors, under the name of
    a space of its own.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        *,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype | None = None,
        on_long: OnLong = "error",
    ) -> None:
        model = loaded.model
        self._processor = loaded.processor
        self._tokenizer = loaded.tokenizer
        bias = getattr(model, "logit_bias", None)
        super().__init__(
            loaded.name,
            model,
            logit_scale=float(model.logit_scale.detach().exp()),
            logit_bias=0.0 if bias is None else float(bias.detach()),
            scoring="softmax" if bias is None else "sigmoid",
            context_length=int(model.config.text_config.max_position_embeddings),
            on_long=on_long,
            library="hf",
            dim=_joint_dim(model.config),
            description=loaded.description,
            device=device,
            dtype=dtype,
        )

    def _encode_pictures(self, batch: dict[str, Any], layer: Layer) -> Tensor:
        if layer == "joint" or not hasattr(self._model, "visual_projection"):
            return pool_output(self._model.get_image_features(**batch))
        return pool_output(self._model.vision_model(**batch))

    def _encode_both(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        if not hasattr(self._model, "visual_projection"):
            return super()._encode_both(batch)
        features = pool_output(self._model.vision_model(**batch))
        return self._model.visual_projection(features), features

    def _count_tokens(self, texts: Sequence[str]) -> list[int]:
        encoded = self._tokenizer(list(texts), padding=False, truncation=False, verbose=False)
        return [len(tokens) for tokens in encoded["input_ids"]]

    def _tokenize(self, texts: Sequence[str]) -> dict[str, Tensor]:
        sigmoid = self.scoring == "sigmoid"
        encoded = self._tokenizer(
            list(texts),
            padding="max_length" if sigmoid else "longest",
            truncation=True,
            max_length=self.context_length,
            return_tensors="pt",
        )
        taken = ("input_ids",) if sigmoid else ("input_ids", "attention_mask")
        return {key: encoded[key] for key in taken if key in encoded}

    def _encode_tokens(self, batch: dict[str, Any]) -> Tensor:
        return pool_output(self._model.get_text_features(**batch))


def _joint_dim(config: Any) -> int:
    if getattr(config, "projection_dim", None):
        return int(config.projection_dim)
    return int(config.vision_config.hidden_size)
