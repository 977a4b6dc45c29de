"""Encoders of transformers: CLIP, SigLIP and SigLIP 2, and image towers such as DINOv2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fgmm.encoders.base import Patches
from fgmm.encoders.device import choose_device, choose_dtype
from fgmm.encoders.hf_files import LoadedModel, load_model
from fgmm.encoders.inputs import check_images
from fgmm.encoders.neural import NeuralEncoder, NeuralImageEncoder
from fgmm.errors import EncoderBroken, EncoderNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image
    from torch import Tensor

    from fgmm.encoders.base import Layer
    from fgmm.encoders.neural import Prepared
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


class _Pictures:
    """How a processor of transformers is asked for one picture."""

    _processor: Any

    def _prepare(self, image: Image) -> Prepared:
        # named, because a picture three pixels high looks to transformers like channels first
        inputs = self._processor(
            images=[image], return_tensors="pt", input_data_format="channels_last"
        )
        return {key: value[0] for key, value in inputs.items()}


class HfEncoder(_Pictures, NeuralEncoder):
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
            return _pooled(self._model.get_image_features(**batch))
        return _pooled(self._model.vision_model(**batch))

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
        return _pooled(self._model.get_text_features(**batch))


class HfImageEncoder(_Pictures, NeuralImageEncoder):
    """An image tower of transformers; made by `load_hf`. It reads no texts.

    Attributes
    ----------
    space : str
        Fingerprint of configuration, weights and preprocessing.
    dim : int
        Length of a vector.

    Notes
    -----
    A picture's vector is what the model pools itself, else its class token. There is no
    projection: ``layer="features"`` gives the same, under the name of a space of its own.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        *,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype | None = None,
    ) -> None:
        self._processor = loaded.processor
        config = loaded.model.config
        if not hasattr(config, "hidden_size"):
            raise EncoderBroken(
                f"encoder {loaded.name!r}: the configuration of {config.model_type!r} does not say "
                "how long its vectors are; of transformers fgmm takes CLIP, SigLIP and image "
                "transformers such as DINOv2"
            )
        super().__init__(
            loaded.name,
            loaded.model,
            library="hf",
            dim=int(config.hidden_size),
            description=loaded.description,
            device=device,
            dtype=dtype,
        )

    def _encode_pictures(self, batch: dict[str, Any], layer: Layer) -> Tensor:
        return _pooled(self._model(**batch))


class HfPatchEncoder(HfImageEncoder):
    """DINOv2 and its kin, which also give a vector for each patch; made by `load_hf`."""

    def encode_patches(self, images: Sequence[Image]) -> Patches:
        """Encode pictures into one vector a patch.

        Parameters
        ----------
        images : sequence of PIL images
            All are brought to one size by the preprocessing. At most what fits in memory.

        Returns
        -------
        Patches
            Of the part of the picture that the preprocessing keeps, row by row.
        """
        check_images(images)
        pictures = [self.prepare(image) for image in images or [_blank()]]
        config = self._model.config
        size = config.patch_size
        rows, columns = (int(side) // size for side in pictures[0]["pixel_values"].shape[-2:])
        before = 1 + int(getattr(config, "num_register_tokens", 0) or 0)
        with torch.inference_mode():
            hidden = self._model(**self._stack(pictures)).last_hidden_state[:, before:]
        vectors = self._settle(hidden, "features")
        return Patches(vectors[: len(images)], (rows, columns), f"{self.space}+patches")


def _pooled(output: Any) -> Tensor:
    # before version 5 the feature methods gave the tensor itself
    if isinstance(output, torch.Tensor):
        return output
    if output.pooler_output is not None:
        vectors: Tensor = output.pooler_output
        return vectors
    first: Tensor = output.last_hidden_state[:, 0]
    return first


def _joint_dim(config: Any) -> int:
    if getattr(config, "projection_dim", None):
        return int(config.projection_dim)
    return int(config.vision_config.hidden_size)


def _blank() -> Image:
    from PIL import Image

    return Image.new("RGB", (8, 8), "grey")
