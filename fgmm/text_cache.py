"""Text embeddings kept in memory, and in a store where there is one: each text is encoded once."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np
import torch

from fgmm.embeddings import check_space
from fgmm.encoders.shelf import text_shelf

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from torch import Tensor

    from fgmm.encoders.base import Encoder

__all__ = ["Recent", "TextCache", "TextStore", "text_key"]

_V = TypeVar("_V")
_ENTRY_OVERHEAD = 400  # bytes of Python objects about one vector, roughly


class TextStore(Protocol):
    """A place that outlives the process, such as ``texts`` of a library: vectors by `text_key`."""

    def get(self, keys: Iterable[bytes]) -> Mapping[bytes, np.ndarray]:
        """Give the vectors there are; one that is damaged is not there."""

    def put(self, vectors: Mapping[bytes, np.ndarray]) -> None:
        """Keep vectors of shape (d,), float32; or not, if that cannot be done."""


def text_key(shelf: str, text: str) -> bytes:
    """Name a text's vector in a store: the SHA-256 of shelf and text.

    Parameters
    ----------
    shelf : str
        As of `fgmm.encoders.shelf.text_shelf`.
    text : str

    Returns
    -------
    bytes
        32 of them.

    Examples
    --------
    >>> text_key("fake/1", "a wren") == text_key("fake/1", "a tit")
    False
    """
    # the length of the shelf, so that no other pair gives the same bytes; a text from Python may
    # hold half a surrogate pair, which only this error handler lets through
    told = f"{len(shelf)} {shelf} {text}"
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()


class Recent(Generic[_V]):
    """The most recently used values, up to a number of bytes; safe between threads.

    The newest is always kept, however large: to drop it would mean making it again at
    every call.

    Parameters
    ----------
    max_bytes : int

    Examples
    --------
    >>> recent = Recent(10)
    >>> recent.put("a", "first", size=6)
    >>> recent.put("b", "second", size=6)
    >>> recent.get("a"), recent.get("b")
    (None, 'second')
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[_V, int]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        """Bytes kept, as their owners counted them."""
        return self._bytes

    def get(self, key: Hashable) -> _V | None:
        """Give the value, which is then the most recently used, or None."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: Hashable, value: _V, *, size: int) -> None:
        """Keep a value of so many bytes, and drop the oldest until all fit."""
        with self._lock:
            if key in self._kept:
                self._bytes -= self._kept.pop(key)[1]
            self._kept[key] = (value, size)
            self._bytes += size
            while self._bytes > self.max_bytes and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1][1]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0


class TextCache:
    """Encode texts, each once.

    Vectors are keyed by the encoder's space and the text: two encoders of one space give
    the same vectors. All texts that are missing go to the encoder in one call, and threads
    that miss the same texts at the same time wait for that one call.

    Parameters
    ----------
    max_bytes : int
        The least recently used vectors are dropped beyond it.

    Examples
    --------
    >>> from fgmm import load_encoder
    >>> cache = TextCache(1_000_000)
    >>> cache.encode(load_encoder("fake"), ["a red circle", "a blue square"]).shape
    torch.Size([2, 48])
    """

    def __init__(self, max_bytes: int) -> None:
        self._vectors: Recent[np.ndarray] = Recent(max_bytes)
        self._lock = threading.Lock()
        self._encoding: dict[str, threading.Lock] = {}

    def __len__(self) -> int:
        return len(self._vectors)

    @property
    def size(self) -> int:
        """Bytes of vectors, texts and what holds them."""
        return self._vectors.size

    def encode(
        self, encoder: Encoder, texts: Sequence[str], store: TextStore | None = None
    ) -> Tensor:
        """Give the unit vectors of texts, from memory or the store where these have them.

        Parameters
        ----------
        encoder : Encoder
        texts : sequence of str
        store : TextStore, optional
            Has all of these texts afterwards.

        Returns
        -------
        Tensor of shape (n, d), float32
        """
        shelf = text_shelf(encoder)
        keys = {} if store is None else {text: text_key(shelf, text) for text in texts}
        stored = {} if store is None else _from_store(store, keys, encoder.dim)
        found = stored | self._look_up(shelf, texts)
        if len(found) < len(set(texts)):
            with self._lock:
                turn = self._encoding.setdefault(shelf, threading.Lock())
            with turn:
                found |= self._look_up(shelf, [text for text in texts if text not in found])
                missing = [text for text in dict.fromkeys(texts) if text not in found]
                if missing:
                    found |= self._encode_missing(encoder, shelf, missing)
        if store is not None and len(stored) < len(keys):
            store.put({key: found[text] for text, key in keys.items() if text not in stored})
        return torch.from_numpy(np.stack([found[text] for text in texts]))

    def clear(self) -> None:
        """Forget every vector."""
        self._vectors.clear()

    def _look_up(self, shelf: str, texts: Sequence[str]) -> dict[str, np.ndarray]:
        kept = ((text, self._vectors.get((shelf, text))) for text in texts)
        return {text: vector for text, vector in kept if vector is not None}

    def _encode_missing(
        self, encoder: Encoder, shelf: str, missing: list[str]
    ) -> dict[str, np.ndarray]:
        encoded = encoder.encode_texts(missing)
        check_space(encoder.space, encoded.space)
        rows = encoded.vectors.cpu().numpy()
        # A copy of each row: a view would keep the whole batch alive.
        found = {text: row.copy() for text, row in zip(missing, rows, strict=True)}
        for text, vector in found.items():
            size = vector.nbytes + len(text) + _ENTRY_OVERHEAD
            self._vectors.put((shelf, text), vector, size=size)
        return found


def _from_store(store: TextStore, keys: Mapping[str, bytes], dim: int) -> dict[str, np.ndarray]:
    vectors = store.get(keys.values())
    there = ((text, vectors.get(key)) for text, key in keys.items())
    return {text: one for text, one in there if one is not None and one.shape == (dim,)}
