"""What the encoders that are networks share: batches, devices, kinds of number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from fgmm.embeddings import Embeddings, unit_rows
from fgmm.encoders.device import choose_device, choose_dtype
from fgmm.encoders.fingerprint import LazyFingerprint
from fgmm.encoders.inputs import check_images, check_layer
from fgmm.errors import EncoderBroken, ExportError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from PIL.Image import Image
    from torch import Tensor, nn

    from fgmm.encoders.base import Layer

__all__ = ["NeuralImageEncoder", "Prepared"]

Prepared = dict[str, "Tensor"]
"""What a model takes of one picture or text, by argument name, without a batch dimension."""

_PICTURES_AT_ONCE = 64
_LONGEST_STRIP = 64
_LAYERS: tuple[Layer, Layer] = ("joint", "features")
_LAYOUTS = {"cpu": torch.channels_last, "cuda": torch.channels_last}


class NeuralImageEncoder(ABC):
    """A network that turns pictures into vectors, in evaluation mode and without gradients.

    Parameters
    ----------
    name : str
        What it was loaded as, for messages.
    model : torch.nn.Module
        In float32, its weights loaded.
    library : str
        Begins the name of its space.
    dim : int
        Length of a joint vector.
    description : mapping
        What its vectors depend on besides the weights; goes into the fingerprint.
    device, dtype
        As in `fgmm.load_encoder`.
    """

    def __init__(
        self,
        name: str,
        model: nn.Module,
        *,
        library: str,
        dim: int,
        description: Mapping[str, object],
        device: str | torch.device,
        dtype: str | torch.dtype | None,
    ) -> None:
        self.name = name
        self.dim = dim
        self._library = library
        self._device = choose_device(device)
        self.dtype = choose_dtype(dtype)
        self._fingerprint = LazyFingerprint(model, {**description, "library": library})
        if self.dtype is not torch.float32:
            _ = self._fingerprint.value  # the cast loses what it is computed from
        # convolutions are a fifth faster with channels last, and transformers do not mind
        self._layout = _LAYOUTS.get(self._device.type, torch.contiguous_format)
        self._model: Any = model.eval().requires_grad_(False).to(self._device, self.dtype)
        self._model.to(memory_format=self._layout)

    def __repr__(self) -> str:
        dtype = str(self.dtype).removeprefix("torch.")
        return f"{type(self).__name__}({self.name!r}, device={str(self._device)!r}, dtype={dtype})"

    @property
    def space(self) -> str:
        """Name of the joint space; the same on every device and for every dtype."""
        return f"{self._library}/{self.dim}d/{self._fingerprint.value}"

    def prepare(self, image: Image) -> Prepared:
        """Turn one picture into what the network takes: resized, cropped, normalised.

        Safe to call in several threads or processes at once; the result goes to
        `encode_prepared`.

        Parameters
        ----------
        image : PIL.Image.Image
            Of a strip more than 64 times as long as wide only the middle is used.

        Returns
        -------
        dict of str to Tensor
            float32, on the processor.
        """
        # converting a picture that is RGB already would copy it, which for a photo takes long
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        return self._prepare(_shorten_strip(rgb))

    def encode_images(self, images: Sequence[Image], *, layer: Layer = "joint") -> Embeddings:
        """Encode pictures; row i depends on picture i alone.

        Parameters
        ----------
        images : sequence of PIL images
        layer : {"joint", "features"}, default="joint"
            "features" is what comes before the projection into the joint space.

        Returns
        -------
        Embeddings of n rows
            On the processor, float32.
        """
        check_layer(layer)
        check_images(images)
        rows = [
            self.encode_prepared(
                [self.prepare(image) for image in images[start : start + _PICTURES_AT_ONCE]],
                layer=layer,
            ).vectors
            for start in range(0, len(images), _PICTURES_AT_ONCE)
        ]
        return Embeddings(torch.cat(rows or [self._no_rows(layer)]), self._space_of(layer))

    def encode_prepared(
        self, pictures: Sequence[Prepared], *, layer: Layer = "joint"
    ) -> Embeddings:
        """Encode pictures that `prepare` has made ready, all in one batch.

        Parameters
        ----------
        pictures : sequence of dict
            At least one.
        layer : {"joint", "features"}, default="joint"

        Returns
        -------
        Embeddings of n rows
        """
        with torch.inference_mode():
            vectors = self._encode_pictures(self._stack(pictures), layer)
        return Embeddings(self._settle(vectors, layer), self._space_of(layer))

    def encode_both_prepared(self, pictures: Sequence[Prepared]) -> tuple[Embeddings, Embeddings]:
        """Encode what `prepare` has made ready by both layers, in one pass where that is possible.

        Parameters
        ----------
        pictures : sequence of dict
            At least one.

        Returns
        -------
        tuple of Embeddings of n rows
            Joint vectors and features, as `encode_prepared` gives them.
        """
        with torch.inference_mode():
            both = self._encode_both(self._stack(pictures))
        joint, features = (
            Embeddings(self._settle(vectors, layer), self._space_of(layer))
            for vectors, layer in zip(both, _LAYERS, strict=True)
        )
        return joint, features

    def _encode_both(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        joint, features = (self._encode_pictures(batch, layer) for layer in _LAYERS)
        return joint, features

    def _write_preparing(self, folder: Path) -> dict[str, Any]:
        """Write what goes before the network, for `fgmm.export_encoder`: files, and a record."""
        raise ExportError(
            f"encoder {self.name!r}: {type(self).__name__} cannot be exported; encoders of "
            "open_clip, transformers and timm can"
        )

    @abstractmethod
    def _prepare(self, image: Image) -> Prepared: ...

    @abstractmethod
    def _encode_pictures(self, batch: dict[str, Any], layer: Layer) -> Tensor: ...

    def _space_of(self, layer: Layer) -> str:
        return self.space if layer == "joint" else f"{self.space}+{layer}"

    def _stack(self, rows: Sequence[Prepared]) -> dict[str, Any]:
        batch = {key: torch.stack([row[key] for row in rows]) for key in rows[0]}
        return self._place(batch)

    def _place(self, batch: Mapping[str, Tensor]) -> dict[str, Any]:
        return {key: self._place_one(value) for key, value in batch.items()}

    def _place_one(self, value: Tensor) -> Tensor:
        if not value.is_floating_point():
            return value.to(self._device)
        placed = value.to(self._device, self.dtype)
        return placed.contiguous(memory_format=self._layout) if placed.ndim == 4 else placed

    def _settle(self, vectors: Tensor, layer: Layer = "joint") -> Tensor:
        # outside of inference mode, so that a head can learn from the result
        if layer == "joint" and vectors.shape[1:] != (self.dim,):
            raise EncoderBroken(
                f"encoder {self.name!r} says its vectors have {self.dim} components; "
                f"the network gave {tuple(vectors.shape)}"
            )
        return unit_rows(vectors.float().cpu())

    def _no_rows(self, layer: Layer) -> Tensor:
        if layer == "joint":
            return torch.empty(0, self.dim)
        return torch.empty(0, self._features_dim)

    @cached_property
    def _features_dim(self) -> int:
        from PIL import Image

        return self.encode_images([Image.new("RGB", (8, 8), "grey")], layer="features").dim


def _shorten_strip(image: Image) -> Image:
    # Resizing a strip's short side up to the network's would make a picture of gigabytes,
    # of which the crop then keeps a square.
    width, height = image.size
    longest = _LONGEST_STRIP * min(width, height)
    if max(width, height) <= longest:
        return image
    left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
    return image.crop((left, top, left + min(width, longest), top + min(height, longest)))
