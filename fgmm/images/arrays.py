"""Arrays and tensors as pictures: by rule where they are clear, refused where they are not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image

from fgmm.errors import ImageError

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["is_array", "is_tensor", "picture_from_array", "to_bytes_range"]

_CHANNELS = (1, 3, 4)
# Resampling and the like leave floats a hair outside [0, 1]; less than half a grey level
# cannot be an accident of another scale.
_SLACK = 1 / 512


def is_tensor(thing: object) -> bool:
    """Tell a torch tensor without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.Tensor)


def is_array(thing: object) -> bool:
    """Tell what numpy can take: an array, a tensor, or another library's array."""
    return isinstance(thing, np.ndarray) or is_tensor(thing) or hasattr(thing, "__array__")


def picture_from_array(source: object, name: str) -> Image.Image:
    """Make a picture of mode L, RGB or RGBA from an array or a tensor.

    Parameters
    ----------
    source : array or tensor
        (h, w), (h, w, c) or (c, h, w) with 1, 3 or 4 channels. Where both ends could be the
        channels, which takes a picture of 4 pixels or less, an array is read as (h, w, c), as
        libraries of arrays mean it, and a tensor is refused, because tensors come in both
        orders. bool, uint8, uint16 (upper byte), or floats in [0, 1].
    name : str
        For the message.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    ImageError
        If shape or values do not say what picture this is.
    """
    tensor = is_tensor(source)
    array = _from_tensor(source) if tensor else np.asarray(source)
    if array.ndim == 2:
        array = array[:, :, None]
    elif array.ndim == 3:
        if _channels_first(array.shape, name, tensor=tensor):
            array = array.transpose(1, 2, 0)
    else:
        more = "; pass several pictures as a list: list(batch)" if array.ndim == 4 else ""
        raise ImageError(
            f"cannot read {name!r}: its shape is {array.shape}, and a picture is (h, w), "
            f"(h, w, c) or (c, h, w) with 1, 3 or 4 channels{more}"
        )
    if array.size == 0:
        raise ImageError(f"cannot read {name!r}: its shape is {array.shape}: it has no pixels")
    pixels = np.ascontiguousarray(to_bytes_range(array, name))
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def to_bytes_range(values: Array, name: str) -> npt.NDArray[np.uint8]:
    """Bring samples to 0..255 by what their type says of their range.

    Raises
    ------
    ImageError
        If the type says nothing of it, or floats leave [0, 1].
    """
    kind = values.dtype
    if kind == np.uint8:
        return values
    if kind == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if kind == np.uint16:
        return (values >> 8).astype(np.uint8)
    if kind.kind != "f":
        raise ImageError(
            f"cannot read {name!r}: samples of type {kind} have no agreed white; "
            "pass uint8 (0 to 255), uint16 (0 to 65535), bool, or floats in [0, 1]"
        )
    low, high = float(values.min()), float(values.max())
    if not (low >= -_SLACK and high <= 1 + _SLACK):  # so written that NaN fails too
        raise ImageError(
            f"cannot read {name!r}: floats are in [0, 1], these are in [{low:.4g}, {high:.4g}]; "
            "scale them, undo a normalisation, or pass uint8"
        )
    scaled = np.clip(values.astype(np.float32), 0, 1) * 255
    return cast("npt.NDArray[np.uint8]", np.rint(scaled).astype(np.uint8))


def _from_tensor(source: object) -> Array:
    tensor = cast("Any", source).detach()
    if tensor.is_floating_point():
        tensor = tensor.float()  # numpy has no bfloat16
    return cast("Array", tensor.cpu().resolve_conj().numpy())


def _channels_first(shape: tuple[int, ...], name: str, *, tensor: bool) -> bool:
    first, last = shape[0] in _CHANNELS, shape[2] in _CHANNELS
    if not first and not last:
        raise ImageError(
            f"cannot read {name!r}: its shape is {shape}: neither the first nor the last axis "
            "has 1, 3 or 4 channels"
        )
    if first and last and tensor:
        raise ImageError(
            f"cannot read {name!r}: a tensor of shape {shape} may be (c, h, w) or (h, w, c); "
            "pass tensor.numpy(), which is read as (h, w, c), or a PIL image"
        )
    return not last
