"""Episodes, heads and their evaluation: tensors in, logits out.

Only the value `Background` lives here yet; the heads and the episodic evaluation come
with their own release. The package knows torch and numpy, and never a picture or a text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fewshot.background import Background

__all__ = ["Background"]

__distribution__ = "fgmm"  # fgmm reads this line to tell its own package from a namesake


def __getattr__(name: str) -> object:
    if name != "Background":
        raise AttributeError(f"module 'fewshot' has no attribute {name!r}")
    from fewshot.background import Background

    return Background
