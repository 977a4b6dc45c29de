"""What the checks of an encoder share: pictures, texts, comparing, and failing in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from PIL import Image

from fgmm.errors import EncoderBroken

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SOME_TEXTS", "agree", "fail", "message", "some_pictures"]

SOME_TEXTS = ("a red circle", "blue", "moss")


def some_pictures() -> list[Image.Image]:
    """Four small pictures of different colours and patterns, the same every time."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (40, 56, 3), dtype=np.uint8)
    ramp = np.broadcast_to(np.linspace(0, 255, 48, dtype=np.uint8)[:, None, None], (48, 48, 3))
    return [
        Image.new("RGB", (48, 48), (220, 30, 30)),
        Image.fromarray(noise),
        Image.fromarray(np.ascontiguousarray(ramp)),
        Image.new("RGB", (30, 60), (20, 40, 200)),
    ]


def agree(
    encoder: Any, check: Any, one: Tensor, other: Tensor, tolerance: float, when: str
) -> None:
    """Fail unless two sets of rows are the same but for the tolerance."""
    if one.shape != other.shape:
        fail(encoder, check, f"shapes {tuple(one.shape)} and {tuple(other.shape)} {when}")
    apart = (one - other).norm(dim=1)
    worst = int(apart.argmax())
    if not float(apart[worst]) <= tolerance:
        fail(
            encoder,
            check,
            f"row {worst} differs by {float(apart[worst]):.3g} {when}; {tolerance:g} is allowed",
        )


def message(encoder: Any, check: Any, numbers: str) -> str:
    """Say which encoder breaks which sentence, and by what numbers."""
    name = getattr(encoder, "name", None) or getattr(encoder, "space", None) or type(encoder)
    return f"{name!r} breaks {check.__name__}: {numbers}. The rule: {check.__doc__}"


def fail(encoder: Any, check: Any, numbers: str) -> NoReturn:
    """Raise EncoderBroken with that message."""
    raise EncoderBroken(message(encoder, check, numbers))
