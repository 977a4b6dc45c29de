"""What keeps vectors between runs, as the embedding of pictures and texts sees it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from fgmm.cache import EmbeddingCache

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from fgmm.cache.rows import Vector

__all__ = ["CacheChoice", "Store", "open_cache"]

CacheChoice: TypeAlias = "EmbeddingCache | str | os.PathLike[str] | bool | None"


class Store(Protocol):
    """A cache, or a file in the making."""

    def get_many(self, space: str, keys: Sequence[bytes]) -> dict[bytes, Vector]:
        """Look vectors up."""
        ...

    def put_many(self, space: str, keys: Sequence[bytes], vectors: Any) -> None:
        """Keep vectors."""
        ...


@contextlib.contextmanager
def open_cache(choice: CacheChoice) -> Iterator[EmbeddingCache | None]:
    """Give the cache that an argument ``cache=`` means; close it if it was opened here."""
    if choice is None or choice is False:
        yield None
    elif isinstance(choice, EmbeddingCache):
        yield choice
    else:
        with EmbeddingCache(None if choice is True else choice) as own:
            yield own
