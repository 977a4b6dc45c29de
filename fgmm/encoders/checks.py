"""The encoder protocol, run on anybody's encoder: its sentences are the checks' names."""

from __future__ import annotations

from typing import Any

from fgmm.encoders.base import prepares
from fgmm.encoders.image_checks import IMAGE_CHECKS
from fgmm.encoders.preparing_checks import PREPARING_CHECKS
from fgmm.encoders.text_checks import TEXT_CHECKS

__all__ = ["IMAGE_CHECKS", "PREPARING_CHECKS", "TEXT_CHECKS", "TOLERANCE", "check_encoder"]

TOLERANCE = 2e-3
"""How far, in Euclidean length, two unit vectors may differ that ought to be one."""


def check_encoder(encoder: Any, *, tolerance: float = TOLERANCE) -> None:
    """Check that an encoder keeps the promises of its protocol.

    Parameters
    ----------
    encoder : Encoder or ImageEncoder
        An object of any class. One without ``encode_texts`` gets the checks for pictures
        alone; one with ``prepare`` and ``encode_prepared`` gets those for them too.
    tolerance : float, default=2e-3
        How far two vectors may differ (Euclidean length) that ought to be the same. Half
        precision needs about 2e-2.

    Raises
    ------
    EncoderBroken
        At the first sentence that does not hold; the message names the encoder, the
        sentence, and the numbers.

    Examples
    --------
    >>> from fgmm import check_encoder, load_encoder
    >>> check_encoder(load_encoder("fake"))
    >>> class Half:
    ...     space, dim = "half", 3
    ...
    ...     def encode_images(self, images, *, layer="joint"): ...
    >>> check_encoder(Half())
    Traceback (most recent call last):
    fgmm.errors.EncoderBroken: 'half' breaks its_parts_are_there: encode_images gave NoneType, ...
    """
    for check in IMAGE_CHECKS:
        check(encoder, tolerance)
    if prepares(encoder):
        for check in PREPARING_CHECKS:
            check(encoder, tolerance)
    if hasattr(encoder, "encode_texts"):
        for check in TEXT_CHECKS:
            check(encoder, tolerance)
