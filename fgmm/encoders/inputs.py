"""What every encoder asks of its pictures and texts before it looks at them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from fgmm.errors import TextTooLong

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fgmm.encoders.registry import OnLong

__all__ = ["check_images", "check_layer", "check_lengths", "check_texts"]

_QUOTED = 60


def check_layer(layer: str) -> None:
    """Refuse a layer that is neither "joint" nor "features"."""
    if layer not in ("joint", "features"):
        raise ValueError(f"layer is 'joint' or 'features', not {layer!r}")


def check_images(images: Sequence[object]) -> None:
    """Refuse anything but a sequence of PIL pictures.

    Raises
    ------
    TypeError
        If it is one picture, or something in it is none.
    """
    if hasattr(images, "convert"):
        raise TypeError("images is a list of pictures, not one picture: pass [image]")
    for position, image in enumerate(images):
        if not hasattr(image, "convert"):
            raise TypeError(
                f"picture {position} is a {type(image).__name__}: an encoder takes PIL pictures; "
                "fgmm.embed_images takes paths, bytes, arrays and tensors"
            )


def check_texts(texts: Sequence[object]) -> None:
    """Refuse anything but a sequence of strings.

    Raises
    ------
    TypeError
        If it is one string, or something in it is none.
    """
    if isinstance(texts, str):
        raise TypeError(f"texts is a list of texts, not one text: pass [{texts[:_QUOTED]!r}]")
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {position} is a {type(text).__name__}, not a str: {text!r}")


def check_lengths(
    texts: Sequence[str], lengths: Sequence[int], limit: int, *, name: str, on_long: OnLong
) -> None:
    """Refuse texts that are too long, or warn that they will be cut.

    Parameters
    ----------
    texts : sequence of str
    lengths : sequence of int
        Their lengths in tokens, special tokens counted, as if nothing were cut.
    limit : int
        The encoder's ``context_length``.
    name : str
        The encoder's name, for the message.
    on_long : {"error", "truncate"}

    Raises
    ------
    TextTooLong
        If a text has more tokens than the limit and ``on_long`` is "error".

    Examples
    --------
    >>> check_lengths(["a bird", "a very long tale"], [4, 6], 5, name="this", on_long="error")
    Traceback (most recent call last):
    fgmm.errors.TextTooLong: a text of 6 tokens is longer than the 5 that 'this' reads: 'a very ...
    """
    long = [position for position, length in enumerate(lengths) if length > limit]
    if not long:
        return
    if on_long == "truncate":
        warnings.warn(
            f"{len(long)} of {len(texts)} texts were cut to the {limit} tokens that {name!r} reads",
            stacklevel=3,
        )
        return
    first = texts[long[0]]
    quote = f"{first[:_QUOTED]!r}{'...' if len(first) > _QUOTED else ''}"
    more = f" ({len(long) - 1} more are too long)" if len(long) > 1 else ""
    raise TextTooLong(
        f"a text of {lengths[long[0]]} tokens is longer than the {limit} that {name!r} reads: "
        f"{quote}{more}. Shorten it, or load the encoder with on_long='truncate'"
    )
