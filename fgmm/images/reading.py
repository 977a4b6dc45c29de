"""One picture, from whatever it is in, as upright 8-bit RGB. Or an error that names it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from PIL import Image
from PIL.ImageFile import ImageFile

from fgmm.errors import ImageError
from fgmm.images.arrays import picture_from_array
from fgmm.images.colours import parse_colour, to_rgb, upright
from fgmm.images.formats import FORMATS, PillowWarningsOff, open_picture
from fgmm.images.sources import (
    MAX_PIXELS,
    ImageSource,
    explain_error,
    fetch_bytes,
    name_source,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["decode_image", "read_image"]

_LOADING = tuple(threading.Lock() for _ in range(64))


def read_image(
    source: ImageSource,
    *,
    name: str | None = None,
    on_alpha: str | tuple[int, int, int] = "white",
    max_pixels: int = MAX_PIXELS,
) -> Image.Image:
    """Read a picture as upright 8-bit RGB.

    Parameters
    ----------
    source : path, bytes, binary file, PIL image, array or tensor
        A file may be JPEG, PNG, WebP, GIF, BMP, TIFF, PPM, AVIF, or HEIC (with
        ``pip install fgmm[heic]``); its content decides, not its suffix. Of an animation the
        first frame is read. Arrays and tensors are (h, w), (h, w, c) or (c, h, w) with 1, 3
        or 4 channels, of bool, uint8, uint16, or floats in [0, 1]; where the order of axes is
        open, an array is taken as (h, w, c) and a tensor is refused.
    name : str, optional
        What messages call it. A path names itself; bytes are "<bytes>".
    on_alpha : str or tuple of three int, default="white"
        What shows through where the picture is transparent.
    max_pixels : int, default=100,000,000
        The most pixels it may have, checked before it is decoded. Raise it for larger ones:
        a pixel takes 4 bytes, and twice that while it is converted.

    Returns
    -------
    PIL.Image.Image of mode RGB
        With pixels only: no EXIF, hence no position, and no colour profile.

    Raises
    ------
    ImageError
        If it cannot be read in full, whatever the reason. A cut or damaged file is refused,
        never half read.

    Examples
    --------
    >>> import numpy as np
    >>> from fgmm.images import read_image
    >>> read_image(np.zeros((20, 30), dtype=bool)).getpixel((0, 0))
    (0, 0, 0)
    >>> read_image(b"GIF89a", name="cat.gif")
    Traceback (most recent call last):
    fgmm.errors.ImageError: cannot read '<bytes> cat.gif': ...
    """
    label = name_source(source, name)
    ground = parse_colour(on_alpha)
    data = fetch_bytes(source, label, max_pixels, suggest=True)
    return decode_image(
        source if data is None else data, label, ground=ground, max_pixels=max_pixels
    )


def decode_image(
    source: bytes | Image.Image | Any,
    name: str,
    *,
    ground: tuple[int, int, int] = (255, 255, 255),
    max_pixels: int = MAX_PIXELS,
    admit: Callable[[int], None] | None = None,
) -> Image.Image:
    """Decode what `fetch_bytes` gave, or what already was pixels; see `read_image`.

    ``admit`` is called with the number of pixels before memory is taken for them.
    """
    try:
        with PillowWarningsOff():
            if isinstance(source, bytes):
                opened: Image.Image = open_picture(source, name)
            elif isinstance(source, Image.Image):
                opened = _check_lazy(source, name)
            else:
                opened = picture_from_array(source, name)
            _check_size(opened, name, max_pixels)
            if admit is not None:
                admit(opened.width * opened.height)
            # One lazy picture may stand twice in a list, and Pillow loads it in one thread only.
            with _LOADING[(id(opened) >> 4) % len(_LOADING)]:
                opened.load()
                image = upright(opened)
            image = to_rgb(image, ground, name)
            # A caller's own picture is never handed back: nobody expects the two to be one.
            # A file's is taken out of Pillow's reader, which holds on to its EXIF.
            image = image.copy() if image is source else _bare(image)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(f"cannot read {name!r}: it does not fit into memory") from error
    except Exception as error:  # plugins raise what they please on damaged files
        raise ImageError(
            f"cannot read {name!r}: it is damaged or cut short ({explain_error(error)}); "
            "fetch or save it again"
        ) from error
    image.info = {}
    return image


def _check_lazy(image: Image.Image, name: str) -> Image.Image:
    """Refuse a picture that the caller opened, but did not load, in a format not trusted here."""
    if getattr(image, "tile", None) and image.format not in (*FORMATS, "MPO", "HEIF"):
        raise ImageError(
            f"cannot read {name!r}: {image.format} is not decoded here; "
            "call its load() first if you trust the file"
        )
    return image


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise ImageError(
            f"cannot read {name!r}: {image.width} x {image.height} is {pixels:,} pixels, more "
            f"than the {max_pixels:,} allowed; pass max_pixels={pixels} if it is meant"
        )
    if pixels == 0:
        raise ImageError(f"cannot read {name!r}: {image.width} x {image.height}: it has no pixels")


def _bare(image: Image.Image) -> Image.Image:
    return image._new(image.im) if isinstance(image, ImageFile) else image
