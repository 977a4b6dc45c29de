"""Image towers of transformers, such as DINOv2, and how its processors are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fgmm.encoders.base import Patches
from fgmm.encoders.inputs import check_images
from fgmm.encoders.neural import NeuralImageEncoder
from fgmm.errors import EncoderBroken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL.Image import Image
    from torch import Tensor

    from fgmm.encoders.base import Layer
    from fgmm.encoders.hf_files import LoadedModel
    from fgmm.encoders.neural import Prepared

__all__ = ["HfImageEncoder", "HfPatchEncoder", "PictureInputs", "pool_output", "prepare_picture"]


class PictureInputs:
    """How a processor of transformers is asked for one picture."""

    _processor: Any
    _tokenizer: Any = None

    def _write_preparing(self, folder: Path) -> dict[str, Any]:
        self._processor.save_pretrained(folder)
        if self._tokenizer is None:
            return {"library": "hf", "text": None}
        self._tokenizer.save_pretrained(folder)
        text: Any = self
        return {
            "library": "hf",
            "text": {
                "context_length": text.context_length,
                "inputs": sorted(text._tokenize(["a"])),
            },
        }

    def _prepare(self, image: Image) -> Prepared:
        return prepare_picture(self._processor, image)


class HfImageEncoder(PictureInputs, NeuralImageEncoder):
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
        return pool_output(self._model(**batch))


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


def prepare_picture(processor: Any, image: Image) -> Prepared:
    """Ask a processor of transformers for one picture."""
    # named, because a picture three pixels high looks to transformers like channels first
    inputs = processor(images=[image], return_tensors="pt", input_data_format="channels_last")
    return {key: value[0] for key, value in inputs.items()}


def pool_output(output: Any) -> Tensor:
    """Take a picture's or text's one vector from what a model gives: (n, d)."""
    # before version 5 the feature methods gave the tensor itself
    if isinstance(output, torch.Tensor):
        return output
    if output.pooler_output is not None:
        vectors: Tensor = output.pooler_output
        return vectors
    first: Tensor = output.last_hidden_state[:, 0]
    return first


def _blank() -> Image:
    from PIL import Image

    return Image.new("RGB", (8, 8), "grey")
