"""How often an encoder is asked for texts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

__all__ = ["counted_texts"]


@contextlib.contextmanager
def counted_texts(encoder: object) -> Iterator[list[int]]:
    """Yield a list that grows by the number of texts at each call of ``encode_texts``."""
    kind = type(encoder)
    encode, calls = kind.encode_texts, []

    def counted(self, texts):
        calls.append(len(texts))
        return encode(self, texts)

    kind.encode_texts = counted
    try:
        yield calls
    finally:
        kind.encode_texts = encode
