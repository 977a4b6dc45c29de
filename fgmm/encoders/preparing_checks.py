"""The sentences about pictures that workers prepare, each a check."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fgmm.encoders.check_tools import agree, fail, message, some_pictures
from fgmm.errors import EncoderBroken

__all__ = ["PREPARING_CHECKS"]

_THREADS = 4


def prepared_pictures_give_the_same_rows(encoder: Any, tolerance: float) -> None:
    """What threads ``prepare``, ``encode_prepared`` encodes as ``encode_images`` would."""
    check = prepared_pictures_give_the_same_rows
    pictures = some_pictures()
    try:
        with ThreadPoolExecutor(_THREADS) as threads:
            ready = list(threads.map(encoder.prepare, pictures * _THREADS))
        encoded = {
            layer: encoder.encode_prepared(ready, layer=layer) for layer in ("joint", "features")
        }
    except Exception as error:
        reason = f"it raised {type(error).__name__}: {error}"
        raise EncoderBroken(message(encoder, check, reason)) from error
    for layer, given in encoded.items():
        plain = encoder.encode_images(pictures * _THREADS, layer=layer)
        if given.space != plain.space:
            fail(encoder, check, f"{layer!r} is in {given.space!r} and in {plain.space!r}")
        agree(
            encoder,
            check,
            given.vectors,
            plain.vectors,
            tolerance,
            f"prepared in {_THREADS} threads and given as pictures, layer {layer!r}",
        )


def preparing_changes_no_picture(encoder: Any, tolerance: float) -> None:
    """``prepare`` leaves the picture as it is."""
    for picture in some_pictures():
        before = picture.tobytes()
        encoder.prepare(picture)
        if picture.tobytes() != before:
            fail(encoder, preparing_changes_no_picture, "a picture was changed")


PREPARING_CHECKS = (prepared_pictures_give_the_same_rows, preparing_changes_no_picture)
