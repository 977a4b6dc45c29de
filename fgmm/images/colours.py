"""Every mode Pillow reads, as 8-bit RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageColor
from PIL.TiffImagePlugin import TiffImageFile

from fgmm.errors import ImageError
from fgmm.images.arrays import to_bytes_range

if TYPE_CHECKING:
    Colour = tuple[int, int, int]

__all__ = ["parse_colour", "to_rgb", "upright"]

_ALPHA_MODES = {"LA", "La", "RGBA", "RGBa", "PA"}
_DIRECT = {"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0  # tags of TIFF


def parse_colour(colour: str | Colour) -> Colour:
    """Read a colour's name, ``#rrggbb``, or three numbers of 0 to 255."""
    values = ImageColor.getrgb(colour) if isinstance(colour, str) else tuple(colour)
    if len(values) < 3 or not all(isinstance(v, int) and 0 <= v <= 255 for v in values[:3]):
        raise ValueError(f"a colour is a name or three numbers of 0 to 255, not {colour!r}")
    return values[0], values[1], values[2]


def upright(image: Image.Image) -> Image.Image:
    """Turn a loaded picture as its EXIF says the camera was held."""
    turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def to_rgb(image: Image.Image, ground: Colour, name: str) -> Image.Image:
    """Convert a loaded picture to RGB.

    Samples of 16 bits keep their upper byte, which is also what Pillow does where a pixel has
    several of them; its own ``convert`` clips grey ones to white instead. Colour profiles are
    not applied: encoders were trained on pixels read without them.

    Parameters
    ----------
    image : PIL.Image.Image
    ground : tuple of three int
        What shows through where the picture is transparent.
    name : str
        For the message.

    Returns
    -------
    PIL.Image.Image of mode RGB
        May be ``image`` itself.

    Raises
    ------
    ImageError
        If its samples have no agreed white.
    """
    image = _to_eight_bits(image, name)
    palette = image.palette.mode if image.mode == "P" and image.palette else ""
    if image.mode in _ALPHA_MODES or "transparency" in image.info or palette.endswith("A"):
        return _over(image, ground)
    if image.mode not in _DIRECT:
        raise ImageError(
            f"cannot read {name!r}: its mode {image.mode!r} has no reading as RGB; convert it"
        )
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_eight_bits(image: Image.Image, name: str) -> Image.Image:
    """Bring samples wider than 8 bits to L, or to LA if one value was declared transparent."""
    mode = image.mode
    if mode == "I" and image.format not in ("PNG", "PPM"):
        raise ImageError(
            f"cannot read {name!r}: integers of 32 bits have no agreed white; "
            "save it with 8 or 16 bits"
        )
    if mode not in ("I", "F") and not mode.startswith("I;16"):
        return image
    values = np.asarray(image)
    if mode == "F":
        grey = to_bytes_range(values, name)
    else:
        # mode I is what Pillow before 11 makes of a grey PNG of 16 bits, and still of a PGM
        grey = (np.clip(values, 0, 65535).astype(np.uint16) >> _spare_bits(image)).astype(np.uint8)
    if isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        grey = 255 - grey  # Pillow turns only the samples of up to 8 bits
    result = Image.fromarray(grey)
    transparent = image.info.get("transparency")
    if transparent is not None:
        result.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return result


def _spare_bits(image: Image.Image) -> int:
    """How many bits to drop: 4 from the 12-bit samples that some TIFF files pack, else 8."""
    if isinstance(image, TiffImageFile) and image.tag_v2.get(_BITS_PER_SAMPLE) == (12,):
        return 4
    return 8


def _over(image: Image.Image, ground: Colour) -> Image.Image:
    if image.mode == "La":
        image = image.convert("LA")
    layer = image if image.mode == "RGBA" else image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, (*ground, 255)), layer).convert(
        "RGB"
    )
