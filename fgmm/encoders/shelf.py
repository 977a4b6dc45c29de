"""Under which name an encoder's vectors are kept for later.

Vectors of one space can be compared, and still not be the same numbers: half precision
rounds, and an encoder told to cut long texts answers where another refuses. What is kept
must be exactly what would be computed, so each way of computing has its own shelf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fgmm.encoders.base import ImageEncoder

__all__ = ["picture_shelf", "text_shelf"]


def picture_shelf(encoder: ImageEncoder, space: str) -> str:
    """Name the shelf of pictures' vectors.

    Parameters
    ----------
    encoder : ImageEncoder
        May say its ``dtype``; float32 where it does not.
    space : str
        Space of the layer the vectors are of.

    Returns
    -------
    str

    Examples
    --------
    >>> from fgmm import load_encoder
    >>> encoder = load_encoder("fake")
    >>> picture_shelf(encoder, encoder.space) == encoder.space
    True
    """
    dtype = str(getattr(encoder, "dtype", "float32")).removeprefix("torch.")
    return space if dtype == "float32" else f"{space} {dtype}"


def text_shelf(encoder: ImageEncoder) -> str:
    """Name the shelf of texts' vectors.

    Parameters
    ----------
    encoder : Encoder
        May say ``on_long``; "error" where it does not.

    Returns
    -------
    str

    Examples
    --------
    >>> from fgmm import load_encoder
    >>> text_shelf(load_encoder("fake", on_long="truncate")).endswith(" cut")
    True
    """
    shelf = picture_shelf(encoder, encoder.space)
    return f"{shelf} cut" if getattr(encoder, "on_long", "error") == "truncate" else shelf
