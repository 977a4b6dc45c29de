"""The model's side: what to ask of an encoder, and the rows it gives, put in order."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fgmm.embedding.results import Failure, ImageEmbeddings
from fgmm.encoders.base import prepares
from fgmm.encoders.shelf import picture_shelf
from fgmm.errors import EncoderBroken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from fgmm.cache.rows import Vector
    from fgmm.embedding.decoding import Looked, Room
    from fgmm.embedding.stores import Store
    from fgmm.embedding.threads import BatchThreads
    from fgmm.embeddings import Embeddings
    from fgmm.encoders.base import ImageEncoder, Layer

__all__ = ["RowTable", "Target"]

_ROWS_IN_BLOCK = 4096


@dataclass(frozen=True)
class Target:
    """An encoder and a layer of it.

    Of a `fgmm.encoders.base.PreparingEncoder` workers prepare pictures while the model
    computes, and let go of the decoded ones at once.
    """

    encoder: ImageEncoder
    layer: Layer
    space: str
    shelf: str
    dim: int
    prepare: Callable[[Any], Any] | None

    @classmethod
    def of(cls, encoder: ImageEncoder, layer: Layer) -> Target:
        """Ask an encoder what this layer's vectors are like."""
        space, dim = encoder.space, encoder.dim
        if layer != "joint":  # only vectors tell the space of a layer; those of no pictures do
            empty = encoder.encode_images([], layer=layer)
            space, dim = empty.space, empty.dim
        prepare = encoder.prepare if prepares(encoder) else None
        return cls(encoder, layer, space, picture_shelf(encoder, space), dim, prepare)

    def encode(self, pictures: Sequence[Any]) -> Vector:
        """Encode a batch, (n, d); what comes back is held to the protocol."""
        model: Any = self.encoder
        encode = model.encode_images if self.prepare is None else model.encode_prepared
        given: Embeddings = encode(pictures, layer=self.layer)
        if given.space != self.space or tuple(given.vectors.shape) != (len(pictures), self.dim):
            raise EncoderBroken(
                f"{model!r} gave vectors of shape {tuple(given.vectors.shape)} in {given.space!r} "
                f"for {len(pictures)} pictures; its space is {self.space!r}, of {self.dim} numbers"
            )
        vectors: Vector = given.vectors.detach().cpu().numpy()
        return vectors


@dataclass(frozen=True, slots=True)
class _Batch:
    pictures: list[Looked]
    pixels: int
    future: Future[Vector]


class RowTable:
    """Rows in the order of the input, some known at once, some when their batch is encoded.

    Attributes
    ----------
    waiting : list of Looked
        Pictures of the next batch.
    pixels : int
        Decoded pixels they hold.
    failures : list of Failure
    keys : list of bytes
        The content of each row, empty if there is no store.
    """

    def __init__(
        self, target: Target, stores: Sequence[Store], room: Room, threads: BatchThreads
    ) -> None:
        self.target = target
        self.waiting: list[Looked] = []
        self.pixels = 0
        self.failures: list[Failure] = []
        self.keys: list[bytes] = []
        self._stores = stores
        self._room = room
        self._threads = threads
        self._running: deque[_Batch] = deque()
        self._names: list[str] = []
        self._positions: list[int] = []
        self._blocks: list[Vector] = []

    def add(self, one: Looked) -> None:
        """Take the next input."""
        if one.error is not None:
            self.failures.append(Failure(one.position, one.name, one.error))
            return
        row = len(self._names)
        self._names.append(one.name)
        self._positions.append(one.position)
        self.keys.append(one.key)
        if row % _ROWS_IN_BLOCK == 0:
            self._blocks.append(np.empty((_ROWS_IN_BLOCK, self.target.dim), dtype=np.float32))
        if one.vector is not None:
            self._write(row, one.vector)
        else:
            one.row = row
            self.waiting.append(one)
            self.pixels += one.held

    def encode_waiting(self) -> None:
        """Have the pictures that wait encoded, and keep the vectors that are done."""
        if self.waiting:
            future = self._threads.submit([one.picture for one in self.waiting])
            self._running.append(_Batch(self.waiting, self.pixels, future))
            self.waiting, self.pixels = [], 0
        self._settle(self._threads.threads)

    def result(self) -> ImageEmbeddings:
        """Put everything together; the table is empty afterwards."""
        self.encode_waiting()
        self._settle(0)
        n = len(self._names)
        vectors = torch.empty(n, self.target.dim)
        for start in range(0, n, _ROWS_IN_BLOCK):  # block by block, so as not to hold all twice
            block = self._blocks.pop(0)
            vectors[start : start + _ROWS_IN_BLOCK] = torch.from_numpy(block)[: n - start]
        return ImageEmbeddings(
            vectors,
            self.target.space,
            tuple(self._names),
            tuple(self._positions),
            tuple(self.failures),
        )

    def _settle(self, most: int) -> None:
        """Keep what is done, in order; wait until no more than ``most`` batches are left."""
        while self._running and (len(self._running) > most or self._running[0].future.done()):
            batch = self._running.popleft()
            vectors = batch.future.result()
            for one, vector in zip(batch.pictures, vectors, strict=True):
                self._write(one.row, vector)
            for store in self._stores:
                store.put_many(self.target.shelf, [one.key for one in batch.pictures], vectors)
            self._room.leave(batch.pixels)

    def _write(self, row: int, vector: Vector) -> None:
        if len(vector) != self.target.dim:
            raise EncoderBroken(
                f"a vector of {len(vector)} numbers is kept for {self.target.space!r}, whose have "
                f"{self.target.dim}: two encoders call different spaces by one name"
            )
        self._blocks[row // _ROWS_IN_BLOCK][row % _ROWS_IN_BLOCK] = vector
