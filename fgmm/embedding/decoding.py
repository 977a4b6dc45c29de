"""Decoding pictures ahead of the model, in order, with a bound on what is held decoded."""

from __future__ import annotations

import os
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fgmm.embedding.keys import file_key, picture_key
from fgmm.embedding.threads import start_threads
from fgmm.errors import ImageError
from fgmm.images.reading import decode_image
from fgmm.images.sources import fetch_bytes, name_source

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from concurrent.futures import Future

    from fgmm.cache.rows import Vector
    from fgmm.embedding.stores import Store

__all__ = ["Looked", "Reader", "Room", "read_ahead"]


@dataclass(slots=True)
class Looked:
    """An input after a worker looked at it: an error, a known vector, or a picture to encode."""

    position: int
    name: str
    error: ImageError | None = None
    key: bytes = b""
    vector: Vector | None = None
    picture: Any = None
    row: int = -1
    held: int = 0  # pixels that stand in the room until the picture is encoded


class Room:
    """Room for so many decoded pixels at once. Whose turn it is gets in whatever is there.

    The last is what keeps workers from waiting for each other for ever: the picture that the
    model waits for is never kept out by those behind it.
    """

    def __init__(self, pixels: int) -> None:
        self._free = pixels
        self._turn = 0
        self._closed = False
        self._changed = threading.Condition()

    def enter(self, position: int, pixels: int) -> None:
        """Wait until there is room."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or position <= self._turn or pixels <= self._free
            )
            if self._closed:
                raise RuntimeError("nobody waits for this picture any more")
            self._free -= pixels

    def leave(self, pixels: int) -> None:
        """Give room back."""
        with self._changed:
            self._free += pixels
            self._changed.notify_all()

    def serve(self, position: int) -> None:
        """Say whose turn it is."""
        with self._changed:
            self._turn = position
            self._changed.notify_all()

    def close(self) -> None:
        """Send everybody away who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


@dataclass(frozen=True)
class Reader:
    """What a worker does with one input: fetch, look up, decode, prepare."""

    space: str
    stores: Sequence[Store]
    prepare: Callable[[Any], Any] | None
    max_pixels: int
    room: Room

    def read(self, position: int, source: Any) -> Looked:
        """Look at one input; a picture that cannot be read is an answer, not an exception."""
        is_path = isinstance(source, (str, os.PathLike))
        looked = Looked(position, os.fsdecode(source) if is_path else f"#{position}")

        def admit(pixels: int) -> None:
            self.room.enter(position, pixels)
            looked.held = pixels

        label = name_source(source, None if is_path else looked.name)
        try:
            data = fetch_bytes(source, label, self.max_pixels)
            if data is not None and self._is_known(looked, file_key, data):
                return looked
            image = decode_image(
                source if data is None else data, label, max_pixels=self.max_pixels, admit=admit
            )
            if data is None and self._is_known(looked, picture_key, image):
                return looked
            looked.picture = self.prepare(image) if self.prepare else image
        except ImageError as error:
            looked.error = error
        finally:
            if looked.held and (looked.picture is None or self.prepare):
                self.room.leave(looked.held)
                looked.held = 0
        return looked

    def _is_known(self, looked: Looked, hash_it: Callable[[Any], bytes], content: Any) -> bool:
        if not self.stores:
            return False
        looked.key = hash_it(content)
        for store in self.stores:
            looked.vector = store.get_many(self.space, [looked.key]).get(looked.key)
            if looked.vector is not None:
                return True
        return False


def read_ahead(
    reader: Reader, sources: Iterable[Any], *, workers: int, window: int
) -> Generator[Looked, None, None]:
    """Read inputs in threads, at most ``window`` ahead, and give them in their order.

    Threads, because Pillow lets other threads run while it decodes or resizes, and so does
    torch while it computes. With no workers the caller's thread reads.
    """
    numbered = enumerate(sources)
    if workers == 0:
        for position, source in numbered:
            reader.room.serve(position)
            yield reader.read(position, source)
        return
    executor = start_threads(workers, "fgmm-read")
    pending: deque[tuple[int, Future[Looked]]] = deque()
    try:
        while True:
            while len(pending) < window:
                following = next(numbered, None)
                if following is None:
                    break
                pending.append((following[0], executor.submit(reader.read, *following)))
            if not pending:
                return
            position, future = pending.popleft()
            reader.room.serve(position)
            yield future.result()
    finally:
        reader.room.close()
        executor.shutdown(wait=True, cancel_futures=True)
