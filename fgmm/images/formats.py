"""Which files are opened at all, and what the others are.

Pillow knows some fifty formats. Among them is EPS, which starts Ghostscript, and several
whose decoders few people have ever looked at. Only those below are handed to it.
"""

from __future__ import annotations

import importlib
import io
import re
import threading
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from PIL import Image

from fgmm.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.ImageFile import ImageFile

__all__ = ["FORMATS", "PillowWarningsOff", "open_picture"]

FORMATS = {  # name in Pillow: its plugin
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "WEBP": "WebPImagePlugin",
    "GIF": "GifImagePlugin",
    "BMP": "BmpImagePlugin",
    "TIFF": "TiffImagePlugin",
    "PPM": "PpmImagePlugin",
    "AVIF": "AvifImagePlugin",
}
# Brands of the container that HEIC and AVIF share; mif1 and msf1 say only "a picture".
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_ANY = {b"mif1", b"msf1"}

# What lies about under a picture's name, and what to do about it.
_OTHERS = (
    (rb"%PDF", "it is a PDF document; export its pages as pictures"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "it is PostScript, which is a program; convert it to PNG"),
    (rb"8BPS", "it is a Photoshop file; export it as PNG or JPEG"),
    (rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<svg", "it is an SVG drawing; convert it to PNG"),
    (rb"(?i)\s*<(!doctype|html|\?xml)", "it is a web page or XML, perhaps a failed download"),
    (rb"version https://git-lfs", "it is a Git LFS pointer; fetch it with 'git lfs pull'"),
    (rb"\x00\x05\x16[\x00\x07]", "it is macOS metadata (a '._' file), not a picture"),
    (rb"\xd0\xcf\x11\xe0", "it is a Windows compound file, such as Thumbs.db, not a picture"),
    (rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51", "it is JPEG 2000; convert it to PNG or JPEG"),
    (rb"\x00\x00\x00\x0cJXL |\xff\x0a", "it is JPEG XL; convert it to PNG or JPEG"),
    (rb"\x00\x00[\x01\x02]\x00[^\x00]\x00", "it is an icon; convert it to PNG"),
    (rb"RIFF....(AVI |WAVE)|....ftyp|\x1aE\xdf\xa3", "it is a video or a sound; take a frame"),
    (rb"PK\x03\x04|\x1f\x8b|Rar!|7z\xbc\xaf", "it is an archive; unpack it first"),
)


def open_picture(data: bytes, name: str) -> ImageFile:
    """Open a picture by its content, whatever its name ends in; nothing is decoded yet.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        For the message.

    Returns
    -------
    PIL.ImageFile.ImageFile

    Raises
    ------
    ImageError
        If it is neither one of `FORMATS` nor HEIC. A damaged header may raise anything.
    """
    if not data:
        raise ImageError(f"cannot read {name!r}: it is empty (0 bytes)")
    if _is_heif(data):
        factory = _heif_factory(name)
        return factory(io.BytesIO(data), "")
    for format_, (factory, accept) in _openers().items():
        answer = accept(data[:16])
        if isinstance(answer, str):  # Pillow's way to say that it was built without a decoder
            raise ImageError(f"cannot read {name!r}: {answer}; it needs a Pillow with {format_}")
        if answer:
            # By its plugin, not by Image.open: that holds every picture to one limit which
            # belongs to the whole process, while ours can be raised for a single call.
            return factory(io.BytesIO(data), "")
    raise ImageError(f"cannot read {name!r}: {_describe(data)}")


@lru_cache(maxsize=1)
def _openers() -> dict[str, tuple[Callable[..., ImageFile], Callable[[bytes], bool | str]]]:
    openers = {}
    for format_, plugin in FORMATS.items():
        try:
            importlib.import_module(f"PIL.{plugin}")
        except ImportError:  # AVIF came with Pillow 11.3
            continue
        if format_ in Image.OPEN:
            openers[format_] = cast("Any", Image.OPEN[format_])
    return openers


def _is_heif(data: bytes) -> bool:
    if data[4:8] != b"ftyp":
        return False
    major = data[8:12]
    length = min(int.from_bytes(data[:4], "big"), 256)
    compatible = {data[at : at + 4] for at in range(16, length, 4)}
    return major in _HEIF or (major in _ANY and bool(compatible & _HEIF))


def _heif_factory(name: str) -> Callable[..., ImageFile]:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise ImageError(
            f"cannot read {name!r}: it is HEIC, which needs a plugin: pip install fgmm[heic]"
        ) from error
    return cast("Callable[..., ImageFile]", HeifImageFile)


def _describe(data: bytes) -> str:
    head = data[:1024]
    for pattern, what in _OTHERS:
        if re.match(pattern, head, re.DOTALL):
            return what
    return (
        f"its content ({head[:8]!r}...) is no picture that is read here: "
        "JPEG, PNG, WebP, GIF, BMP, TIFF, PPM, AVIF, HEIC"
    )


class PillowWarningsOff:
    """Keep Pillow's warnings about damaged files to itself; safe in threads.

    `warnings.catch_warnings` puts back the whole list of filters when it ends, so two
    threads undo each other. Here one filter is shared, and goes with the last that needs it.
    It is put into the list by hand: `warnings.filterwarnings` would also make Python forget
    which warnings of other code it has shown already.
    """

    _filter = ("ignore", None, Warning, re.compile(r"(PIL|pillow_heif)\."), 0)
    _lock = threading.Lock()
    _depth = 0

    def __enter__(self) -> None:
        cls = type(self)
        with cls._lock:
            if cls._depth == 0:
                cast("list[Any]", warnings.filters).insert(0, cls._filter)
            cls._depth += 1

    def __exit__(self, *_: object) -> None:
        cls = type(self)
        with cls._lock:
            cls._depth -= 1
            if cls._depth == 0 and cls._filter in warnings.filters:
                cast("list[Any]", warnings.filters).remove(cls._filter)
