"""Marks of pictures, by which those that were trained on are known again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fgmm.progress import ProgressBar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["mark_pictures"]


def mark_pictures(images: Sequence[Any]) -> list[str]:
    """Give each picture a mark of its content: equal files, or equal pixels, have the same.

    Of the content, not of a vector: those of one picture differ in their last digits with the
    pictures that are encoded beside it.

    Parameters
    ----------
    images : sequence of n pictures
        Whatever `fgmm.embed_images` takes.

    Returns
    -------
    list of n str
        32 hexadecimal digits each; empty for one that cannot be read.
    """
    from fgmm.embedding.keys import file_key, picture_key
    from fgmm.errors import ImageError
    from fgmm.images.reading import decode_image
    from fgmm.images.sources import fetch_bytes, name_source

    marks = []
    with ProgressBar("Reading pictures", len(images)) as bar:
        for image in images:
            name = name_source(image)
            try:
                data = fetch_bytes(image, name)
                key = picture_key(decode_image(image, name)) if data is None else file_key(data)
            except ImageError:  # which `embed_images` tells of
                key = b""
            marks.append(key.hex())
            bar.advance()
    return marks
